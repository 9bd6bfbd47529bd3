"""How a run started from Python tells how it goes: a line to stderr now and then."""

from __future__ import annotations

import sys
import time
from typing import Literal

from seedbed.run.session import Session, Watcher
from seedbed.run.summary import Summary

Progress = Literal["auto", "plain", "none"]
EVERY = 5.0
"""Seconds between two lines."""


def watcher_for(progress: Progress) -> Watcher | None:
    """The watcher that tells so much. `auto` tells where a person looks: on a terminal and in a notebook."""
    looked_at = sys.stderr.isatty() or "ipykernel" in sys.modules
    return Lines() if progress == "plain" or (progress == "auto" and looked_at) else None


class Lines:
    """Plain lines."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def started(self, session: Session) -> None:
        """Names the warnings; short runs say no more than their last line."""
        for warning in session.pipeline.warnings:
            print(f"warning: {warning}", file=sys.stderr)

    def tick(self, session: Session) -> None:
        """How far it has come."""
        now = time.monotonic()
        if now - self._last >= EVERY and session.counts:
            self._last = now
            dropped, failed = (sum(getattr(c, kind).total() for c in session.counts) for kind in ("dropped", "failed"))
            _say(session.counts[0].taken, session.counts[-1].given, dropped, failed, session.totals.usd)

    def ended(self, session: Session, summary: Summary) -> None:
        """What came of it."""
        _say(summary.taken, summary.accepted, summary.dropped, summary.failed, summary.total.usd, f"{summary.status}: ")


def _say(read: int, done: int, dropped: int, failed: int, usd: float, head: str = "") -> None:
    counts = f"{read:,} read · {done:,} done · {dropped:,} dropped · {failed:,} failed"
    print(f"{head}{counts} · {usd:.4f} USD", file=sys.stderr, flush=True)
