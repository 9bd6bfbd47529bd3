"""Pipelines from Python: `seedbed.load(file)` and `seedbed.Pipeline(name)`, and how they are run.

A pipeline runs as it would from a file: same checks, same run directory, same answers kept. Nothing is printed but
what `progress` asks for, and no signal handler is installed: Ctrl-C ends what is in flight, leaves the run resumable,
and is then raised as usual.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self, TypedDict, Unpack

from seedbed.graph.builder import Builder
from seedbed.graph.spec import Pipeline as Loaded
from seedbed.record import Fields
from seedbed.run.background import Background, Feed, rows_of
from seedbed.run.plain import Progress, watcher_for
from seedbed.run.prepare import prepare_document
from seedbed.run.result import Run
from seedbed.run.session import Options, Session
from seedbed.run.summary import Summary


class RunOptions(TypedDict, total=False):
    """How to run."""

    limit: int | None
    """Take the first so many source records."""
    out: str | Path | None
    """The `runs/` folder. Default: beside the pipeline."""
    fresh: bool
    """Start a new run that asks everything anew."""
    retry_failed: bool
    """Try the failed records of the run again."""
    max_failed: float
    """Per cent of the records that may fail for `Run.ok`."""
    progress: Progress
    """What is told on stderr: `plain` lines, `none`, or `auto`: lines on a terminal and in a notebook."""


class Pipeline(Builder):
    """A pipeline: built call by call, or from a file by `seedbed.load`. Every method changes it and returns it.

    run = (
        seedbed.Pipeline("stories", seed=7)
        .model("writer", "local")
        .source(["seeds/*.jsonl"], limit=100)
        .llm("story", model="writer", prompt="A story about {{ topic }}.")
        .filter("story | length > 200")
        .sink("stories.jsonl")
        .run()
    )
    """

    def check(self) -> Self:
        """Checks the whole of it, sources and sinks included. Raises SpecError with every problem, or InputError."""
        self._loaded()
        return self

    def run(self, **options: Unpack[RunOptions]) -> Run:
        """Runs it to its end, or goes on with an unfinished run of the same pipeline.

        Works where an event loop runs already, as in notebooks. Raises SpecError or InputError before anything is
        run, and a StopRun (BudgetReached, EndpointDown, AccessDenied, StorageError) where the run had to stop; it goes
        on at the next call. Records that fail raise nothing: they are in `Run.failed`.
        """
        session = self._session(options)
        background = Background(session.run, session.stop)
        background.start()
        return _ended(session, background.join(), options)

    async def arun(self, **options: Unpack[RunOptions]) -> Run:
        """As `run`, in the caller's event loop. Cancelled, it ends what is in flight and leaves the run resumable."""
        session = self._session(options)
        task = asyncio.create_task(session.run())
        try:
            summary = await asyncio.shield(task)
        except asyncio.CancelledError:
            while not task.done() and not session.stop():
                await asyncio.sleep(0.05)
            await asyncio.wait([task])
            raise
        return _ended(session, summary, options)

    def stream(self, **options: Unpack[RunOptions]) -> Iterator[Fields]:
        """The final rows with their `id`, in source order, while it runs at the reader's pace.

        A reader who stops early stops the run; the next `stream()` or `run()` goes on with it, and gives the rows
        from the first one on without asking again. Raises as `run` does.
        """
        feeds: list[Feed] = []
        session = self._session(options, lambda row, record: feeds[0].put(row, record))
        ends: list[Summary] = []

        async def work(feed: Feed) -> Summary:
            feeds.append(feed)
            return await session.run()

        yield from rows_of(work, session.stop, ends.append)
        run = _ended(session, ends[0], options)
        if ends[0].untouched:
            yield from run.records()

    def _loaded(self) -> Loaded:
        return prepare_document(self._document, self._base, self._sets)

    def _session(self, options: RunOptions, on_row: Any = None) -> Session:
        out = options.get("out")
        how = Options(
            limit=options.get("limit"),
            out=None if out is None else Path(out),
            fresh=options.get("fresh", False),
            retry_failed=options.get("retry_failed", False),
            sets=self._sets,
            on_row=on_row,
        )
        return Session(self._loaded(), how, watcher_for(options.get("progress", "auto")))


def load(path: str | Path, sets: Iterable[str] | Mapping[str, Any] = ()) -> Pipeline:
    """A pipeline from a file. `sets` changes values of it: `{"params.topic": "art"}`, or `["params.topic=art"]`.

    Its messages name lines of the file. Raises InputError if there is no such file, SpecError if it is no YAML; the
    rest is checked by `check` and before a run.
    """
    pipeline = Pipeline.from_yaml(Path(path))
    pairs = [f"{key}={json.dumps(value)}" for key, value in sets.items()] if isinstance(sets, Mapping) else sets
    pipeline._sets = tuple(pairs)
    return pipeline


def _ended(session: Session, summary: Summary, options: RunOptions) -> Run:
    if summary.stop is not None:
        summary.stop.add_note(f"run directory: {summary.folder}")
        raise summary.stop
    return Run(session.pipeline, summary, options.get("max_failed", 0.0))
