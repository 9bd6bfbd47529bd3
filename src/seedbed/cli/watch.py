"""How a run is shown while it goes on: a panel, plain lines, JSON lines for other programs, or hardly at all."""

from __future__ import annotations

import json
import sys
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict
from typing import Any, Protocol

import click

from seedbed.cli.summary import closing_lines, headline, summary_object, tables
from seedbed.cli.text import clean, money, near, some, tint
from seedbed.errors import InputError
from seedbed.graph.spec import Pipeline
from seedbed.run.session import Options, Session, Watcher
from seedbed.run.summary import Summary

EVERY = 5.0
"""Seconds between two progress lines where there is no terminal."""


class Closing(Watcher, Protocol):
    """A watcher that may hold the terminal."""

    def close(self) -> None:
        """Gives the terminal back, however the run ended. May be called twice."""


def run_watched(pipeline: Pipeline, options: Options, watcher: Closing) -> Summary:
    """Runs a pipeline in this thread and shows it. Raises UserError; how it stopped is in the summary."""
    from seedbed.run.signals import run_here

    try:
        with _fetching_shown(watcher):
            return run_here(pipeline, options, watcher)
    finally:
        watcher.close()


def _fetching_shown(watcher: Closing) -> AbstractContextManager[None]:
    """Shows what an embedded model's first use fetches, where the run itself is shown."""
    if isinstance(watcher, JsonLines) or (isinstance(watcher, Silent) and not isinstance(watcher, Lines)):
        return nullcontext()
    from seedbed.cli.fetching import shown

    return shown(plain=isinstance(watcher, Lines))


def watcher_for(pipeline: Pipeline, *, quiet: bool, as_json: bool, max_failed: float = 0.0) -> Closing:
    """The watcher for a command's options and the terminal there is."""
    to_stdout = any(sink.path == "-" for sink in pipeline.sinks)
    if as_json:
        if to_stdout:
            hint = "write the records to a file, as in --set sink=out.jsonl, or leave --json out"
            raise InputError("a sink and --json would both write to standard output", hint=hint)
        return JsonLines(max_failed)
    if quiet:
        return Quiet()
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal or (to_stdout and sys.stdout.isatty()):
        return Lines()
    from seedbed.cli.panel import Panel

    return Panel(console, Lines())


class Silent:
    """Says nothing."""

    def started(self, session: Session) -> None:
        """Says nothing."""

    def tick(self, session: Session) -> None:
        """Says nothing."""

    def ended(self, session: Session, summary: Summary) -> None:
        """Says nothing."""

    def close(self) -> None:
        """Holds nothing."""


class Quiet(Silent):
    """Errors and a one-line summary, to stderr."""

    def ended(self, session: Session, summary: Summary) -> None:
        """Why it stopped, if it did, and one line."""
        if summary.stop is not None:
            say(tint(clean(f"seedbed: {summary.stop}"), fg="yellow"))
        say(f"{headline(summary)} · {near(summary.folder)}")


class Lines(Quiet):
    """Plain lines to stderr, for logs and pipes."""

    def __init__(self) -> None:
        self._last = 0.0

    def started(self, session: Session) -> None:
        """Names the run."""
        self._last = time.monotonic()
        for warning in session.pipeline.warnings:
            say(tint(clean(f"warning: {warning}"), fg="yellow"))
        say(f"{'going on with' if session.resumed else 'run'} {near(session.folder)}")

    def tick(self, session: Session) -> None:
        """A line every few seconds."""
        now = time.monotonic()
        if now - self._last >= EVERY and session.counts:
            self._last = now
            say(progress_line(session))

    def ended(self, session: Session, summary: Summary) -> None:
        """Counts by step and node, the summary, where the files are and what to do next."""
        if not summary.untouched:
            for line in [*tables(summary.counts, summary.nodes), ""]:
                say(line)
        if summary.stop is not None:
            say(tint(clean(f"seedbed: {summary.stop}"), fg="yellow"))
        say(tint(headline(summary), fg="yellow" if summary.exit_code() else "green", bold=True))
        for line in closing_lines(summary, session.pipeline):
            say(line)


class JsonLines(Silent):
    """One JSON object a line on stdout; the last is the summary."""

    def __init__(self, max_failed: float) -> None:
        self._max_failed = max_failed
        self._last = 0.0
        self._heard = True

    def _say(self, event: str, **values: Any) -> None:
        """A line, as long as somebody reads: whoever goes away does not stop the run."""
        if not self._heard:
            return
        try:
            sys.stdout.write(json.dumps({"event": event, **values}, ensure_ascii=False) + "\n")
            sys.stdout.flush()
        except OSError:
            self._heard = False

    def started(self, session: Session) -> None:
        """The run's name and folder."""
        self._say("started", name=session.pipeline.name, run=session.run_id, folder=str(session.folder),
                  resumed=session.resumed, warnings=session.pipeline.warnings)  # fmt: skip

    def tick(self, session: Session) -> None:
        """Counts, once a second."""
        if time.monotonic() - self._last >= 1.0:
            self._last = time.monotonic()
            steps = [step.as_dict() for step in session.counts]
            problems = session.ledger.problems if session.ledger else {}
            self._say("progress", steps=steps, models=asdict(session.totals), problems=problems)

    def ended(self, session: Session, summary: Summary) -> None:
        """The summary."""
        self._say("summary", **summary_object(summary, self._max_failed))


def progress_line(session: Session) -> str:
    """Where a run stands, in one line."""
    counts, totals = session.counts, session.totals
    parts = [f"{counts[0].taken:,} read", f"{counts[-1].given:,} done"]
    for word in ("dropped", "failed"):
        count = sum(getattr(step, word).total() for step in counts)
        if count:
            parts.append(f"{count:,} {word}")
    if totals.calls:
        parts.append(some(totals.calls, "call"))
    if totals.usd:
        parts.append(money(totals.usd))
    if session.ledger and session.ledger.problems:
        parts.append(", ".join(f"{count:,} times {kind}" for kind, count in session.ledger.problems.items()))
    return " · ".join(parts)


def say(line: str) -> None:
    """A line to stderr; a reader that has gone away does not stop the run."""
    with suppress(OSError):
        click.echo(line, err=True)
