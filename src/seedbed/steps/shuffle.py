"""`type: shuffle`: puts records in a random order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from seedbed.graph.contracts import Step, StepContext, StepRun
from seedbed.record import Record, digest

__all__ = ["Shuffle"]


class Shuffle(Step):
    """Puts records in a random order, the same one for the same seed and records. Needs all rows.

    ```yaml
    - {type: shuffle}
    ```
    """

    type: Literal["shuffle"] = "shuffle"

    whole = True

    def open(self, context: StepContext) -> StepRun:
        return _Run(context)


class _Run(StepRun):
    def __init__(self, context: StepContext) -> None:
        self.place = [context.seed, context.name]
        self.spool = context.spool()

    def take(self, record: Record) -> Iterable[Record]:
        self.spool.add(record, digest([*self.place, record.id]).hex())
        return ()

    def finish(self) -> Iterable[Record]:
        return self.spool.in_order()
