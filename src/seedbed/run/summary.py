"""How a run stands when a process of it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from seedbed.errors import StopRun
from seedbed.models.ledger import Totals

Status = Literal["running", "stopped", "budget", "finished"]


@dataclass(slots=True)
class Summary:
    """How a run stands at the end of a process."""

    name: str
    run: str
    folder: Path
    status: Status
    accepted: int
    """Records that reached the sinks."""
    wanted: int | None
    """How many `target` asks for."""
    failed: int
    dropped: int
    taken: int
    """Source rows read."""
    seconds: float
    total: Totals
    counts: list[dict[str, Any]] = field(default_factory=list)
    nodes: list[dict[str, Any]] = field(default_factory=list)
    sinks: list[str] = field(default_factory=list)
    resumed: bool = False
    """Whether outcomes of an earlier process were used."""
    untouched: bool = False
    """Whether there was nothing to do."""
    stop: StopRun | None = None
    warnings: list[str] = field(default_factory=list)

    def exit_code(self, max_failed: float = 0.0) -> int:
        """As DESIGN's table of exit codes says. `max_failed` is in per cent of the source rows."""
        if self.stop is not None:
            return self.stop.exit_code
        if self.wanted is not None and self.accepted < self.wanted:
            return 1
        return 1 if self.failed > max_failed / 100 * max(self.taken, 1) else 0
