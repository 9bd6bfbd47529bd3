"""`${…}` in values: environment variables with `:-default`, and `params`. `$${` is a literal `${`.

A value that is only `${…}` keeps its type: a param its own, an environment variable that of a YAML scalar. What comes
from the environment under a secret name, or into a secret place, is remembered so that it can be hidden everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from seedbed.graph.yaml import Document, Path, scalar

_HOLE = re.compile(r"\$\$\{|\$\{([^{}]*)\}")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(:-(.*))?", re.DOTALL)
_PARAM = re.compile(r"params\.([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)")
_SECRET_NAME = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)
SECRET_PLACES = ("api_key", "headers")
"""Keys of a model entry whose values are secret."""


@dataclass(slots=True)
class Filler:
    """Fills the holes of one file. `strict` makes an unset variable a problem; else its hole is left as it is."""

    document: Document
    environment: Mapping[str, str]
    params: dict[str, Any]
    strict: bool = True
    secrets: set[str] = field(default_factory=set)
    """Values that must not be shown anywhere."""

    def fill(self, value: Any, path: Path) -> Any:
        """`value` with its holes filled."""
        if isinstance(value, str):
            return self._text(value, path) if "${" in value else value
        if isinstance(value, dict):
            return {key: self.fill(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item, (*path, i)) for i, item in enumerate(value)]
        return value

    def masked(self, value: Any, path: Path) -> Any:
        """`value` as it may be written to disk: params filled, secrets left as `${NAME}` or `<redacted>`."""
        if isinstance(value, dict):
            return {key: self.masked(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.masked(item, (*path, i)) for i, item in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return (
                _HOLE.sub(lambda hole: self._mask_hole(hole, path), value)
                if self._hides(value, path)
                else (self.fill(value, path))
            )
        return "<redacted>" if is_secret_place(path) and value is not None else value

    def _hides(self, value: str, path: Path) -> bool:
        return is_secret_place(path) or any(_SECRET_NAME.search(hole[1] or "") for hole in _HOLE.finditer(value))

    def _mask_hole(self, hole: re.Match[str], path: Path) -> str:
        inside = hole[1]
        if inside is None or _PARAM.fullmatch(inside):
            return hole[0] if inside is None else str(self._value(inside, path))
        return "${" + inside.split(":-")[0] + "}"

    def _text(self, text: str, path: Path) -> Any:
        whole = _HOLE.fullmatch(text)
        if whole and whole[1] is not None:
            found = self._value(whole[1], path)
            return text if found is _UNSET else found
        return _HOLE.sub(lambda hole: self._inline(hole, path), text)

    def _inline(self, hole: re.Match[str], path: Path) -> str:
        if hole[1] is None:
            return "${"
        found = self._value(hole[1], path)
        if found is _UNSET:
            return hole[0]
        return found if isinstance(found, str) else _plain(found)

    def _value(self, inside: str, path: Path) -> Any:
        if param := _PARAM.fullmatch(inside.strip()):
            return self._param(param[1], path)
        name = _NAME.fullmatch(inside.strip())
        if not name:
            self._problem(path, f"`${{{inside}}}` is not a reference", "write ${NAME}, ${NAME:-default} or ${params.x}")
            return _UNSET
        text = self.environment.get(name[1])
        if text is None or (text == "" and name[2] is not None):
            if name[2] is None:
                if self.strict:
                    fix = f"set it, or give a default: ${{{name[1]}:-…}}"
                    self._problem(path, f"environment variable {name[1]} is not set", fix)
                return _UNSET
            return typed(name[3])
        if text and (is_secret_place(path) or _SECRET_NAME.search(name[1])):
            self.secrets.add(text)
            return text
        return typed(text)

    def _param(self, dotted: str, path: Path) -> Any:
        found: Any = self.params
        for part in dotted.split("."):
            if not isinstance(found, dict) or part not in found:
                near = get_close_matches(dotted, self.params, 1)
                have = f"did you mean `{near[0]}`?" if near else f"add it under `params:` ({part}: …)"
                self._problem(path, f"there is no param `{dotted}`", have)
                return _UNSET
            found = found[part]
        return found

    def _problem(self, path: Path, what: str, fix: str) -> None:
        self.document.problems.append(self.document.at(path, what, fix))


class _Unset:
    pass


_UNSET = _Unset()


def typed(text: str) -> Any:
    """The YAML value of a text where writing it again gives the same text, so that no key like `0123` is changed."""
    value = scalar(text)
    return value if value is not None and _plain(value) == text else text


def is_secret_place(path: Path) -> bool:
    """Whether a value at `path` is secret by where it stands: a model's key or headers, an MCP server's environment."""
    if path[:1] == ("models",):
        return len(path) >= 3 and any(part in SECRET_PLACES for part in path[2:])
    return "mcp" in path and any(part in ("env", "headers") for part in path[path.index("mcp") :])


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
