"""What nodes and steps are given of the run they are part of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from seedbed.errors import RecordError
from seedbed.graph.keeping import Index, Seen, Spool
from seedbed.graph.spec import Pipeline
from seedbed.record import Record
from seedbed.run.counts import StepCounts
from seedbed.run.reject import Reject, Rejects, of_error
from seedbed.run.scratch import Scratch


class RunContext:
    """The context of one step (see `seedbed.graph.contracts.StepContext`)."""

    def __init__(
        self,
        name: str,
        pipeline: Pipeline,
        folder: Path,
        models: Any,
        threads: Executor,
        scratch: Scratch,
        counts: StepCounts,
        rejects: Rejects,
    ) -> None:
        self.name = name
        self.seed = pipeline.seed
        self.base = pipeline.base
        self.folder = folder
        self.params = pipeline.params
        self._models = models
        self._threads = threads
        self._scratch = scratch
        self._counts = counts
        self.background: set[asyncio.Task[Any]] = set()
        self.wanted = True
        self._rejects = rejects

    def model(self, name: str) -> Any:
        """The open model of that name."""
        return self._models[name]

    def run_blocking(self, call: Callable[[], Any]) -> Awaitable[Any]:
        """Runs a blocking call in a thread."""
        return asyncio.get_running_loop().run_in_executor(self._threads, call)

    def drop(self, record: Record, reason: str, detail: str = "") -> None:
        """Counts a record as dropped and keeps it aside."""
        self._counts.drop(reason)
        self._rejects.add(Reject(record.id, record.place, self.name, reason, detail), "dropped", self.name)

    def fail(self, record: Record, error: RecordError) -> None:
        """Counts a record that the step brought in itself as failed and keeps it aside."""
        self._counts.fail(type(error).__name__)
        self._rejects.add(of_error(record, self.name, error), "failed", self.name)

    def spool(self) -> Spool:
        """An empty spool."""
        return self._scratch.spool()

    def seen(self) -> Seen:
        """An empty set."""
        return self._scratch.seen()

    def index(self) -> Index:
        """An empty index."""
        return self._scratch.index()
