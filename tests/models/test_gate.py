"""The gate: how many calls are in flight, and how fast they follow each other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from seedbed.errors import Interrupted
from seedbed.models import gate as gates
from seedbed.models.contract import Limits
from seedbed.models.gate import FIRST, Bucket, Gate, gate_for


class Clock:
    """A monotonic clock that stands still until it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(gates.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_fixed_concurrency_is_a_ceiling() -> None:
    async def run() -> None:
        gate = Gate(3)
        calls = [asyncio.create_task(gate.enter()) for _ in range(10)]
        await turns()
        assert (gate.busy, sum(call.done() for call in calls)) == (3, 3)
        for _ in range(7):
            gate.succeeded()
            gate.leave()
            await turns()
            assert gate.busy == 3
        assert all(call.done() for call in calls)
        for _ in range(3):
            gate.leave()
        assert gate.busy == 0

    asyncio.run(run())


def test_first_come_first_served() -> None:
    async def run() -> None:
        gate = Gate(1)
        order: list[int] = []

        async def call(number: int) -> None:
            await gate.enter()
            order.append(number)
            gate.leave()

        await asyncio.gather(*[call(number) for number in range(20)])
        assert order == list(range(20))

    asyncio.run(run())


def test_a_call_cancelled_while_it_waits_takes_no_place() -> None:
    async def run() -> None:
        gate = Gate(1)
        await gate.enter()
        waiting = asyncio.create_task(gate.enter())
        await turns()
        waiting.cancel()
        await turns()
        gate.leave()
        assert gate.busy == 0
        given = asyncio.create_task(gate.enter())
        other = asyncio.create_task(gate.enter())
        await turns()
        gate.leave()  # `other` has its place now, and is cancelled before it learns of it
        other.cancel()
        await turns()
        assert given.done()
        assert gate.busy == 0

    asyncio.run(run())


def test_auto_doubles_while_that_brings_more_and_is_cut_when_told_no(clock: Clock) -> None:
    async def run() -> None:
        gate = Gate("auto")
        assert gate.limit == FIRST
        for _ in range(1000):  # an endpoint that answers twice as much in a second when asked twice as much
            clock.now += 0.1 / gate.limit
            gate.busy = int(gate.limit)
            gate.succeeded()
        assert gate.limit > 16 * FIRST
        before = gate.limit
        clock.now += 1
        gate.busy = int(before)
        gate.throttled(None)
        assert gate.limit == pytest.approx(before * gates.CUT, rel=0.05)
        cut = gate.limit
        gate.throttled(None, asked=clock.now - 0.5)
        assert gate.limit == cut, "one storm is one cut"
        for _ in range(4 * int(cut)):
            clock.now += 0.1 / gate.limit
            gate.busy = int(gate.limit)
            gate.succeeded()
        assert cut < gate.limit < 1.2 * cut, "after a no it goes up in small steps"

    asyncio.run(run())


def test_auto_stops_to_climb_where_more_in_flight_brings_no_more_answers(clock: Clock) -> None:
    async def run() -> None:
        gate = Gate("auto")
        limits = []
        for _ in range(20_000):  # 50 ms an answer and 32 at a time: a server that queues
            gate.busy = int(gate.limit)
            clock.now += 0.05 / min(gate.limit, 32)
            gate.succeeded()
            limits.append(gate.limit)
        assert max(limits) < 100
        assert 32 <= sum(limits[5000:]) / 15_000 < 50

    asyncio.run(run())


def test_auto_does_not_climb_while_places_are_free(clock: Clock) -> None:
    async def run() -> None:
        gate = Gate("auto")
        for _ in range(100):
            gate.busy = 2
            clock.now += 0.01
            gate.succeeded()
        assert gate.limit == FIRST

    asyncio.run(run())


def test_a_cut_ceiling_grows_back() -> None:
    async def run() -> None:
        gate = Gate(16)
        gate.busy = 16
        gate.throttled(None)
        assert 11 <= gate.limit < 12
        for _ in range(200):
            gate.succeeded()
        assert gate.limit == 16

    asyncio.run(run())


def test_retry_after_closes_the_gate_also_for_a_fraction_of_a_second() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        gate = Gate(4)
        await gate.enter()
        started = loop.time()
        gate.throttled(0.12)
        gate.leave()
        await gate.enter()
        assert 0.11 <= loop.time() - started < 2

    asyncio.run(run())


def test_the_longer_of_two_retry_afters_wins() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        gate = Gate(4)
        started = loop.time()
        gate.throttled(0.15)
        gate.throttled(0.01)
        await gate.enter()
        assert loop.time() - started >= 0.14

    asyncio.run(run())


def test_requests_per_minute_are_spaced(clock: Clock) -> None:
    async def run() -> None:
        gate = Gate(1000, rpm=600)  # ten a second, twenty at once
        waits = [await gate.enter() for _ in range(50)]
        assert waits[:20] == [0.0] * 20
        assert waits[20:] == [pytest.approx((number + 1) / 10) for number in range(30)]
        clock.now += 3.0
        assert await gate.enter() == pytest.approx(0.1)
        clock.now += 60.0
        assert await gate.enter() == 0.0

    asyncio.run(run())


def test_tokens_per_minute_are_corrected_by_what_was_used(clock: Clock) -> None:
    async def run() -> None:
        gate = Gate(1000, tpm=6000)  # a hundred a second, two hundred at once
        assert await gate.enter(200) == 0.0
        assert await gate.enter(100) == pytest.approx(1.0)
        gate.used(tokens=20, estimated=200)
        assert await gate.enter(80) == 0.0
        gate.used(tokens=180, estimated=80)
        assert await gate.enter(50) == pytest.approx(1.5)

    asyncio.run(run())


def test_a_bucket_never_holds_more_than_its_burst(clock: Clock) -> None:
    bucket = Bucket(60)
    clock.now += 3600
    assert [bucket.take(1) for _ in range(3)] == [0.0, 0.0, pytest.approx(1.0)]


def test_only_the_owner_s_calls_are_refused() -> None:
    async def run() -> None:
        gate = Gate(1)
        await gate.enter()
        mine, other = object(), object()
        refused: Awaitable[float] = asyncio.ensure_future(gate.enter(0, mine))
        kept = asyncio.ensure_future(gate.enter(0, other))
        await turns()
        gate.refuse(mine, Interrupted("stop"))
        with pytest.raises(Interrupted):
            await refused
        assert not kept.done()
        gate.leave()
        await kept
        assert gate.busy == 1

    asyncio.run(run())


def test_one_endpoint_one_gate() -> None:
    async def run() -> None:
        limits = Limits(concurrency=4)
        assert gate_for("http://a", limits, None) is gate_for("http://a", Limits(concurrency=4), None)
        assert gate_for("http://a", limits, None) is not gate_for("http://b", limits, None)
        assert gate_for("local", Limits(), 2).limit == 2

    asyncio.run(run())
    first: list[Gate] = []

    async def once() -> None:
        first.append(gate_for("http://a", Limits(), None))

    asyncio.run(once())
    asyncio.run(once())
    assert first[0] is not first[1], "each event loop has gates of its own"


@pytest.mark.parametrize("value", [0, -1])
def test_a_concurrency_below_one_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        Limits(concurrency=value)
