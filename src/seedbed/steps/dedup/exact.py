"""`type: dedup.exact`: lets each value go on once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from seedbed.graph.contracts import Issue, Read, Step, StepContext, StepRun, not_both
from seedbed.record import Record, digest

__all__ = ["DedupExact"]

_SPACE = re.compile(r"\s+")


class DedupExact(Step):
    """Keeps the first of the records that are equal in some fields, or in all. The others are dropped with the
    reason `duplicate`, and the id of the one kept. Nulls are equal to each other.

    ```yaml
    - {type: dedup.exact, field: question, normalise: case}
    - {type: dedup.exact, fields: [question, answer]}
    ```
    """

    model_config = ConfigDict(json_schema_extra=not_both("field", "fields"))

    type: Literal["dedup.exact"] = "dedup.exact"
    field: str | None = None
    """The field to compare."""
    fields: Annotated[list[str], Field(min_length=1)] | None = None
    """The fields to compare, together. Default: all."""
    normalise: Literal["none", "space", "case"] = "none"
    """Which differences in texts do not count: `none` compares them as they are, with `space` a run of white space is
    one space and none at the ends, with `case` capitals do not count either."""

    def reads(self) -> Iterator[Read]:
        if self.field is not None:
            yield Read("field", self.field, ("field",))
        for i, name in enumerate(self.fields or ()):
            yield Read("field", name, ("fields", i))

    def check(self, base: Path) -> Iterator[Issue]:
        if self.field is not None and self.fields is not None:
            yield Issue(("fields",), "both `field` and `fields` are given", "write one of them")

    def open(self, context: StepContext) -> StepRun:
        return _Run(self, context)


class _Run(StepRun):
    def __init__(self, spec: DedupExact, context: StepContext) -> None:
        self.context = context
        self.names = [spec.field] if spec.field is not None else spec.fields
        self.normalise = spec.normalise
        self.seen = context.seen()

    def take(self, record: Record) -> Iterable[Record]:
        fields = record.fields
        value: Any = fields if self.names is None else [fields.get(name) for name in self.names]
        kept = self.seen.add(digest(_normal(value, self.normalise)), record.id)
        if kept is None:
            return (record,)
        self.context.drop(record, "duplicate", f"of {kept}")
        return ()


def _normal(value: Any, how: str) -> Any:
    if how == "none":
        return value
    if isinstance(value, str):
        text = _SPACE.sub(" ", value).strip()
        return text.casefold() if how == "case" else text
    if isinstance(value, list):
        return [_normal(item, how) for item in value]
    if isinstance(value, dict):
        return {key: _normal(item, how) for key, item in value.items()}
    return value
