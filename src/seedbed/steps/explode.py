"""`type: explode`: one record for each item of a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from seedbed.errors import NodeError
from seedbed.graph.contracts import FieldName, Issue, Read, Step, StepContext, StepRun
from seedbed.graph.messages import kind
from seedbed.record import Fields, Record
from seedbed.steps.fields import refuse_reserved, reserved

__all__ = ["Explode"]


class Explode(Step):
    """Makes one record for each item of a list field; the item takes the list's place, other fields are repeated.

    A null or empty list drops the record with reason `empty`.

    ```yaml
    - {type: explode, field: questions, into: question, index: number}
    - {type: explode, field: pairs, unpack: true}
    ```
    """

    type: Literal["explode"] = "explode"
    field: str
    """The list."""
    into: FieldName | None = None
    """The item's field. Default: the list's."""
    index: FieldName | None = None
    """A field for the item's position, from 0."""
    unpack: bool = False
    """Items are maps: their keys become fields, and win over fields of the same name."""
    keep_empty: bool = False
    """A null or empty list leaves one record, with null for item and position."""

    def reads(self) -> Iterator[Read]:
        yield Read("field", self.field, ("field",))

    def check(self, base: Path) -> Iterator[Issue]:
        yield from reserved((name, (key,)) for key in ("into", "index") if (name := getattr(self, key)))
        if self.unpack and self.into:
            yield Issue(("into",), "`into` says where the item goes, and `unpack` takes it apart", "leave one out")
        if self.index is not None and self.index == (self.into or self.field) and not self.unpack:
            yield Issue(("index",), f"`{self.index}` is the item's field", "take another name")

    def fields_after(self, known: set[str] | None) -> set[str] | None:
        if known is None or self.unpack:
            return None
        return (known - {self.field}) | {self.into or self.field} | ({self.index} if self.index else set())

    def open(self, context: StepContext) -> StepRun:
        return _Run(self, context)


class _Run(StepRun):
    def __init__(self, spec: Explode, context: StepContext) -> None:
        self.spec = spec
        self.context = context

    def take(self, record: Record) -> Iterable[Record]:
        spec = self.spec
        items = record.fields.get(spec.field)
        if items is not None and not isinstance(items, list):
            raise NodeError(f"`{spec.field}` is {kind(items)}", hint="explode takes a list")
        if not items:
            if spec.keep_empty:
                return (record.child(self._fields(record, {} if spec.unpack else None, None), 0),)
            self.context.drop(record, "empty")
            return ()
        return [record.child(self._fields(record, item, i), i) for i, item in enumerate(items)]

    def _fields(self, record: Record, item: Any, index: int | None) -> Fields:
        spec = self.spec
        fields: Fields = {}
        for name, value in record.fields.items():
            if name != spec.field:
                fields.setdefault(name, value)
            elif not spec.unpack:
                fields[spec.into or name] = item
        if spec.unpack:
            if not isinstance(item, dict):
                raise NodeError(f"item {index} of `{spec.field}` is {kind(item)}", hint="unpack takes a list of maps")
            refuse_reserved(item, f"item {index} of `{spec.field}` has the key")
            fields |= item
        elif spec.field not in record.fields:
            fields[spec.into or spec.field] = item
        if spec.index is not None:
            fields[spec.index] = index
        return fields
