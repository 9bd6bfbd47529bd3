"""Expressions: `verdict.score < 4 and visits.draft < 3`, compiled once and evaluated for each record.

The language is MiniJinja's; the meaning of null is ours. An attribute of null is null, a comparison with null is false
(but `x == none` asks whether x is null), arithmetic with null is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from seedbed.errors import TemplateError
from seedbed.template.compiler import Compiler, Watch
from seedbed.template.core import FreeRead, Run
from seedbed.template.operations import NullError
from seedbed.template.parser import parse_expression
from seedbed.template.tree import Part


class Expression:
    """A compiled expression. Calling it gives its value; a name that the scope does not have is null."""

    def __init__(self, source: str, tree: Part) -> None:
        compiler = Compiler(source)
        self.source = source
        self._tree = tree
        self._run = compiler.compile(tree)
        self.reads: list[FreeRead] = compiler.reads
        """Each place where it reads a field."""
        self.names = frozenset(read.path[0] for read in self.reads)
        """The names it reads from the scope."""
        self.paths = frozenset(read.path for read in self.reads)
        """The same reads as far as their dots go: ("visits", "draft")."""

    def __call__(self, scope: Mapping[str, Any]) -> Any:
        try:
            return self._run(scope)
        except RecursionError:
            raise TemplateError(f"the values in `{self.source}` are nested too deeply") from None

    def true(self, scope: Mapping[str, Any]) -> bool:
        """Whether its value is true: not null, false, zero or empty."""
        return bool(self(scope))

    def decide(self, scope: Mapping[str, Any]) -> bool | None:
        """What a filter makes of it: True keeps, False drops, None is undecided, because of null.

        It is undecided where the value is null, where an operation needs a value and met null, and where a comparison
        met null, unless the value is true whatever that comparison gives.
        """
        try:
            watch = Watch(scope, assume=False)
            value = self._watching(watch)
            if not watch.met:
                return None if value is None else bool(value)
            return True if value and self._watching(Watch(scope, assume=True)) else None
        except NullError:
            return None
        except RecursionError:
            raise TemplateError(f"the values in `{self.source}` are nested too deeply") from None

    @cached_property
    def _watching(self) -> Run:
        return Compiler(self.source, watch=True).compile(self._tree)

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"


def compile_expression(source: str) -> Expression:
    """Reads an expression. Raises TemplateSyntaxError with the place within the source."""
    return Expression(source, parse_expression(source))
