"""`type: rename`: gives fields other names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from seedbed.errors import NodeError
from seedbed.graph.contracts import FieldName, Issue, Read, Step, StepContext, StepRun
from seedbed.record import Record
from seedbed.steps.fields import reserved, with_fields

__all__ = ["Rename"]


class Rename(Step):
    """Gives fields other names, in place and all at once, so that two may swap theirs.

    ```yaml
    - {type: rename, fields: {q: question, a: answer}}
    ```
    """

    type: Literal["rename"] = "rename"
    fields: Annotated[dict[str, FieldName], Field(min_length=1)]
    """From present to future name."""

    def reads(self) -> Iterator[Read]:
        for name in self.fields:
            yield Read("field", name, ("fields", name))

    def check(self, base: Path) -> Iterator[Issue]:
        yield from reserved((future, ("fields", name)) for name, future in self.fields.items())
        seen: dict[str, str] = {}
        for name, future in self.fields.items():
            if future in seen:
                what = f"`{seen[future]}` and `{name}` would both become `{future}`"
                yield Issue(("fields", name), what, "give one of them another name")
            seen[future] = name

    def fields_after(self, known: set[str] | None) -> set[str] | None:
        return None if known is None else {self.fields.get(name, name) for name in known} | set(self.fields.values())

    def open(self, context: StepContext) -> StepRun:
        return _Run(self.fields)


class _Run(StepRun):
    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def take(self, record: Record) -> Iterable[Record]:
        names = self.names
        renamed = {names.get(name, name): value for name, value in record.fields.items()}
        if len(renamed) < len(record.fields):
            taken = next(new for old, new in names.items() if new in record.fields and new not in names)
            raise NodeError(f"there is a field `{taken}` already", hint="take another name, or let it go with `select`")
        for old, new in names.items():
            if old not in record.fields:
                renamed.setdefault(new, None)
        return (with_fields(record, renamed),)
