"""`type: filter`: keeps the records for which an expression is true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from seedbed.graph.contracts import Read, Step, StepContext, StepRun
from seedbed.record import Record
from seedbed.steps.fields import scope_of
from seedbed.template.expression import compile_expression

__all__ = ["Filter"]


class Filter(Step):
    """Keeps the records for which `where` is true. Where it meets null, the record is dropped with reason `null`.

    ```yaml
    - {type: filter, where: "verdict.score >= 4 and question != answer"}
    - {type: filter, where: "words < 500", reason: too long}
    ```
    """

    type: Literal["filter"] = "filter"
    where: str
    """The expression that must be true."""
    reason: str | None = None
    """Why a record was dropped, as counted and reported. Default: the expression."""

    def reads(self) -> Iterator[Read]:
        yield Read("expression", self.where, ("where",))

    def open(self, context: StepContext) -> StepRun:
        return _Run(self, context)


class _Run(StepRun):
    def __init__(self, spec: Filter, context: StepContext) -> None:
        self.context = context
        self.where = compile_expression(spec.where)
        self.reason = spec.reason or spec.where

    def take(self, record: Record) -> Iterable[Record]:
        verdict = self.where.decide(scope_of(record, self.context))
        if verdict:
            return (record,)
        self.context.drop(record, "null" if verdict is None else self.reason)
        return ()
