"""`type: select`: keeps some fields and lets the others go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from seedbed.graph.contracts import Issue, Read, Step, StepContext, StepRun, exactly_one
from seedbed.record import Record
from seedbed.steps.fields import with_fields

__all__ = ["Select"]

Names = Annotated[list[str], Field(min_length=1)]


class Select(Step):
    """Keeps the fields named, in the order named, or all but some.

    ```yaml
    - {type: select, fields: [question, answer]}
    - {type: select, except: [draft, notes]}
    ```
    """

    model_config = ConfigDict(
        json_schema_extra=exactly_one("fields", "except"),
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )

    type: Literal["select"] = "select"
    fields: Names | None = None
    """The fields to keep. One that a record does not have is null."""
    without: Names | None = Field(default=None, alias="except")
    """The fields to let go."""

    def reads(self) -> Iterator[Read]:
        for key, names in (("fields", self.fields), ("except", self.without)):
            for i, name in enumerate(names or ()):
                yield Read("field", name, (key, i))

    def check(self, base: Path) -> Iterator[Issue]:
        if (self.fields is None) == (self.without is None):
            yield Issue((), "`select` takes `fields` or `except`", "write exactly one of them")

    def fields_after(self, known: set[str] | None) -> set[str] | None:
        if self.fields is not None:
            return set(self.fields)
        return None if known is None else known - set(self.without or ())

    def open(self, context: StepContext) -> StepRun:
        return _Run(self)


class _Run(StepRun):
    def __init__(self, spec: Select) -> None:
        self.keep = spec.fields
        self.without = frozenset(spec.without or ())

    def take(self, record: Record) -> Iterable[Record]:
        fields = record.fields
        if self.keep is not None:
            return (with_fields(record, {name: fields.get(name) for name in self.keep}),)
        return (with_fields(record, {name: value for name, value in fields.items() if name not in self.without}),)
