"""`type: set`: writes fields from templates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from seedbed.graph.contracts import FieldName, Issue, Read, Step, StepContext, StepRun
from seedbed.record import Record
from seedbed.steps.fields import reserved, scope_of, with_fields
from seedbed.template.value import compile_value

__all__ = ["Set"]


class Set(Step):
    """Writes fields, existing or further ones. Templates are filled from the record as it came, all at once.

    ```yaml
    - type: set
      fields: {source: wiki, score: "{{ verdict.score }}", title: "About {{ topic }}"}
    ```
    """

    type: Literal["set"] = "set"
    fields: Annotated[dict[FieldName, Any], Field(min_length=1)]
    """Values by field: any JSON, templates in its texts filled. A text that is one expression keeps its type."""

    def reads(self) -> Iterator[Read]:
        yield Read("value", self.fields, ("fields",))

    def check(self, base: Path) -> Iterator[Issue]:
        yield from reserved((name, ("fields", name)) for name in self.fields)

    def fields_after(self, known: set[str] | None) -> set[str] | None:
        return None if known is None else known | set(self.fields)

    def open(self, context: StepContext) -> StepRun:
        return _Run(self.fields, context)


class _Run(StepRun):
    def __init__(self, fields: dict[str, Any], context: StepContext) -> None:
        self.context = context
        self.value = compile_value(fields)

    def take(self, record: Record) -> Iterable[Record]:
        return (with_fields(record, record.fields | self.value(scope_of(record, self.context))),)
