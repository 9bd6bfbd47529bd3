"""How a run is shown while it goes on and when it is over: plain lines, or JSON lines for other programs."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from typing import Any

import click

from seedbed.run.session import Session, Summary, Watcher

EVERY = 5.0
"""Seconds between two progress lines where there is no terminal."""


def watcher_for(*, quiet: bool, as_json: bool, max_failed: float = 0.0) -> Watcher:
    """The watcher for a command's options."""
    if as_json:
        return JsonLines(max_failed)
    if quiet:
        return Quiet()
    return Lines()


class Quiet:
    """Errors and a one-line summary, to stderr."""

    def started(self, session: Session) -> None:
        """Says nothing."""

    def tick(self, session: Session) -> None:
        """Says nothing."""

    def ended(self, session: Session, summary: Summary) -> None:
        """One line."""
        if summary.stop is not None:
            click.echo(f"seedbed: {summary.stop}", err=True)
        click.echo(one_line(summary), err=True)


class Lines(Quiet):
    """Plain lines to stderr, for logs and pipes."""

    def __init__(self) -> None:
        self._last = 0.0

    def started(self, session: Session) -> None:
        """Names the run."""
        for warning in session.pipeline.warnings:
            click.echo(f"warning: {warning}", err=True)
        word = "going on with" if session.resumed else "run"
        click.echo(f"{word} {session.folder}", err=True)

    def tick(self, session: Session) -> None:
        """A line every few seconds."""
        now = time.monotonic()
        if now - self._last < EVERY:
            return
        self._last = now
        counts, totals = session.counts, session.totals
        if counts:
            failed = sum(step.failed.total() for step in counts)
            dropped = sum(step.dropped.total() for step in counts)
            click.echo(
                f"{counts[0].taken:,} read · {counts[-1].given:,} done · {dropped:,} dropped · {failed:,} failed · "
                f"{totals.calls:,} calls · {totals.usd:.4f} USD",
                err=True,
            )

    def ended(self, session: Session, summary: Summary) -> None:
        """Counts by step, then the summary."""
        for step in summary.counts:
            gone = {**step["dropped"], **step["failed"]}
            why = f"  ({', '.join(f'{name}: {n:,}' for name, n in gone.items())})" if gone else ""
            click.echo(f"  {step['step']:<16} {step['in']:>9,} in {step['out']:>9,} out{why}", err=True)
        super().ended(session, summary)
        for path in summary.sinks if summary.status == "finished" else ():
            click.echo(f"  {path}", err=True)


class JsonLines:
    """One JSON object a line on stdout; the last is the summary."""

    def __init__(self, max_failed: float) -> None:
        self._max_failed = max_failed
        self._last = 0.0

    def _say(self, event: str, **values: Any) -> None:
        sys.stdout.write(json.dumps({"event": event, **values}, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def started(self, session: Session) -> None:
        """The run's name and folder."""
        self._say("started", name=session.pipeline.name, run=session.run_id, folder=str(session.folder),
                  resumed=session.resumed, warnings=session.pipeline.warnings)  # fmt: skip

    def tick(self, session: Session) -> None:
        """Counts, once a second."""
        if time.monotonic() - self._last >= 1.0:
            self._last = time.monotonic()
            steps = [step.as_dict() for step in session.counts]
            self._say("progress", steps=steps, models=_plain(session.totals))

    def ended(self, session: Session, summary: Summary) -> None:
        """The summary."""
        self._say("summary", **summary_object(summary, self._max_failed))


def summary_object(summary: Summary, max_failed: float = 0.0) -> dict[str, Any]:
    """A summary as JSON."""
    return {
        "name": summary.name, "run": summary.run, "folder": str(summary.folder), "status": summary.status,
        "exit_code": summary.exit_code(max_failed), "accepted": summary.accepted, "failed": summary.failed,
        "dropped": summary.dropped, "read": summary.taken, "seconds": round(summary.seconds, 3),
        "usd": summary.total.usd, "models": _plain(summary.total), "steps": summary.counts, "nodes": summary.nodes,
        "sinks": summary.sinks, "resumed": summary.resumed, "why": str(summary.stop or ""),
    }  # fmt: skip


def _plain(totals: Any) -> dict[str, Any]:
    return asdict(totals)


def one_line(summary: Summary) -> str:
    """What came of a run, in one line."""
    total = summary.total
    words = {"finished": "done", "stopped": "stopped", "budget": "budget reached"}
    head = "nothing to do" if summary.untouched else words.get(summary.status, summary.status)
    parts = [f"{summary.accepted:,} records"]
    if summary.wanted is not None:
        parts[0] += f" of {summary.wanted:,}"
    parts += [f"{summary.dropped:,} dropped", f"{summary.failed:,} failed", f"{total.calls:,} calls"]
    if total.cached:
        parts.append(f"{total.cached:,} answered before")
    parts += [f"{total.usd:.4f} USD", f"{summary.seconds:.1f} s"]
    return f"{head}: {' · '.join(parts)} · {summary.folder}"
