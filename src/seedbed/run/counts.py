"""Counts by step: in, out, dropped and failed by reason. The numbers add up:

in + made = out + merged + waiting + dropped + failed
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

MOST_REASONS = 100
"""Further reasons are counted as `other`, so that counts stay small."""


@dataclass(slots=True)
class StepCounts:
    """What went through one step."""

    name: str
    type: str = ""
    taken: int = 0
    """Records in."""
    given: int = 0
    """Records out."""
    waiting: int = 0
    """Records that the step works on or holds back."""
    ready: int = 0
    """Those of the waiting ones that are done and only wait for an earlier one."""
    replayed: int = 0
    """Records whose outcome was in the store already."""
    dropped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def drop(self, reason: str) -> None:
        """Counts a drop."""
        self.dropped[reason if reason in self.dropped or len(self.dropped) < MOST_REASONS else "other"] += 1

    def fail(self, reason: str) -> None:
        """Counts a failure."""
        self.failed[reason if reason in self.failed or len(self.failed) < MOST_REASONS else "other"] += 1

    @property
    def gone(self) -> int:
        """Records dropped or failed."""
        return self.dropped.total() + self.failed.total()

    def as_dict(self) -> dict[str, Any]:
        """For events, the summary and the store."""
        lost = self.taken - self.given - self.gone - self.waiting
        counts: dict[str, Any] = {"step": self.name, "in": self.taken, "out": self.given}
        if lost < 0:
            counts["made"] = -lost
        elif lost > 0:
            counts["merged"] = lost
        if self.waiting:
            counts["waiting"] = self.waiting
        counts["dropped"] = dict(self.dropped)
        counts["failed"] = dict(self.failed)
        return counts
