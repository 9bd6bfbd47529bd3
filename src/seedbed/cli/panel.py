"""The live panel on a terminal: how far a run is, how fast, what it costs, what fails, and each model's limit.

It is drawn in the run's own thread, a few times a second and never for more than a small share of the time. It is
erased when the run is over, and the same lines follow that a run without a terminal ends with.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from seedbed.cli.progress import Pace, Speed, part_done, seconds_left
from seedbed.cli.text import clean, duration, money, one_line, rate
from seedbed.cli.watch import Closing
from seedbed.models.ledger import Totals
from seedbed.run.counts import StepCounts
from seedbed.run.extent import source_rows
from seedbed.run.session import Session
from seedbed.run.summary import Summary

LEAST_PAUSE = 0.2
"""Seconds between two drawings at least."""
SHARE = 0.02
"""Of the time, at most, that is spent drawing."""
MOST_ROWS = 12
"""Steps, nodes or reasons shown in one table."""


class Panel:
    """A watcher that draws. What it shows at the end, `last` says."""

    def __init__(self, console: Console, last: Closing) -> None:
        self._console = console
        self._last = last
        self._live: Live | None = None
        self._pace = Pace()
        self._speed = Speed()
        self._rows: int | None = None
        self._next = 0.0

    def started(self, session: Session) -> None:
        """Names the run and takes the terminal."""
        self._last.started(session)
        self._live = Live(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=sys.stdout.isatty(),
            vertical_overflow="crop",
        )  # fmt: skip
        self._live.start()
        threading.Thread(target=self._count_rows, args=(session,), daemon=True).start()
        if session.ledger is not None:
            session.ledger.on_stop.append(lambda _: self._stopping(session))

    def _count_rows(self, session: Session) -> None:
        self._rows = source_rows(session.pipeline, session.options.limit)

    def _stopping(self, session: Session) -> None:
        """A second Ctrl-C ends the process on the spot: the cursor must be back by then."""
        with suppress(OSError):
            self._console.show_cursor(True)
            self._draw(session)

    def tick(self, session: Session) -> None:
        """Draws, if it is time to."""
        begun = time.monotonic()
        if self._live is None or begun < self._next or not session.counts:
            return
        with suppress(OSError):
            self._draw(session)
        taken = time.monotonic() - begun
        self._next = begun + max(LEAST_PAUSE - 0.05, taken / SHARE)

    def _draw(self, session: Session) -> None:
        if self._live is not None and session.counts:
            self._live.update(self.view(session), refresh=True)

    def ended(self, session: Session, summary: Summary) -> None:
        """Gives the terminal back and says what came of it."""
        self.close()
        self._last.ended(session, summary)

    def close(self) -> None:
        """Erases the panel and brings the cursor back."""
        live, self._live = self._live, None
        if live is not None:
            with suppress(OSError):
                live.stop()

    # what is drawn

    def view(self, session: Session) -> RenderableType:
        """The panel as it stands."""
        totals, counts = session.totals, session.counts
        part = part_done(session.pipeline, counts, self._rows)
        self._speed = self._pace.add(totals.calls, totals.input + totals.output, part or 0.0)
        blocks: list[RenderableType] = [Text(""), _bar(session, part, self._speed), self._figures(session)]
        blocks += [Text(""), _steps(counts)]
        if session.ledger is not None and session.ledger.by_node:
            blocks += [Text(""), _nodes(session.ledger.by_node)]
        if session.models is not None and session.models.gates:
            blocks += [Text(""), _models(session)]
        if reasons := _reasons(session):
            blocks += [Text(""), reasons]
        return Group(*blocks)

    def _figures(self, session: Session) -> Text:
        totals, counts = session.totals, session.counts
        source, output = counts[0], counts[-1]
        read = f"{source.taken:,} of {self._rows:,} read" if self._rows else f"{source.taken:,} read"
        done = f"{output.given:,} done"
        if session.pipeline.target is not None:
            done = f"{output.given:,} of {session.pipeline.target.accepted:,} done"
        dropped, failed = (sum(getattr(c, kind).total() for c in counts) for kind in ("dropped", "failed"))
        parts = [
            (read, ""),
            (done, "green"),
            (f"{dropped:,} dropped", ""),
            (f"{failed:,} failed", "red" if failed else ""),
        ]
        if session.models is not None and session.models.gates:
            parts.append((f"{rate(self._speed.calls)} calls/s", "cyan"))
            parts.append((f"{rate(self._speed.tokens)} tokens/s", "cyan"))
        budget = session.pipeline.budget
        if totals.usd or (budget and budget.usd):
            of = f" of {budget.usd:g}" if budget and budget.usd else ""
            parts.append((money(totals.usd).removesuffix(" USD") + f"{of} USD", "yellow"))
        text = Text("  ")
        for i, (words, style) in enumerate(parts):
            text.append(" · " if i else "", "dim").append(words, style)
        return text


def _bar(session: Session, part: float | None, speed: Speed) -> Table:
    passed = duration(time.monotonic() - session.started_at)
    line = Table.grid(padding=(0, 2))
    stopped = session.ledger.stopped if session.ledger is not None else None
    if stopped is not None:
        flying = sum(gate.busy for gate in session.models.gates.values()) if session.models else 0
        words = f"stopping: {one_line(stopped.message, 40)}; {flying} in flight"
        line.add_row(Text(""), Text(words, "yellow bold"), Text(passed))
        return line
    if part is None:
        line.add_row(Text(""), ProgressBar(total=None, width=30, animation_time=time.monotonic()), Text(passed))
        return line
    left = seconds_left(part, speed)
    eta = Text("" if left is None else f"about {duration(left)} left")
    line.add_row(
        Text(""), ProgressBar(total=1.0, completed=part, width=30), Text(f"{part:.0%}", "bold"), Text(passed), eta
    )
    return line


def _table(heads: Sequence[str], texts: int) -> Table:
    """An empty table; the first `texts` columns are words, the others figures."""
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim", show_edge=False)
    for i, head in enumerate(heads):
        words = i < texts
        table.add_column(f"  {head}" if i == 0 else head, justify="left" if words else "right", no_wrap=True,
                         max_width=24 if words else None, overflow="ellipsis")  # fmt: skip
    return table


def _steps(counts: Sequence[StepCounts]) -> Table:
    table = _table(("step", "in", "out", "waiting", "dropped", "failed"), 1)
    shown = counts if len(counts) <= MOST_ROWS else [counts[0], *counts[-MOST_ROWS + 1 :]]
    for step in shown:
        dropped, failed = step.dropped.total(), step.failed.total()
        table.add_row(
            Text(f"  {clean(step.name)}"), *map(_number, (step.taken, step.given, step.waiting, dropped)),
            Text(_number(failed), "red" if failed else ""),
        )  # fmt: skip
    return table


def _nodes(by_node: dict[tuple[str, str], Totals]) -> Table:
    table = _table(("node", "model", "calls", "cached", "retries", "tokens in", "out", "USD"), 2)
    busiest = sorted(by_node.items(), key=lambda item: -item[1].seconds)[:MOST_ROWS]
    for key, of in by_node.items():
        if any(key == other for other, _ in busiest):
            table.add_row(
                Text(f"  {clean(key[0])}"), Text(clean(key[1])),
                *map(_number, (of.calls, of.cached, of.retries, of.input, of.output)),
                money(of.usd).removesuffix(" USD") if of.usd else "–",
            )  # fmt: skip
    return table


def _models(session: Session) -> Table:
    table = _table(("model", "limit", "in flight", "in line", "slowed down"), 1)
    assert session.models is not None
    for name, gate in list(session.models.gates.items())[:MOST_ROWS]:
        limit = f"{int(gate.limit)}{' auto' if gate.auto else ''}"
        table.add_row(Text(f"  {clean(name)}"), limit, *map(_number, (gate.busy, len(gate.waiting), gate.throttles)))
    return table


def _reasons(session: Session) -> Table | None:
    """Why records failed, and which attempts were made again, most frequent first."""
    rows = sorted(_failures(session.counts), key=lambda row: -row[0])[:MOST_ROWS]
    problems = sorted((session.ledger.problems if session.ledger else {}).items(), key=lambda item: -item[1])
    if not rows and not problems:
        return None
    table = Table.grid(padding=(0, 1))
    for count, why in rows:
        table.add_row(Text(f"  {count:,}", "red"), Text(f"failed  {one_line(why, 60)}"))
    if problems:
        words = ", ".join(f"{count:,} {kind}" for kind, count in problems[:4])
        table.add_row(Text(""), Text(f"failed attempts  {words}", "dim"))
    return table


def _failures(counts: Sequence[StepCounts]) -> Iterator[tuple[int, str]]:
    for step in counts:
        for reason, count in step.failed.items():
            yield count, reason if ": " in reason else f"{step.name}: {reason}"


def _number(value: int) -> str:
    return f"{value:,}" if value else "–"
