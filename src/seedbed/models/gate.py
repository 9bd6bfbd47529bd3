"""How many calls may be in flight at one endpoint, and how fast they may follow each other.

One gate stands before each endpoint, shared by all models, nodes and runs of the process. A fixed concurrency is a
ceiling; `auto` finds its own: it doubles until the endpoint says no (429, 503, time-outs) or until more calls in
flight bring no more answers per second, then it goes up in small steps and down by a third.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextvars import ContextVar
from heapq import heapify, heappop, heappush
from typing import Any, Literal
from weakref import WeakKeyDictionary

from seedbed.models.contract import Limits

FIRST = 8
"""Calls in flight with which `auto` starts."""
CEILING = 512
"""Calls in flight that `auto` never exceeds."""
turn: ContextVar[int] = ContextVar("turn", default=0)
"""The place of the record for which a call is made in the order of the run. Earlier records go first, so that records
are finished before others are begun."""
CUT = 0.7
"""What is left of the limit after the endpoint said no."""


class Gate:
    """The gate of one endpoint."""

    def __init__(self, concurrency: int | Literal["auto"] = "auto", rpm: int | None = None, tpm: int | None = None):
        self.auto = concurrency == "auto"
        self.ceiling = CEILING if concurrency == "auto" else concurrency
        self.limit = float(min(FIRST, self.ceiling) if self.auto else self.ceiling)
        self.busy = 0
        self.answers = 0
        """HTTP answers so far, refusals included: a sign of life."""
        self.last_success = -math.inf
        """When a call was last answered, by the monotonic clock."""
        self.throttles = 0
        self.waiting: list[tuple[int, int, asyncio.Future[None], object]] = []
        """Who waits for a place: a heap of turn, arrival, future and owner."""
        self._arrivals = 0
        self._requests = Bucket(rpm) if rpm else None
        self._tokens = Bucket(tpm) if tpm else None
        self._closed_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._last_cut = 0.0
        self._climb = _Climb() if self.auto else None

    async def enter(self, tokens: int = 0, owner: object = None) -> float:
        """Waits for a place. Returns the seconds to let pass before the call is made, because of `rpm` and `tpm`.

        `tokens` is an estimate of what the call will use, `owner` whom `refuse` may send away.
        """
        if self.busy >= int(self.limit) or self.waiting or self._closed_until:
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._arrivals += 1
            heappush(self.waiting, (turn.get(), self._arrivals, place, owner))
            self._admit()
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled() and place.exception() is None:
                    self.leave()
                raise
        else:
            self.busy += 1
        requests = self._requests.take(1) if self._requests else 0.0
        return max(requests, self._tokens.take(tokens) if self._tokens else 0.0)

    def leave(self) -> None:
        """Gives the place back."""
        self.busy -= 1
        if self.waiting:
            self._admit()

    def used(self, tokens: int, estimated: int) -> None:
        """Corrects the estimate given to `enter`."""
        if self._tokens:
            self._tokens.give(estimated - tokens)

    def succeeded(self) -> None:
        """A call was answered."""
        self.answers += 1
        self.last_success = time.monotonic()
        if self.limit < self.ceiling:
            if self._climb is None:
                self.limit = min(self.ceiling, self.limit + 1 / self.limit)
            elif self.busy >= self.limit - 1:
                self.limit = min(self.ceiling, self._climb.after(self.limit))

    def throttled(self, wait: float | None, asked: float = math.inf) -> None:
        """The endpoint said no to a call made at `asked`. `wait` closes the gate for that many seconds."""
        self.answers += 1
        self.throttles += 1
        if asked > self._last_cut:  # else it was made under the limit that has been cut already
            self._last_cut = time.monotonic()
            self.limit = max(1.0, min(self.limit, self.busy) * CUT)
            if self._climb:
                self._climb.stop()
        if wait:
            self._close_for(min(wait, 300.0))

    def _close_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        if until > self._closed_until:
            self._closed_until = until
            if self._timer:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(seconds, self._open)

    def _open(self) -> None:
        self._closed_until = 0.0
        self._timer = None
        self._admit()

    def _admit(self) -> None:
        if self._closed_until:
            return
        while self.waiting and self.busy < int(self.limit):
            place = heappop(self.waiting)[2]
            if not place.done():
                self.busy += 1
                place.set_result(None)

    def refuse(self, owner: object, error: BaseException) -> None:
        """Sends all of an owner's calls that wait away with an error."""
        leaving = [place for _, _, place, whose in self.waiting if whose is owner]
        self.waiting = [item for item in self.waiting if item[3] is not owner]
        heapify(self.waiting)
        for place in leaving:
            if not place.done():
                place.set_exception(error)


class _Climb:
    """Finds the limit of an endpoint that does not name it, from answers per second.

    A limit is tried for three times as many answers as it has places; the first third was asked under the one before.
    """

    def __init__(self) -> None:
        self.doubling = True
        self._count = 0
        self._since = time.monotonic()
        self._best_rate = 0.0
        self._best_limit = float(FIRST)
        self._flat = 0

    def after(self, limit: float) -> float:
        """The limit after one more answer while all places were taken."""
        self._count += 1
        places = int(limit)
        if self._count == places:
            self._since = time.monotonic()
        if self._count < 3 * places:
            return limit
        self._count = 0
        return self._next(limit, 2 * places / max(time.monotonic() - self._since, 1e-6))

    def _next(self, limit: float, rate: float) -> float:
        """The limit to try after one that brought `rate` answers per second."""
        onward = 2 * limit if self.doubling else limit + max(1.0, limit / 20)
        # A part of what more places would bring if they brought all they could: answers do not take equally long.
        worth = 1.02 + max(limit / self._best_limit - 1, 0.0) / (5 if self.doubling else 2)
        if rate > self._best_rate * worth:
            self._best_rate, self._best_limit, self._flat = rate, limit, 0
            return onward
        self._flat += 1
        if self.doubling and self._flat == 1:
            return limit
        if self.doubling or self._flat == 4:
            self.doubling = False
            return self._best_limit
        if self._flat >= 20:
            self._flat, self._best_rate, self._best_limit = 0, rate, limit
        return onward if self._flat < 4 else limit

    def stop(self) -> None:
        """The endpoint said no: no more doubling."""
        self.doubling = False
        self._count = self._flat = 0
        self._best_rate = 0.0


class Bucket:
    """So many units a minute, with a burst of two seconds' worth."""

    def __init__(self, per_minute: int) -> None:
        self.rate = per_minute / 60
        self.burst = max(1.0, 2 * self.rate)
        self._level = self.burst
        self._at = time.monotonic()

    def take(self, units: float) -> float:
        """Takes `units`. Returns for how many seconds the bucket will be overdrawn."""
        now = time.monotonic()
        self._level = min(self.burst, self._level + max(now - self._at, 0.0) * self.rate)
        self._at = now
        self._level -= units
        return max(-self._level / self.rate, 0.0)

    def give(self, units: float) -> None:
        """Gives units back, or takes more (negative) that were used already."""
        self._level += units


_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Any, Gate]] = WeakKeyDictionary()


def gate_for(address: str, limits: Limits, known: int | None) -> Gate:
    """The gate of an endpoint in the running loop. `known` is the concurrency the provider knows to be right."""
    concurrency = known if limits.concurrency == "auto" and known else limits.concurrency
    gates = _gates.setdefault(asyncio.get_running_loop(), {})
    key = (address, concurrency, limits.rpm, limits.tpm)
    if key not in gates:
        gates[key] = Gate(concurrency, limits.rpm, limits.tpm)
    return gates[key]
