"""The other side of a join: the rows of a source, their names beside those of the records, and what makes two equal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seedbed.errors import NodeError, RowError
from seedbed.graph.contracts import StepContext
from seedbed.graph.spec_io import SourceSpec
from seedbed.io.sources import BadRow, open_sources
from seedbed.record import Fields, Record, digest


class OtherSide:
    """Rows read one by one. Raises InputError at once for a source that is not there."""

    def __init__(self, specs: list[SourceSpec], context: StepContext) -> None:
        self.context = context
        self.rows = open_sources(specs, context.base)

    def __iter__(self) -> Iterator[Record | None]:
        """The rows as records; None stands for one that cannot be read, which is told of as failed."""
        for row in self.rows:
            if isinstance(row, BadRow):
                self.context.fail(Record(row.id, {}, (), row.place), RowError(row.error, line=row.line))
                yield None
            else:
                yield row


class Naming:
    """What the other side's fields are called beside the records' own."""

    def __init__(self, prefix: str | None, suffix: str | None, shared: set[str]) -> None:
        self.prefix = prefix or ""
        self.suffix = suffix or ""
        self.shared = shared
        """Key fields that have one name on both sides, and so stand there once."""

    def name(self, field: str) -> str:
        """A field's name."""
        return f"{self.prefix}{field}{self.suffix}"

    def fields(self, other: Fields) -> Fields:
        """A row's fields by the names they get."""
        return {self.name(field): value for field, value in other.items() if field not in self.shared}

    def joined(self, record: Record, other: Fields) -> Fields:
        """The fields of both. Raises NodeError where they clash."""
        fields = record.fields | other
        if len(fields) < len(record.fields) + len(other):
            raise NodeError(clash(record.fields.keys() & other.keys()), hint=CLASH_HINT)
        return fields


CLASH_HINT = "say `prefix:` or `suffix:`, which is put to the names of the fields of `with`"


def clash(names: set[str]) -> str:
    """The words for names that both sides have."""
    said = ", ".join(f"`{name}`" for name in sorted(names)[:3])
    return f"both sides have a field {said}" if len(names) == 1 else f"both sides have the fields {said}"


def value_of(record: Record, name: str) -> Any:
    """A field of a record, or its id."""
    return record.id if name == "id" else record.fields.get(name)


def key_of(record: Record, names: list[str]) -> bytes | None:
    """What two records that belong together have in common. None if one of the fields is null: that equals nothing.

    A whole number equals its text, because ids and the columns of CSV files are text.
    """
    values = [value_of(record, name) for name in names]
    if any(value is None for value in values):
        return None
    return digest([_plain(value) for value in values])


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
