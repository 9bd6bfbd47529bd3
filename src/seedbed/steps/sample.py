"""`type: sample`: some records, drawn at random."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from seedbed.graph.contracts import Issue, Step, StepContext, StepRun, exactly_one
from seedbed.record import Record, digest

__all__ = ["Sample"]

REASON = "not sampled"


class Sample(Step):
    """Lets a random part of the records go on, in the order in which they came.

    The draw follows from the run's seed and the records' ids. `n` gives exactly so many, or all if there are fewer,
    and needs all rows; `fraction` draws for each record on its own.

    ```yaml
    - {type: sample, n: 500}
    - {type: sample, fraction: 0.1}
    ```
    """

    model_config = ConfigDict(json_schema_extra=exactly_one("n", "fraction"))

    type: Literal["sample"] = "sample"
    n: Annotated[int, Field(ge=0)] | None = None
    """How many records go on."""
    fraction: Annotated[float, Field(ge=0, le=1)] | None = None
    """How likely each record is to go on."""

    @property
    def whole(self) -> bool:  # type: ignore[override]
        """Only `n` needs all rows."""
        return self.n is not None

    def check(self, base: Path) -> Iterator[Issue]:
        if (self.n is None) == (self.fraction is None):
            yield Issue((), "`sample` takes `n` or `fraction`", "write exactly one of them")

    def open(self, context: StepContext) -> StepRun:
        if self.n is not None:
            return _Exactly(self.n, context)
        return _Fraction(self.fraction or 0.0, context)


class _Ticket:
    """A number for each record, evenly spread and the same in every run."""

    def __init__(self, context: StepContext) -> None:
        self.place = [context.seed, context.name]

    def __call__(self, record: Record) -> bytes:
        return digest([*self.place, record.id])


class _Fraction(StepRun):
    def __init__(self, fraction: float, context: StepContext) -> None:
        self.context = context
        self.ticket = _Ticket(context)
        self.bound = fraction * 2**128

    def take(self, record: Record) -> Iterable[Record]:
        if int.from_bytes(self.ticket(record), "big") < self.bound:
            return (record,)
        self.context.drop(record, REASON)
        return ()


class _Exactly(StepRun):
    """Keeps the records in one spool and their tickets in another; the n lowest tickets go on."""

    def __init__(self, n: int, context: StepContext) -> None:
        self.n = n
        self.context = context
        self.ticket = _Ticket(context)
        self.records = context.spool()
        self.tickets = context.spool()

    def take(self, record: Record) -> Iterable[Record]:
        self.records.add(record)
        self.tickets.add(Record(record.id, {}), self.ticket(record).hex())
        return ()

    def finish(self) -> Iterable[Record]:
        highest = b""
        for ticket in islice(self.tickets.in_order(), self.n):
            highest = self.ticket(ticket)
        for record in self.records.in_order():
            if self.ticket(record) <= highest:
                yield record
            else:
                self.context.drop(record, REASON)
