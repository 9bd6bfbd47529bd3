"""The final rows of a run, made again from what is stored: nothing is asked, nothing is written into the run.

What worker steps did is taken from `run.db`; the other steps run anew. Rows end where the run has not got to yet.
"""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from seedbed.errors import Interrupted
from seedbed.graph.contracts import Outcome, Step, StepContext, Work, WorkerStep
from seedbed.graph.spec import Pipeline
from seedbed.models.ledger import Ledger
from seedbed.models.open import Models
from seedbed.record import Fields, Record
from seedbed.run.calls import connect
from seedbed.run.executor import Executor
from seedbed.run.reject import Rejects
from seedbed.run.store import RunStore, read_meta


class _NotDone(Exception):
    """A record of which the run has no outcome yet."""


class _Kept(RunStore):
    """A run's store, only to be looked at."""

    def __init__(self, folder: Path) -> None:
        self._reader = connect(folder / "run.db", read_only=True)
        self._calls = []
        self._statements = []

    def put(self, step: int, id: str, status: str, place: str, body: bytes, trail: bytes | None) -> None:
        """Never comes: nothing is worked on."""
        raise _NotDone(id)

    def close(self) -> None:
        """Lets it go."""
        self._reader.close()


class _Done(WorkerStep):
    """Stands for a worker step whose outcomes are stored."""

    def work(self, context: StepContext) -> Work:
        async def work(record: Record) -> Outcome:
            raise _NotDone(record.id)

        return work


async def replay(pipeline: Pipeline, folder: Path, write: Callable[[Fields, Record], Awaitable[None] | None]) -> None:
    """Gives `write` every row of a run that can be known. Raises InputError where its source is gone."""
    store = _Kept(folder)
    stands = replace(pipeline, steps=[_stands_for(step) for step in pipeline.steps])
    try:
        with tempfile.TemporaryDirectory(prefix="seedbed-") as scratch:
            rejects = Rejects(Path(scratch), None)
            ledger = Ledger(store)
            executor = Executor(
                stands, Path(scratch), read_meta(folder).get("limit"), store, ledger,
                Models({}, ledger, pipeline.base), rejects,
            )  # fmt: skip
            try:
                await executor.run(write)
            except (_NotDone, Interrupted):
                return
            finally:
                rejects.close()
    finally:
        store.close()


def _stands_for(step: Step) -> Any:
    if not isinstance(step, WorkerStep):
        return step
    done = _Done(type=step.type)
    done._name, done._base, done._path = step.name, step.base, step._path
    return done
