"""The run's account: what calls cost, and when no more may be made."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from seedbed.errors import BudgetReached, Interrupted, StopRun
from seedbed.graph.spec import Budget
from seedbed.models.contract import Price, Reply, Usage
from seedbed.models.ledger import Call, Ledger


class Store:
    def __init__(self) -> None:
        self.kept: list[Call] = []

    def find(self, key: bytes, mode: str) -> None:
        return None

    def keep(self, call: Call) -> None:
        self.kept.append(call)


def call(*, ok: bool = True, usd: float = 0.5, node: str = "draft") -> Call:
    return Call(b"key", ok, node, "writer", "r1", b"[]", Reply("yes", usage=Usage(100, 20, 40), seconds=2.0), usd)


def test_calls_are_added_up_in_all_and_by_node() -> None:
    ledger = Ledger(Store())
    ledger.record(call())
    ledger.record(call(ok=False))
    ledger.record(call(node="verdict", usd=0.25))
    ledger.cached("verdict", "writer")
    total = ledger.total
    assert (total.calls, total.bad, total.cached) == (3, 1, 1)
    assert (total.input, total.cached_input, total.output, total.usd, total.seconds) == (300, 120, 60, 1.25, 6.0)
    assert ledger.of("draft", "writer").usd == 1.0
    assert ledger.of("verdict", "writer").cached == 1
    assert len(ledger.store.kept) == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("price", "usd"),
    [
        (Price(input=2, output=10), 100 * 2e-6 + 20 * 10e-6),
        (Price(input=2, output=10, cached_input=1), 60 * 2e-6 + 40 * 1e-6 + 20 * 10e-6),
        (Price(input=2, cached_input=0), 60 * 2e-6),
        (Price(), 0.0),
    ],
)
def test_prices_are_per_million_tokens(price: Price, usd: float) -> None:
    assert price.usd(Usage(100, 20, 40)) == pytest.approx(usd)


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({"usd": 1.0}, "the budget of 1 USD is spent (1.0000 USD)"),
        ({"tokens": 240}, "the budget of 240 tokens is used (240)"),
        ({"calls": 2}, "the budget of 2 calls is used"),
    ],
)
def test_a_budget_is_a_hard_stop(budget: dict[str, Any], said: str) -> None:
    ledger = Ledger(Store(), Budget(**budget))
    ledger.record(call())
    ledger.check()
    ledger.record(call())
    with pytest.raises(BudgetReached) as stop:
        ledger.check()
    assert str(stop.value) == f"{said}; raise `budget` and run the same command to go on"
    assert stop.value.exit_code == 4
    assert ledger.stopped is stop.value
    with pytest.raises(BudgetReached):
        ledger.check()


def test_answers_that_were_there_cost_nothing() -> None:
    ledger = Ledger(Store(), Budget(usd=0.01, calls=1, tokens=1))
    for _ in range(10):
        ledger.cached("draft", "writer")
    ledger.check()


def test_a_budget_that_is_spent_stops_nothing_that_asks_nothing() -> None:
    ledger = Ledger(Store(), Budget(calls=1))
    ledger.record(call())
    ledger.check_time()
    assert ledger.stopped is None


def test_minutes_count_over_all_processes_of_a_run() -> None:
    ledger = Ledger(Store(), Budget(minutes=10), minutes_before=9.999)
    ledger.check_time()
    assert ledger.stopped is None
    ledger.started -= 60
    ledger.check_time()
    assert isinstance(ledger.stopped, BudgetReached)
    assert "the budget of 10 minutes is over" in str(ledger.stopped)


def test_the_first_reason_to_stop_stays() -> None:
    told: list[StopRun] = []
    ledger = Ledger(Store())
    ledger.on_stop.append(told.append)
    first = Interrupted("first")
    ledger.stop(first)
    ledger.stop(Interrupted("second"))
    assert told == [first]
    with pytest.raises(Interrupted, match="first"):
        ledger.check()


def test_a_pause_ends_when_the_run_is_stopped() -> None:
    async def run() -> None:
        ledger = Ledger(Store())
        await ledger.pause(0.001)
        waiting = asyncio.create_task(ledger.pause(60))
        await asyncio.sleep(0)
        ledger.stop(Interrupted("stop"))
        with pytest.raises(Interrupted):
            await asyncio.wait_for(waiting, 5)

    asyncio.run(run())
