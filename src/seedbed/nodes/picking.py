"""Which of several models a call goes to.

All but `least_busy` depend on the run's seed and the record alone, never on time.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Literal

from seedbed.graph.contracts import Visit
from seedbed.models.contract import Caller, Request
from seedbed.models.gate import turn

Pick = Literal["all", "weighted", "round_robin", "random", "least_busy"]

Picker = Callable[[Visit, Request, int], Caller]
"""The model for one sample of a visit."""


def picker(pick: Pick, callers: Sequence[Caller], weights: Sequence[float] | None = None) -> Picker:
    """The function that picks; for every `pick` but `all`."""
    if pick == "least_busy":
        return lambda visit, request, sample: _least_busy(callers, visit, request, sample)
    if pick == "round_robin":
        # The place of the record in the run, not the order in which records get here.
        return lambda visit, request, sample: callers[(turn.get() + visit.number + sample) % len(callers)]
    sums = list(accumulate(weights or [1.0] * len(callers)))

    def drawn(visit: Visit, request: Request, sample: int) -> Caller:
        at = visit.random("model", sample).random() * sums[-1]
        return callers[min(bisect(sums, at), len(callers) - 1)]

    return drawn


def _least_busy(callers: Sequence[Caller], visit: Visit, request: Request, sample: int) -> Caller:
    """The model whose endpoint has most room; one that has answered this already goes first, so that no answer is
    paid for twice."""
    for caller in callers:
        if caller.knows(request, visit, sample):
            return caller
    return min(callers, key=lambda caller: caller.load)
