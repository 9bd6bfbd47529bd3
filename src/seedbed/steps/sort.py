"""`type: sort`: puts records in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field

from seedbed.graph.contracts import Read, Spec, Step, StepContext, StepRun
from seedbed.record import Record
from seedbed.steps.fields import scope_of
from seedbed.template.expression import compile_expression

__all__ = ["Sort"]


class Key(Spec):
    """One of several things to sort by."""

    by: str
    """A field or an expression."""
    descending: bool = False
    """From high to low."""


class Sort(Step):
    """Sorts by a field or an expression, or by several, the first one counting most.

    Nulls come first, then booleans, numbers, texts; with `descending` all is the other way round. Records that are
    equal stay in the order in which they came, either way. Needs all rows.

    ```yaml
    - {type: sort, by: score, descending: true}
    - {type: sort, by: [topic, {by: "answer | length", descending: true}]}
    ```
    """

    type: Literal["sort"] = "sort"
    by: str | Annotated[list[str | Key], Field(min_length=1)]
    """A field or an expression, or a list of them; in a list each may say `descending` for itself."""
    descending: bool = False
    """From high to low."""

    whole = True

    def reads(self) -> Iterator[Read]:
        if isinstance(self.by, str):
            yield Read("expression", self.by, ("by",))
            return
        for i, item in enumerate(self.by):
            if isinstance(item, Key):
                yield Read("expression", item.by, ("by", i, "by"))
            else:
                yield Read("expression", item, ("by", i))

    def open(self, context: StepContext) -> StepRun:
        return _Run(self, context)


class _Run(StepRun):
    """Sorts by the last key while records come, then once more for each key before it: every sort is stable."""

    def __init__(self, spec: Sort, context: StepContext) -> None:
        self.context = context
        items = [spec.by] if isinstance(spec.by, str) else spec.by
        keys = [item if isinstance(item, Key) else Key(by=item, descending=spec.descending) for item in items]
        self.keys = [(compile_expression(key.by), key.descending) for key in keys]
        self.spool = context.spool()

    def take(self, record: Record) -> Iterable[Record]:
        scope = scope_of(record, self.context)
        *_, last = [by(scope) for by, _ in self.keys]
        self.spool.add(record, last)
        return ()

    def finish(self) -> Iterable[Record]:
        spool = self.spool
        *others, (_, descending) = self.keys
        for by, next_descending in reversed(others):
            resorted = self.context.spool()
            for record in spool.in_order(descending=descending):
                resorted.add(record, by(scope_of(record, self.context)))
            spool, descending = resorted, next_descending
        return spool.in_order(descending=descending)
