"""How far a run is, how fast it goes, and when it will be over: arithmetic on its counts, nothing else."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from seedbed.graph.contracts import Step, WorkerStep
from seedbed.graph.spec import Pipeline
from seedbed.run.counts import StepCounts

WINDOW = 15.0
"""Seconds over which the speed of calls is taken."""
LONG_WINDOW = 90.0
"""Seconds over which the speed of the whole is taken: records may end in bursts."""

_KEEPS_ALL = ("sort", "shuffle")
"""Steps that hold back all rows and give as many as they took."""


class Speed(NamedTuple):
    """Per second, over the last seconds."""

    calls: float = 0.0
    tokens: float = 0.0
    part: float = 0.0
    """Of the whole run."""


class Pace:
    """Speeds over sliding windows."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int, int, float]] = deque()

    def add(self, calls: int, tokens: int, part: float, now: float | None = None) -> Speed:
        """Takes note of the totals at this moment and says how fast they grow."""
        now = time.monotonic() if now is None else now
        self._seen.append((now, calls, tokens, part))
        while self._seen[0][0] < now - LONG_WINDOW and len(self._seen) > 2:
            self._seen.popleft()
        then, old_calls, old_tokens, _ = next(seen for seen in self._seen if seen[0] >= now - WINDOW)
        first, _, _, old_part = self._seen[0]
        if now - then < 0.5:
            return Speed()
        past = now - then
        return Speed((calls - old_calls) / past, (tokens - old_tokens) / past, (part - old_part) / (now - first))


def seconds_left(part: float | None, speed: Speed) -> float | None:
    """How long it will still take at this speed; None where nobody can know."""
    if part is None or speed.part <= 0 or part < 0.005:
        return None
    return (1.0 - part) / speed.part


def part_done(pipeline: Pipeline, counts: Sequence[StepCounts], rows: int | None) -> float | None:
    """Which part of the work is done, from 0 to 1; None where nobody can know.

    `counts` are those of the source, each step and the output; `rows` is how many the source will give. Work is what
    steps do that ask models, each weighing the same; where there are none, what the worker steps do, or else reading.
    """
    heavy = {id(step) for step in _heavy(pipeline)}
    source, output = counts[0], counts[-1]
    found: list[float] = []
    if pipeline.target is not None:
        found.append(output.given / pipeline.target.accepted)
    expected: float | None = None if rows is None else float(rows)
    if expected and source.taken:
        if not heavy:
            found.append(source.taken / expected)
        expected *= source.given / source.taken
    parts: list[float] = []
    for step, count in zip(pipeline.steps, counts[1:], strict=False):
        most = getattr(step, "n", None)
        if isinstance(most, int) and most > 0 and not step.whole:
            found.append(count.given / most)
        if id(step) in heavy and expected is not None:
            parts.append(min((count.taken - count.waiting + count.ready) / max(expected, 1.0), 1.0))
        expected = _given(step, count, expected, most)
    if parts and len(parts) == len(heavy):
        found.append(sum(parts) / len(parts))
    return min(max(found), 1.0) if found else None


def _heavy(pipeline: Pipeline) -> list[Step]:
    workers: list[Step] = [step for step in pipeline.steps if isinstance(step, WorkerStep)]
    return [step for step in workers if step.models()] or workers


def _given(step: Step, count: StepCounts, expected: float | None, most: Any) -> float | None:
    """How many records a step will give in all."""
    if step.whole:
        if isinstance(most, int):
            known = float(count.taken) if count.given else expected
            return float(most) if known is None else min(float(most), known)
        if step.type in _KEEPS_ALL:
            return float(count.taken - count.gone) if count.given else expected
        return None
    worked = count.taken - count.waiting
    if expected is None or worked <= 0:
        return expected
    return expected * count.given / worked
