"""Makes a pipeline happen: records stream from the source through the steps to the sinks.

Each step pulls from the one before, so that a slow sink holds back the source. Steps run anew in a resumed run, on
the same records in the same order; what worker steps did is taken from the store. Names no node and no step type.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from itertools import islice
from pathlib import Path

from seedbed.errors import NodeError, RecordError, StopRun
from seedbed.graph.contracts import Step, StepRun, WorkerStep
from seedbed.graph.spec import Pipeline
from seedbed.io.sources import BadRow, open_sources
from seedbed.models.ledger import Ledger
from seedbed.models.open import Models
from seedbed.record import Fields, Record
from seedbed.run.context import RunContext
from seedbed.run.counts import StepCounts
from seedbed.run.output import final_fields
from seedbed.run.reject import Reject, Rejects, of_error
from seedbed.run.scratch import DiskSeen, Scratch
from seedbed.run.store import RunStore
from seedbed.run.worker import Worker

Write = Callable[[Fields, Record], Awaitable[None] | None]
"""Takes a row; what it returns is awaited before the next one."""

BATCH = 256
"""Source rows read at a time, in a thread."""
LEAST_PLACES = 64
"""Records that are worked on at once even where no model sets a measure."""


class Executor:
    """One pass of a pipeline over its source."""

    def __init__(
        self,
        pipeline: Pipeline,
        folder: Path,
        limit: int | None,
        store: RunStore,
        ledger: Ledger,
        models: Models,
        rejects: Rejects,
    ) -> None:
        self.pipeline = pipeline
        self.folder = folder
        self.limit = limit
        self.store = store
        self.ledger = ledger
        self.models = models
        self.rejects = rejects
        self.source = StepCounts("source", "source")
        self.steps = [StepCounts(step.name, step.type) for step in pipeline.steps]
        self.output = StepCounts("output", "output")
        self._scratch = Scratch(folder / "scratch.db")
        self._threads = ThreadPoolExecutor(32, thread_name_prefix="seedbed")
        self._workers: list[Worker] = []
        self._runs: dict[int, StepRun] = {}
        ledger.on_stop.append(lambda _: self.wake())

    @property
    def counts(self) -> list[StepCounts]:
        """Counts of the source, each step, and the output."""
        return [self.source, *self.steps, self.output]

    @property
    def accepted(self) -> int:
        """Records that reached the sinks."""
        return self.output.given

    def wake(self) -> None:
        """Makes waiting steps look again."""
        for worker in self._workers:
            worker.wake()

    async def run(self, write: Write) -> None:
        """Brings every record to its end; `write` takes the rows, in source order, and holds all back where it waits.

        Raises StopRun once all that was under way has ended, and any other error as it comes.
        """
        stream: AsyncGenerator[Record, None] = self._source()
        for number, step in enumerate(self.pipeline.steps):
            stream = self._through(number, step, stream)
        final = final_fields(self.pipeline)
        target = self.pipeline.target
        counts = self.output
        try:
            async with aclosing(stream):
                async for record in stream:
                    if self.ledger.stopped is not None:
                        raise self.ledger.stopped
                    counts.taken += 1
                    try:
                        waits = write(final(record), record)
                        if waits is not None:
                            await waits
                    except RecordError as error:
                        self._fail(counts, record, error)
                        continue
                    counts.given += 1
                    if target is not None and counts.given >= target.accepted:
                        break
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._scratch.close()

    # the source

    async def _source(self) -> AsyncGenerator[Record, None]:
        loop = asyncio.get_running_loop()
        rows = open_sources(self.pipeline.sources, self.pipeline.base, self._most_rows())
        memory = Scratch(self.folder / "scratch-source.db")
        seen = memory.seen()
        counts = self.source
        try:
            with ThreadPoolExecutor(1, thread_name_prefix="seedbed-source") as thread:
                while batch := await loop.run_in_executor(thread, _take, rows, seen):
                    if self.ledger.stopped is not None:
                        raise self.ledger.stopped
                    for row, first in batch:
                        counts.taken += 1
                        if isinstance(row, BadRow):
                            self._bad_row(row)
                        elif first is not None:
                            self._double(row, first)
                        else:
                            counts.given += 1
                            yield row
        finally:
            memory.close()

    def _most_rows(self) -> int | None:
        most = self.pipeline.target.max_candidates if self.pipeline.target else None
        limits = [n for n in (self.limit, most) if n is not None]
        return min(limits) if limits else None

    def _bad_row(self, row: BadRow) -> None:
        self.source.fail("RowError")
        reject = Reject(row.id, row.place, "source", "RowError", row.error, attempts=1, reply=row.raw or None)
        self.rejects.add(reject, "failed", "source")

    def _double(self, row: Record, first: str) -> None:
        self.source.fail("DuplicateId")
        message = f"the id {row.id!r} stands at {first} already; give each row an id of its own"
        self.rejects.add(Reject(row.id, row.place, "source", "DuplicateId", message, attempts=1), "failed", "source")

    # the steps

    def _through(self, number: int, step: Step, upstream: AsyncGenerator[Record, None]) -> AsyncGenerator[Record, None]:
        counts = self.steps[number]
        context = RunContext(
            step.name, self.pipeline, self.folder, self.models, self._threads, self._scratch, counts, self.rejects
        )
        if isinstance(step, WorkerStep):
            work = step.work(context)
            worker = Worker(
                number,
                step,
                work,
                self.store,
                self.ledger,
                counts,
                self.rejects,
                partial(self._places, number),
                context,
            )
            self._workers.append(worker)
            return worker.run(upstream)
        self._runs[number] = step.open(context)
        return self._stream(step, self._runs[number], counts, upstream)

    def _places(self, number: int) -> tuple[int, int]:
        """How many records a worker step may work on, and how many it may hold in all.

        No more are held than a later `limit`, or the target, is likely to take, by the share that got there so far.
        """
        places = max(LEAST_PLACES, 2 * self.models.in_flight() + 32)
        left = self.steps[number].taken - self.steps[number].waiting
        held = 1 << 30
        for later in range(number + 1, len(self.steps)):
            run = self._runs.get(later)
            if self.pipeline.steps[later].whole:
                return places, held
            if run is not None and run.wants is not None:
                held = min(held, _likely(run.wants, self.steps[later].taken, left))
        target = self.pipeline.target
        if target is not None:
            held = min(held, _likely(target.accepted - self.output.given, self.output.given, left))
        return places, held

    async def _stream(
        self, step: Step, run: StepRun, counts: StepCounts, upstream: AsyncGenerator[Record, None]
    ) -> AsyncGenerator[Record, None]:
        async with aclosing(upstream):
            async for record in upstream:
                counts.taken += 1
                gone = counts.gone
                try:
                    made = list(run.take(record))
                except RecordError as error:
                    self._fail(counts, record, error)
                except (StopRun, sqlite3.Error):
                    raise  # no record is to blame
                except Exception as error:
                    unexpected = NodeError(f"step `{step.name}`: {type(error).__name__}: {error}")
                    unexpected.__cause__ = error
                    self._fail(counts, record, unexpected)
                else:
                    for child in made:
                        counts.given += 1
                        yield child
                    if step.whole and counts.gone == gone:
                        counts.waiting += 1
                if run.done:
                    break
        counts.waiting = 0
        unwanted = True
        try:
            for i, record in enumerate(run.finish()):
                counts.given += 1
                yield record
                if i % 256 == 255:
                    await asyncio.sleep(0)
            unwanted = False
        finally:
            if unwanted:
                counts.waiting = max(counts.taken - counts.given - counts.gone, 0)

    def _fail(self, counts: StepCounts, record: Record, error: RecordError) -> None:
        counts.fail(type(error).__name__)
        self.rejects.add(of_error(record, counts.name, error), "failed", counts.name)


def _take(rows: Iterator[Record | BadRow], seen: DiskSeen) -> list[tuple[Record | BadRow, str | None]]:
    """The next rows, each with the place of an earlier row of the same id. Runs in the source's thread."""
    batch = list(islice(rows, BATCH))
    found = iter(seen.add_all([(_key(row), row.place) for row in batch if isinstance(row, Record)]))
    return [(row, next(found) if isinstance(row, Record) else None) for row in batch]


def _key(row: Record) -> bytes:
    return row.id.encode("utf-8", "surrogatepass")


def _likely(wanted: int, arrived: int, left: int) -> int:
    """How many records it takes until `wanted` more arrive, when `arrived` of the `left` ones have."""
    return max(1, round(wanted * (left + 1) / (arrived + 1)))
