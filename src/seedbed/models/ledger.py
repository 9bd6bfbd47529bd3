"""What a run's calls were, what they cost, and whether it may make another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from seedbed.errors import BudgetReached, StopRun
from seedbed.graph.spec import Budget
from seedbed.models.contract import Reply

MORE = "raise `budget` and run the same command to go on"


@dataclass(slots=True)
class Call:
    """One reply of an endpoint, usable or not, as it is kept."""

    key: bytes
    """Hash of what was sent and of the sample index."""
    ok: bool
    """Whether it is an answer, to be used again."""
    node: str
    model: str
    record: str
    asked: bytes
    """The messages as JSON."""
    reply: Reply
    usd: float
    error: str = ""
    """Why it is no answer."""
    shared: bool = False
    """Whether it goes to the store that all of the user's projects share."""


class CallStore(Protocol):
    """Keeps calls. Given by whoever runs the pipeline."""

    def find(self, key: bytes, mode: str) -> Reply | None:
        """The answer kept under a key. `mode` is the model's `cache`: project, user or run."""

    def keep(self, call: Call) -> None:
        """Keeps a call for good, soon."""


@dataclass(slots=True)
class Totals:
    """Counts of calls, tokens and dollars."""

    calls: int = 0
    """Replies of endpoints."""
    cached: int = 0
    """Answers taken from the store instead."""
    bad: int = 0
    """Replies that were no answer."""
    retries: int = 0
    input: int = 0
    cached_input: int = 0
    output: int = 0
    usd: float = 0.0
    seconds: float = 0.0
    """Time spent waiting for endpoints, summed over calls."""

    def add(self, call: Call) -> None:
        """Counts a reply."""
        usage = call.reply.usage
        self.calls += 1
        self.bad += not call.ok
        self.input += usage.input
        self.cached_input += usage.cached_input
        self.output += usage.output
        self.usd += call.usd
        self.seconds += call.reply.seconds


@dataclass(slots=True)
class Ledger:
    """The run's account: every call goes through `record`, every attempt asks `check` first."""

    store: CallStore
    budget: Budget | None = None
    minutes_before: float = 0.0
    """Minutes that earlier processes of this run took."""
    total: Totals = field(default_factory=Totals)
    by_node: dict[tuple[str, str], Totals] = field(default_factory=dict)
    """Per node and model."""
    problems: dict[str, int] = field(default_factory=dict)
    """Failed attempts by kind of error."""
    stopped: StopRun | None = None
    started: float = field(default_factory=time.monotonic)
    on_stop: list[Callable[[StopRun], None]] = field(default_factory=list)
    _event: asyncio.Event = field(default_factory=asyncio.Event)

    def check(self) -> None:
        """Raises StopRun if no further attempt may be made."""
        if self.stopped is not None:
            raise self.stopped
        if self.budget is not None:
            reached = self._reached(self.budget)
            if reached:
                error = BudgetReached(reached, hint=MORE)
                self.stop(error)
                raise error

    def _reached(self, budget: Budget) -> str:
        total = self.total
        if budget.usd is not None and total.usd >= budget.usd:
            return f"the budget of {budget.usd:g} USD is spent ({total.usd:.4f} USD)"
        tokens = total.input + total.output
        if budget.tokens is not None and tokens >= budget.tokens:
            return f"the budget of {budget.tokens:,} tokens is used ({tokens:,})"
        if budget.calls is not None and total.calls >= budget.calls:
            return f"the budget of {budget.calls:,} calls is used"
        return self._time_over(budget)

    def _time_over(self, budget: Budget) -> str:
        if budget.minutes is not None and self.minutes() >= budget.minutes:
            return f"the budget of {budget.minutes:g} minutes is over"
        return ""

    def check_time(self) -> None:
        """Stops the run if its time is over, which may come between two calls."""
        if self.stopped is None and self.budget is not None and (over := self._time_over(self.budget)):
            self.stop(BudgetReached(over, hint=MORE))

    def minutes(self) -> float:
        """Minutes this run took, all its processes together."""
        return self.minutes_before + (time.monotonic() - self.started) / 60

    def stop(self, error: StopRun) -> None:
        """No further attempt is made; those under way end as they will. The first reason stays."""
        if self.stopped is None:
            self.stopped = error
            self._event.set()
            for call in self.on_stop:
                call(error)

    async def pause(self, seconds: float) -> None:
        """Waits, but no longer than until the run is stopped; raises what stopped it."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return
        self.check()

    def of(self, node: str, model: str) -> Totals:
        """The totals of one node and model."""
        totals = self.by_node.get((node, model))
        if totals is None:
            totals = self.by_node[node, model] = Totals()
        return totals

    def record(self, call: Call) -> None:
        """Counts and keeps a reply."""
        self.total.add(call)
        self.of(call.node, call.model).add(call)
        self.store.keep(call)

    def cached(self, node: str, model: str) -> None:
        """Counts an answer taken from the store."""
        self.total.cached += 1
        self.of(node, model).cached += 1

    def failed_attempt(self, kind: str, node: str, model: str) -> None:
        """Counts an attempt that brought no answer."""
        self.problems[kind] = self.problems.get(kind, 0) + 1
        self.total.retries += 1
        self.of(node, model).retries += 1
