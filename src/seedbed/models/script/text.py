"""Templates in rules: sandboxed, strict, compiled once.

They may read `prompt`, `system`, `messages`, `model`, `match` (the groups of `matches`, by number and name), `n` (which
request of this rule it is, from 1), `asked` (which time this very prompt is asked, from 1), `choice` (which of several
answers to one request, from 0) and `random` (a number from 0 to 1), and call `pick([…])`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import minijinja
import msgspec

from seedbed.errors import TemplateError

KNOWN = {"prompt", "system", "messages", "model", "match", "n", "asked", "choice", "random", "pick"}
FUEL = 1_000_000
"""Steps a template may take, so that an endless loop ends."""

Fill = Callable[[dict[str, Any]], Any]

_encode = msgspec.json.encode


def _print(value: Any) -> Any:
    if value is None:
        return ""
    return _encode(value).decode() if isinstance(value, dict | list | tuple | bool) else value


class Templates:
    """The templates of one set of rules. `names` collects what they read."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._environment = minijinja.Environment(undefined_behavior="strict", finalizer=_print, fuel=FUEL)
        self._environment.keep_trailing_newline = True
        self._count = 0

    def text(self, source: str, where: str) -> Fill | str:
        """Compiles a text; one without holes stays as it is. Raises ValueError that names what is wrong."""
        if "{{" not in source and "{%" not in source and "{#" not in source:
            return source
        self._count += 1
        name = f"{self._count}"
        environment = self._environment
        try:
            environment.add_template(name, source)
            read = environment.undeclared_variables_in_str(source)
        except minijinja.TemplateError as error:
            raise ValueError(f"{where}: not a template: {error.detail or error.message}") from error
        if unknown := read - KNOWN - set(environment.globals):
            raise ValueError(f"{where}: reads `{min(unknown)}`; it may read {', '.join(sorted(KNOWN))}")
        self.names |= read

        def fill(scope: dict[str, Any]) -> Any:
            try:
                return environment.render_template(name, **scope)
            except minijinja.TemplateError as error:
                raise TemplateError(f"{where} cannot be filled: {error.detail or error.message}") from error

        return fill

    def value(self, source: Any, where: str) -> Fill | Any:
        """Compiles any JSON value with templates in its texts; a text that is one expression keeps its type."""
        if isinstance(source, str):
            return self._expression(source, where) or self.text(source, where)
        if isinstance(source, dict):
            parts = {key: self.value(item, f"{where}.{key}") for key, item in source.items()}
            if any(callable(part) for part in parts.values()):
                return lambda scope: {k: part(scope) if callable(part) else part for k, part in parts.items()}
        if isinstance(source, list):
            items = [self.value(item, f"{where}[{i}]") for i, item in enumerate(source)]
            if any(callable(item) for item in items):
                return lambda scope: [item(scope) if callable(item) else item for item in items]
        return source

    def _expression(self, source: str, where: str) -> Fill | None:
        inner = source.strip()
        if not (inner.startswith("{{") and inner.endswith("}}")) or "{{" in inner[2:] or "{%" in inner:
            return None
        self.text(source, where)
        inner = inner[2:-2].strip("-+ \n")
        environment = self._environment

        def fill(scope: dict[str, Any]) -> Any:
            try:
                return environment.eval_expr(inner, **scope)
            except minijinja.TemplateError as error:
                raise TemplateError(f"{where} cannot be filled: {error.detail or error.message}") from error

        return fill
