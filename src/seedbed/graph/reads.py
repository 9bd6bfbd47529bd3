"""The names of fields that a place reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from seedbed.graph.contracts import Read
from seedbed.template.expression import compile_expression
from seedbed.template.syntax import TemplateSyntaxError
from seedbed.template.text import compile_text

Path = tuple[str | int, ...]

ALWAYS = frozenset({"id", "visits", "params", "tags"})
"""Names that templates may read although nothing writes them."""


def names_read(reads: Iterable[Read]) -> set[str]:
    """The names that some places read; none of one that is not well-formed."""
    return {name for read in reads for name in _names(read)}


def texts(value: Any, path: Path) -> Iterator[tuple[str, Path]]:
    """All texts inside a value that may hold templates, each with its path."""
    if isinstance(value, str):
        if "{" in value:
            yield value, path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from texts(item, (*path, i))


def _names(read: Read) -> set[str]:
    try:
        if read.kind in ("field", "optional"):
            return {read.text}
        if read.kind == "expression":
            return set(compile_expression(read.text).names)
        return {name for text, _ in texts(read.text, ()) for name in compile_text(text).names}
    except TemplateSyntaxError:
        return set()
