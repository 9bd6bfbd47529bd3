"""`type: expression`: a value from other fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from seedbed.graph.contracts import Context, Node, NodeCall, Read
from seedbed.template.expression import compile_expression

__all__ = ["ExpressionNode"]


class ExpressionNode(Node):
    """Writes the value of an expression, in its own type: number, text, list, …

    ```yaml
    words: {type: expression, expression: "question | split | length"}
    ```
    """

    type: Literal["expression"] = "expression"
    expression: str
    """The expression; it reads fields by name."""

    def reads(self) -> Iterator[Read]:
        yield from super().reads()
        yield Read("expression", self.expression, ("expression",))

    def prepare(self, context: Context) -> NodeCall:
        value = compile_expression(self.expression)
        return lambda visit: value(visit.scope)
