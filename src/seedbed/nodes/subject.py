"""What a node looks at: an expression such as `answer` or `reply.text`, or a text with holes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seedbed.graph.contracts import Read
from seedbed.template.expression import compile_expression
from seedbed.template.text import compile_text, has_holes

Look = Callable[[Mapping[str, Any]], Any]


def compile_subject(written: str) -> Look:
    """The function that gets it out of a scope. Raises TemplateSyntaxError."""
    return compile_text(written).render if has_holes(written) else compile_expression(written)


def read_subject(written: str, path: tuple[str | int, ...]) -> Read:
    """Where it reads fields."""
    return Read("template" if has_holes(written) else "expression", written, path)
