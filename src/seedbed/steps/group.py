"""`type: group`: one record for all that have the same key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from seedbed.graph.contracts import FieldName, Issue, Read, Step, StepContext, StepRun
from seedbed.record import Fields, Record, digest
from seedbed.steps.aggregates import AGGREGATES, Aggregate, checked
from seedbed.steps.fields import reserved

__all__ = ["Group"]

How = Literal["list", "count", "first", "last", "min", "max", "mean", "sum"]
Collected = str | Annotated[dict[How, str], Field(min_length=1, max_length=1)]


class Group(Step):
    """Makes one record of all records that are equal in the fields of `by`; nulls make a group of their own.

    The group has the fields of `by` and those of `collect`. A field name collects its values in a list, `"*"` the
    whole rows; a map of one aggregate says otherwise: `list`, `count` (`{count: "*"}` counts rows, `{count: field}`
    values that are not null), `first`, `last`, `min`, `max`, `mean`, `sum`. The last four pass over nulls and are
    null where nothing is left. Groups stand in the order of their first records, members in theirs. Needs all rows.

    ```yaml
    - type: group
      by: [topic]
      collect: {questions: question, n: {count: "*"}, best: {max: score}, rows: "*"}
    ```
    """

    type: Literal["group"] = "group"
    by: str | Annotated[list[str], Field(min_length=1)]
    """The fields that records of one group share."""
    collect: dict[FieldName, Collected] = Field(default_factory=dict)
    """What the group's record holds beside them: a field name, `"*"`, or one aggregate of a field."""

    whole = True

    def keys(self) -> list[str]:
        """The fields of `by`."""
        return [self.by] if isinstance(self.by, str) else self.by

    def collected(self) -> Iterator[tuple[str, How, str, tuple[str | int, ...]]]:
        """Each entry of `collect`: its name, how, of which field, and where that is written."""
        for name, what in self.collect.items():
            if isinstance(what, str):
                yield name, "list", what, ("collect", name)
            else:
                ((how, field),) = what.items()
                yield name, how, field, ("collect", name, how)

    def reads(self) -> Iterator[Read]:
        for i, key in enumerate(self.keys()):
            yield Read("field", key, ("by",) if isinstance(self.by, str) else ("by", i))
        for _, _, field, path in self.collected():
            if field != "*":
                yield Read("field", field, path)

    def check(self, base: Path) -> Iterator[Issue]:
        yield from reserved((name, ("collect", name)) for name in self.collect)
        for name, how, field, path in self.collected():
            if name in self.keys():
                yield Issue(path, f"`{name}` is a field of `by` already", "take another name")
            if field == "*" and how in ("min", "max", "mean", "sum"):
                yield Issue(path, f"`{how}` needs a field, not rows", f"write {{{how}: field}}")

    def fields_after(self, known: set[str] | None) -> set[str] | None:
        return {*self.keys(), *self.collect}

    def open(self, context: StepContext) -> StepRun:
        return _Run(self, context)


class _Run(StepRun):
    """Spools records by the number of their group's first one, so that a group at a time is read back."""

    def __init__(self, spec: Group, context: StepContext) -> None:
        self.keys = spec.keys()
        self.collect = [(name, how, field) for name, how, field, _ in spec.collected()]
        self.seen = context.seen()
        self.spool = context.spool()

    def take(self, record: Record) -> Iterable[Record]:
        for _, how, field in self.collect:
            checked(how, field, record.fields.get(field))
        number = len(self.spool)
        first = self.seen.add(self._digest(record), str(number))
        self.spool.add(record, number if first is None else int(first))
        return ()

    def finish(self) -> Iterable[Record]:
        for key, members in groupby(self.spool.in_order(), self._digest):
            yield self._group(key, members)

    def _digest(self, record: Record) -> bytes:
        return digest([record.fields.get(name) for name in self.keys])

    def _group(self, key: bytes, members: Iterator[Record]) -> Record:
        aggregates: list[tuple[str, str, Aggregate]] = [
            (name, field, AGGREGATES[how]()) for name, how, field in self.collect
        ]
        parents: list[str] = []
        shared: Fields = {}
        place = ""
        for member in members:
            if not parents:
                shared = {name: member.fields.get(name) for name in self.keys}
                place = member.place
            parents.append(member.id)
            for _, field, aggregate in aggregates:
                aggregate.add(member.fields if field == "*" else member.fields.get(field))
        fields = shared | {name: aggregate.result() for name, _, aggregate in aggregates}
        return Record(key.hex(), fields, tuple(parents), place)
