"""Templates in rules, compiled once.

They may read `prompt`, `system`, `messages`, `model`, `match` (the groups of `matches`, by number and name), `n` (which
request of this rule it is, from 1), `asked` (which time this very prompt is asked, from 1), `choice` (which of several
answers to one request, from 0) and `random` (a number from 0 to 1).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from seedbed.errors import TemplateError
from seedbed.template.syntax import TemplateSyntaxError
from seedbed.template.text import compile_text, has_holes
from seedbed.template.value import compile_value

KNOWN = ("asked", "choice", "match", "messages", "model", "n", "prompt", "random", "system")

Fill = Callable[[dict[str, Any]], Any]


class Templates:
    """The templates of one rule. `names` collects what they read."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def text(self, source: str, where: str) -> Fill | str:
        """Compiles a text; one without holes stays as it is. Raises ValueError that says what is wrong."""
        if not has_holes(source):
            return source
        try:
            text = compile_text(source)
        except TemplateSyntaxError as error:
            raise ValueError(f"{where} is not a template: {error}") from error
        self._note(text.names, where)
        return _named(text.render, where)

    def value(self, source: Any, where: str) -> Fill | Any:
        """Compiles any JSON value with templates in its texts; a text that is one expression keeps its type."""
        try:
            value = compile_value(source)
        except TemplateSyntaxError as error:
            raise ValueError(f"{where} is not a template: {error}") from error
        self._note(value.names, where)
        return source if value.constant else _named(value, where)

    def _note(self, names: Collection[str], where: str) -> None:
        if unknown := sorted(set(names) - set(KNOWN)):
            raise ValueError(f"{where} reads `{unknown[0]}`; a rule's template may read {', '.join(KNOWN)}")
        self.names |= set(names)


def _named(fill: Fill, where: str) -> Fill:
    def filled(scope: dict[str, Any]) -> Any:
        try:
            return fill(scope)
        except TemplateError as error:
            raise TemplateError(f"{where} cannot be filled: {error.message}", hint=error.hint) from error

    return filled
