"""What the parts of the compiler share: nesting, messages, and the notes on what a source reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, NoReturn

from seedbed.errors import TemplateError
from seedbed.template.operations import Fault, NullError, number_range
from seedbed.template.syntax import position, refuse
from seedbed.template.tree import Part

Run = Callable[[Any], Any]
"""A compiled expression: from a scope to a value."""

FUNCTIONS: dict[str, Callable[..., Any]] = {"range": number_range, "dict": lambda **named: named}
"""The functions of every expression."""

DEEPEST = 120
"""How deeply operators may be nested, counting a chain like `a + b + c` as nested."""


class FreeRead(NamedTuple):
    """Where a source reads a field: the dotted path, and the offset of its name."""

    path: tuple[str, ...]
    offset: int


class Core:
    """Compiles the expressions of one source and notes what they read.

    `local` finds the closure of a name that the template itself has set, None for a name of the scope.
    """

    table: ClassVar[dict[type[Part], str]]
    """The method for each kind of part."""

    def __init__(
        self,
        source: str,
        *,
        strict: bool = False,
        watch: bool = False,
        functions: Mapping[str, Callable[..., Any]] = FUNCTIONS,
        local: Callable[[str], Run | None] = lambda name: None,
    ) -> None:
        self.source = source
        self.strict = strict
        self.watch = watch
        self.functions = functions
        self.local = local
        self.reads: list[FreeRead] = []
        self.depth = 0
        self.lines = "\n" in source.strip()

    def compile(self, part: Part) -> Run:
        self.depth += 1
        if self.depth > DEEPEST:
            refuse(self.source, part.start, "the expression is too long: split it")
        run: Run = getattr(self, self.table[type(part)])(part)
        self.depth -= 1
        return run

    def lenient(self, part: Part) -> Run:
        """Compiles a part in which null and missing attributes are allowed."""
        strict, self.strict = self.strict, False
        run = self.compile(part)
        self.strict = strict
        return run

    def where(self, part: Part) -> str:
        """A part as messages show it."""
        text = " ".join(self.source[part.start : part.end].split())
        text = text if len(text) <= 60 else text[:57] + "..."
        return f"`{text}`" + (f" (line {position(self.source, part.start)[0]})" if self.lines else "")

    def failure(self, part: Part) -> Callable[[Fault], NoReturn]:
        """Turns what went wrong with a part into the error of a record."""
        where = self.where(part)

        def fail(fault: Fault) -> NoReturn:
            raise (NullError if fault.null else TemplateError)(f"{fault} in {where}") from None

        return fail


def null(scope: Any) -> None:
    """What compiles to null."""
    return
