"""`type: split`: shares of the records for training, validation and test."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, groupby
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from seedbed.graph.contracts import FieldName, Issue, Read, Step, StepContext, StepRun
from seedbed.record import Record, digest
from seedbed.steps.fields import reserved, with_fields

__all__ = ["Split"]

PartName = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(gt=0, le=1)]


class Split(Step):
    """Says for each record to which part it belongs, in the field `split`. All records go on.

    With `group`, records that are equal in these fields, taken together, are never in two parts; one whose fields
    are all null stands for itself. The part follows from the run's seed and the record's id, or its group, and from
    nothing else: further records change nothing for those that were there, and the shares are met only roughly. With
    `exact` they are met to within one record, or as nearly as groups allow, and no part is empty as long as there is a
    group for each; that needs all rows, and further records may move others to another part.

    ```yaml
    - {type: split}
    - {type: split, shares: {train: 0.8, validation: 0.1, test: 0.1}, group: document}
    - {type: split, shares: {train: 0.5, held_out: 0.5}, exact: true, field: part}
    ```
    """

    type: Literal["split"] = "split"
    shares: Annotated[dict[PartName, Share], Field(min_length=1)] = {"train": 0.8, "validation": 0.1, "test": 0.1}
    """The parts and their shares, which add up to 1: of the records, or, drawn without `exact`, of the groups."""
    group: str | Annotated[list[str], Field(min_length=1)] | None = None
    """The fields whose equal values keep records in one part. Default: each record stands for itself."""
    exact: bool = False
    """Meet the shares in numbers of records, rather than draw for each record or group on its own."""
    field: FieldName = "split"
    """The field that names the part."""

    @property
    def whole(self) -> bool:  # type: ignore[override]
        """Only `exact` needs all rows."""
        return self.exact

    def groups(self) -> list[str]:
        """The fields of `group`."""
        return [self.group] if isinstance(self.group, str) else self.group or []

    def reads(self) -> Iterator[Read]:
        for i, name in enumerate(self.groups()):
            yield Read("field", name, ("group",) if isinstance(self.group, str) else ("group", i))

    def check(self, base: Path) -> Iterator[Issue]:
        yield from reserved([(self.field, ("field",))])
        total = sum(self.shares.values())
        if abs(total - 1) > 0.0011:  # 0.333 thrice is meant to be all
            yield Issue(("shares",), f"the shares add up to {total:.4g}", "they must add up to 1")

    def fields_after(self, known: set[str] | None) -> set[str] | None:
        return None if known is None else known | {self.field}

    def open(self, context: StepContext) -> StepRun:
        return _Exact(self, context) if self.exact else _Drawn(self, context)


class _Run(StepRun):
    """What both ways share: a ticket for each group, evenly spread between 0 and 1."""

    def __init__(self, spec: Split, context: StepContext) -> None:
        self.field = spec.field
        self.groups = spec.groups()
        self.place = [context.seed, context.name]
        self.parts = list(spec.shares)
        total = sum(spec.shares.values())
        self.bounds = [share / total for share in accumulate(spec.shares.values())][:-1]

    def ticket(self, record: Record) -> str:
        key: list[Any] = [record.fields.get(name) for name in self.groups]
        own = all(value is None for value in key)
        return digest([*self.place, *([record.id] if own else ["", key])]).hex()

    def named(self, record: Record, part: int) -> Record:
        return with_fields(record, record.fields | {self.field: self.parts[part]})


class _Drawn(_Run):
    def take(self, record: Record) -> Iterable[Record]:
        return (self.named(record, bisect_right(self.bounds, int(self.ticket(record), 16) / 2**128)),)


class _Exact(_Run):
    """Keeps the records in one spool and their tickets in another. Tickets in order are cut into parts; the first
    ticket of each part is all that is remembered."""

    def __init__(self, spec: Split, context: StepContext) -> None:
        super().__init__(spec, context)
        self.records = context.spool()
        self.tickets = context.spool()

    def take(self, record: Record) -> Iterable[Record]:
        self.records.add(record)
        ticket = self.ticket(record)
        self.tickets.add(Record(ticket, {}), ticket)
        return ()

    def finish(self) -> Iterable[Record]:
        firsts = self._firsts()
        for record in self.records.in_order():
            yield self.named(record, bisect_right(firsts, self.ticket(record)))

    def _firsts(self) -> list[str]:
        """The first ticket of each part but the first one."""
        count = sum(1 for _ in self._groups())
        last = len(self.parts) - 1
        firsts: list[str] = []
        before = 0
        for number, (ticket, size) in enumerate(self._groups()):
            middle = (before + size / 2) / len(self.records)
            # A part that would go empty takes a group all the same, as long as there is one for each.
            wanted = max(bisect_right(self.bounds, middle), last - (count - 1 - number))
            if number and wanted > len(firsts):
                firsts.append(ticket)
            before += size
        return firsts

    def _groups(self) -> Iterator[tuple[str, int]]:
        """The tickets in order, each with how many records have it."""
        for ticket, members in groupby(self.tickets.in_order(), lambda record: record.id):
            yield ticket, sum(1 for _ in members)
