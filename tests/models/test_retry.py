"""Attempts: how many, how long between them, what a failure means. Nothing here sleeps."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any, ClassVar

import pytest

from seedbed.errors import (
    AccessDenied,
    BadReply,
    BudgetReached,
    EndpointDown,
    Interrupted,
    ModelError,
    RateLimited,
    Refused,
    Unavailable,
    Unreachable,
)
from seedbed.graph.contracts import Visit
from seedbed.graph.spec import Budget
from seedbed.models import retry
from seedbed.models.contract import Price, Provider, Reply, Request, Usage
from seedbed.models.gate import Gate
from seedbed.models.ledger import Call, Ledger
from seedbed.models.retry import Retrying


class Store:
    """Keeps calls in a list."""

    def __init__(self) -> None:
        self.kept: list[Call] = []

    def find(self, key: bytes, mode: str) -> Reply | None:
        return None

    def keep(self, call: Call) -> None:
        self.kept.append(call)


class Scene:
    """A provider that does what it is told, one thing for each attempt, and all that stands around it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *acts: Any, budget: Budget | None = None, **model: Any) -> None:
        self.acts = list(acts)
        self.asked: list[Request] = []
        self.pauses: list[float] = []
        self.store = Store()
        self.gate = Gate(4)
        self.ledger = Ledger(self.store, budget)
        scene = self

        class Told(Provider):
            draws: ClassVar[bool] = True

            async def ask(self, request: Request, visit: Visit | None) -> Reply:
                scene.asked.append(request)
                act = scene.acts.pop(0) if len(scene.acts) > 1 else scene.acts[0]
                if isinstance(act, BaseException):
                    raise act
                return act if isinstance(act, Reply) else Reply(act, usage=Usage(10, 5))

        async def pause(ledger: Ledger, seconds: float) -> None:
            scene.pauses.append(seconds)

        monkeypatch.setattr(Ledger, "pause", pause)
        self.provider = Told(provider="told", **model)
        self.provider._name = "writer"
        self.retrying = Retrying(self.provider, self.gate, self.ledger)

    def ask(self, accept: Any = None, key: bytes = b"key") -> tuple[Any, float]:
        visit = Visit({}, "r1", "draft", 1, 7)
        request = Request([{"role": "user", "content": "Say it."}], accept=accept)
        answer, usd = asyncio.run(self.retrying.ask(request, key, b"[]", visit))
        return answer.value, usd


def not_empty(reply: Reply) -> str:
    if not reply.text:
        raise BadReply("empty", reply=reply.text)
    if reply.text.startswith("bad"):
        raise BadReply("not JSON", reply=reply.text, feedback=f"mend {reply.text}")
    return reply.text.upper()


def test_the_first_answer_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, "yes", price=Price(input=100, output=1000))
    assert scene.ask() == ("yes", pytest.approx(10 * 100e-6 + 5 * 1000e-6))
    assert [(call.ok, call.node, call.model, call.record) for call in scene.store.kept] == [
        (True, "draft", "writer", "r1")
    ]
    assert scene.gate.busy == 0


@pytest.mark.parametrize("retries", [0, 2, 5])
def test_so_many_further_attempts_and_no_more(monkeypatch: pytest.MonkeyPatch, retries: int) -> None:
    scene = Scene(monkeypatch, Unavailable("HTTP 500", reply="oh"), retries=retries)
    with pytest.raises(Unavailable) as failure:
        scene.ask()
    assert len(scene.asked) == failure.value.attempts == retries + 1
    assert len(scene.pauses) == retries
    assert scene.gate.busy == 0


def test_waits_grow_with_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = defaultdict(list)
    scene = Scene(monkeypatch, "yes")
    for failures in range(1, 12):
        waits[failures] = [scene.retrying._wait(failures, Unavailable("x")) for _ in range(200)]
    for failures, drawn in waits.items():
        full = min(retry.LONGEST_WAIT, retry.FIRST_WAIT * 2 ** (failures - 1))
        assert full / 2 <= min(drawn) < 0.6 * full
        assert 0.9 * full < max(drawn) <= full
    assert max(waits[11]) <= 60


def test_waits_between_attempts_are_those(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, *[Unavailable("HTTP 503", reply="")] * 4, "yes")
    assert scene.ask()[0] == "yes"
    bounds = [(0.25, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 4.0)]
    assert all(low <= wait <= high for wait, (low, high) in zip(scene.pauses, bounds, strict=True))


@pytest.mark.parametrize("asked", [0.05, 0.4, 7.0, 90.0])
def test_retry_after_wins_and_is_never_cut(monkeypatch: pytest.MonkeyPatch, asked: float) -> None:
    scene = Scene(monkeypatch, "yes")
    waits = [scene.retrying._wait(6, Unavailable("x", wait=asked)) for _ in range(200)]
    assert asked <= min(waits)
    assert max(waits) <= asked + 0.5
    assert len(set(waits)) > 100, "not all come back at once"


def test_a_429_uses_up_no_attempt_while_the_endpoint_is_only_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, *[RateLimited("slow down")] * 30, "yes", retries=1)
    assert scene.ask()[0] == "yes"
    assert len(scene.asked) == 31
    assert scene.pauses[0] <= 0.5
    assert 30 <= scene.pauses[-1] <= 60, "and it is asked ever more rarely"


def test_a_429_counts_once_nobody_was_answered_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PATIENCE", 0.0)
    scene = Scene(monkeypatch, RateLimited("slow down", reply="slow down"), retries=2)
    with pytest.raises(RateLimited) as failure:
        scene.ask()
    assert failure.value.attempts == 3
    assert scene.ledger.stopped is None


def test_a_refusal_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, Refused("HTTP 400: no such parameter", reply="no"))
    with pytest.raises(Refused):
        scene.ask()
    assert len(scene.asked) == 1


def test_a_key_that_is_not_accepted_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, AccessDenied("HTTP 401"))
    for _ in range(3):
        with pytest.raises(AccessDenied, match=r"^model `writer`: HTTP 401$"):
            scene.ask()
    assert len(scene.asked) == 1, "once is enough to know"


def test_an_endpoint_that_nobody_reaches_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, Unreachable("cannot reach it"), retries=1)
    with pytest.raises(EndpointDown, match="model `writer`: cannot reach it; check that it runs"):
        scene.ask()
    assert len(scene.asked) == 2
    assert isinstance(scene.ledger.stopped, EndpointDown)


def test_an_endpoint_that_goes_away_stops_the_run_and_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, "yes", Unreachable("cannot reach it"), retries=2)
    assert scene.ask()[0] == "yes"
    with pytest.raises(EndpointDown):
        scene.ask()
    assert len(scene.asked) == 4


def test_one_that_others_reach_fails_the_record_only(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, Unreachable("cannot reach it"), retries=1)

    class Busy(Gate):
        """Others are answered all the time."""

        @property
        def answers(self) -> int:
            self.seen += 1
            return self.seen

        @answers.setter
        def answers(self, value: int) -> None:
            self.seen = value

    scene.retrying.gate = Busy(4)
    with pytest.raises(Unreachable):
        scene.ask()
    assert scene.ledger.stopped is None


def test_silence_from_the_beginning_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, Unavailable("no answer within 1 s"), retries=1)
    with pytest.raises(EndpointDown, match="no answer within 1 s"):
        scene.ask()


def test_silence_later_fails_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, "yes", Unavailable("no answer within 1 s"), retries=1)
    scene.ask()
    with pytest.raises(Unavailable):
        scene.ask()
    assert scene.ledger.stopped is None


def test_empty_replies_count_as_attempts_and_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, "", retries=2, price=Price(input=100))
    with pytest.raises(BadReply) as failure:
        scene.ask(not_empty)
    assert len(scene.asked) == failure.value.attempts == 3
    assert [call.ok for call in scene.store.kept] == [False] * 3
    assert scene.ledger.total.usd == pytest.approx(3 * 10 * 100e-6), "they are paid nevertheless"
    assert scene.pauses == []


def test_a_bad_reply_is_sent_back_with_what_is_wrong_twice_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, "bad 1", "bad 2", "bad 3", "bad 4", "good", retries=5)
    value, _ = scene.ask(not_empty)
    assert value == "GOOD"
    first = [{"role": "user", "content": "Say it."}]

    def told(reply: str) -> list[dict[str, str]]:
        return [*first, {"role": "assistant", "content": reply}, {"role": "user", "content": f"mend {reply}"}]

    assert [request.messages for request in scene.asked] == [first, told("bad 1"), told("bad 2"), first, first]
    assert [call.ok for call in scene.store.kept] == [False] * 4 + [True]
    assert [call.error for call in scene.store.kept][:1] == ["not JSON"]


def test_repairs_are_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, "bad", retries=1)
    with pytest.raises(BadReply):
        scene.ask(not_empty)
    assert len(scene.asked) == 2


def test_each_attempt_has_a_draw_of_its_own_the_same_in_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def draws(key: bytes) -> list[int | None]:
        scene = Scene(monkeypatch, Unavailable("x", reply=""), "", "yes")
        scene.ask(not_empty, key)
        return [request.draw for request in scene.asked]

    assert len(set(draws(b"key"))) == 3
    assert draws(b"key") == draws(b"key")
    assert not set(draws(b"key")) & set(draws(b"other"))
    assert all(isinstance(draw, int) and draw >= 0 for draw in draws(b"key"))


def test_a_stopped_run_asks_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, "yes")
    scene.ledger.stop(Interrupted("stop"))
    with pytest.raises(Interrupted):
        scene.ask()
    assert scene.asked == []


def test_a_spent_budget_asks_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, "yes", budget=Budget(calls=2))
    scene.ask()
    scene.ask()
    with pytest.raises(BudgetReached, match="the budget of 2 calls is used; raise `budget`"):
        scene.ask()
    assert len(scene.asked) == 2


def test_a_stop_ends_the_wait_for_the_gate_and_for_the_next_attempt() -> None:
    async def run() -> None:
        ledger = Ledger(Store())
        gate = Gate(1, rpm=1)
        ledger.on_stop.append(lambda error: gate.refuse(ledger, error))

        class Slow(Provider):
            async def ask(self, request: Request, visit: Visit | None) -> Reply:
                raise Unavailable("HTTP 503", reply="", wait=60)

        retrying = Retrying(Slow(provider="slow"), gate, ledger)
        visit = Visit({}, "r", "n", 1, 0)
        calls = [asyncio.create_task(retrying.ask(Request([]), b"%d" % i, b"", visit)) for i in range(3)]
        await asyncio.sleep(0.05)
        ledger.stop(Interrupted("stop"))
        ended = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)
        assert [type(error) for error in ended] == [Interrupted] * 3
        assert gate.busy == 0

    asyncio.run(run())


def test_failed_attempts_are_counted_by_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[ModelError] = [Unavailable("x", reply=""), RateLimited("y"), Unavailable("z", reply="")]
    scene = Scene(monkeypatch, *failures, "yes")
    scene.ask()
    assert scene.ledger.problems == {"Unavailable": 2, "RateLimited": 1}
    assert scene.ledger.of("draft", "writer").retries == 3
