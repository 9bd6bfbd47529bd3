"""Values whose texts may be templates: `{role: user, content: "{{ question }}"}`.

A text that is exactly one `{{ expression }}` gives the expression's value with its type; a text without holes is
itself; any other text is rendered as text. Keys are never templates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seedbed.template.blocks import alone, read_blocks
from seedbed.template.expression import Expression
from seedbed.template.syntax import TemplateSyntaxError
from seedbed.template.text import Text, has_holes

Path = tuple[str | int, ...]
Make = Callable[[Mapping[str, Any]], Any]


class Value:
    """A compiled value. Calling it makes the value for a record; its lists and maps are made afresh each time."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self._parts: list[tuple[Path, Expression | Text]] = []
        self._make = self._compile(source, ())
        self.names = frozenset(name for _, part in self._parts for name in part.names)
        """The names it reads from the scope."""
        self.paths = frozenset(path for _, part in self._parts for path in part.paths)
        """The same reads as far as their dots go."""

    def __call__(self, scope: Mapping[str, Any]) -> Any:
        return self._make(scope)

    @property
    def constant(self) -> bool:
        """Whether it is the same for every record."""
        return not self._parts

    def place_of(self, name: str) -> Path:
        """The keys and indices that lead to the first text that reads a name; empty if none does."""
        return next((path for path, part in self._parts if name in part.names), ())

    def _compile(self, value: Any, path: Path) -> Make:
        if isinstance(value, str) and has_holes(value):
            return self._template(value, path)
        if isinstance(value, Mapping):
            members = [(key, self._compile(part, (*path, key))) for key, part in value.items()]
            return lambda scope: {key: make(scope) for key, make in members}
        if isinstance(value, list | tuple):
            makes = [self._compile(part, (*path, at)) for at, part in enumerate(value)]
            return lambda scope: [make(scope) for make in makes]
        return lambda scope: value

    def _template(self, source: str, path: Path) -> Make:
        try:
            blocks = read_blocks(source)
            tree = alone(blocks)
            if tree is not None:
                expression = Expression(source, tree)
                self._parts.append((path, expression))
                return expression
            text = Text(source, blocks)
        except TemplateSyntaxError as error:
            error.path = path
            raise
        self._parts.append((path, text))
        return text.render

    def __repr__(self) -> str:
        return f"Value({self.source!r})"


def compile_value(value: Any) -> Value:
    """Reads a JSON value with templates in its texts. Raises TemplateSyntaxError; its `path` leads to the text."""
    return Value(value)
