"""`type: limit`: the first so many records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from seedbed.graph.contracts import Step, StepContext, StepRun
from seedbed.record import Record

__all__ = ["Limit"]


class Limit(Step):
    """Lets the first `n` records go on; no more are worked on than that takes.

    ```yaml
    - {type: limit, n: 1000}
    ```
    """

    type: Literal["limit"] = "limit"
    n: Annotated[int, Field(ge=0)]
    """How many records go on."""

    def open(self, context: StepContext) -> StepRun:
        return _Run(self.n, context)


class _Run(StepRun):
    def __init__(self, n: int, context: StepContext) -> None:
        self.left = self.wants = n
        self.context = context
        self.done = n == 0

    def take(self, record: Record) -> Iterable[Record]:
        if self.left == 0:
            self.context.drop(record, "over the limit")
            return ()
        self.left -= 1
        self.wants = self.left
        self.done = self.left == 0
        return (record,)
