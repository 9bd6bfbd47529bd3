"""What steps share about a record's fields: what expressions may read, and which names a step may write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from seedbed.errors import NodeError
from seedbed.graph.contracts import RESERVED, Issue, StepContext
from seedbed.record import Fields, Record


def scope_of(record: Record, context: StepContext) -> dict[str, Any]:
    """What templates and expressions of a step may read: the record's fields, its id, and the pipeline's params."""
    return {**record.fields, "id": record.id, "params": context.params}


def reserved(names: Iterable[tuple[str, tuple[str | int, ...]]]) -> Iterator[Issue]:
    """An issue for each name, written at its path, that a step must not write."""
    for name, path in names:
        if name in RESERVED:
            yield Issue(path, f"`{name}` is a reserved name", "take another")


def refuse_reserved(names: Iterable[str], whose: str) -> None:
    """Raises NodeError if one of the names, which are to become fields, is reserved. `tags` is a field like others."""
    for name in names:
        if name in RESERVED and name != "tags":
            raise NodeError(f"{whose} `{name}`, which is a reserved name", hint="take another")


def with_fields(record: Record, fields: Fields) -> Record:
    """The same record with other fields."""
    return Record(record.id, fields, record.parents, record.place)
