"""How the fetching of an embedded model's weights is shown: a bar on a terminal, plain lines otherwise."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from seedbed.cli.text import size
from seedbed.models.weights import Stage, watcher

EVERY = 5.0
"""Seconds between two plain lines."""

_WORDS: dict[Stage, str] = {
    "download": "fetching",
    "verify": "verifying",
    "wait": "waiting for another process to fetch",
}


@contextmanager
def shown(console: Console | None = None, *, plain: bool = False) -> Iterator[None]:
    """Shows what is fetched inside, on stderr, and nothing if nothing is. `plain` keeps to lines on a terminal, too."""
    console = console or Console(stderr=True)
    display = _Lines() if plain or not console.is_terminal else _Bar(console)
    token = watcher.set(display.tell)
    try:
        yield
    finally:
        watcher.reset(token)
        display.close()


class _Lines:
    def __init__(self) -> None:
        self._stage: tuple[Stage, str] | None = None
        self._next = 0.0

    def tell(self, stage: Stage, name: str, done: int, total: int) -> None:
        """A line when something begins, and every few seconds."""
        now = time.monotonic()
        if (stage, name) == self._stage and now < self._next:
            return
        if stage == "verify" and self._stage is None:
            return  # A file that was there already is hashed too quickly to be worth a line.
        self._stage, self._next = (stage, name), now + EVERY
        click.echo(f"{_WORDS[stage]} {name}: {size(done)} of {size(total)}", err=True)

    def close(self) -> None:
        """Holds nothing."""


class _Bar:
    """A rich progress bar that appears with the first report. Reports come from any thread."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._tasks: dict[tuple[Stage, str], TaskID] = {}

    def tell(self, stage: Stage, name: str, done: int, total: int) -> None:
        """Moves the bar of this stage and file, and takes it away when all is there, so that another may follow."""
        with self._lock:
            if stage == "verify" and done == total:
                self._stop()
                return
            if self._progress is None:
                columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
                self._progress = Progress(*columns, console=self._console, transient=True)
                self._progress.start()
            task = self._tasks.get((stage, name))
            if task is None:
                for other in self._tasks.values():
                    self._progress.update(other, visible=False)
                task = self._progress.add_task(f"{_WORDS[stage]} {name}", total=total)
                self._tasks[stage, name] = task
            self._progress.update(task, completed=done, total=total)

    def close(self) -> None:
        """Takes the bar away."""
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
        self._progress = None
        self._tasks.clear()
