"""JSON Schema: schemas made sure of, and values checked against them, in words a person and a model can act on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from seedbed.errors import InputError

JsonSchema = dict[str, Any]

_SHOWN = 160
"""Characters of one violation; a long value in it is cut."""


class Invalid(InputError):
    """Not a valid JSON Schema. `path` leads from its root to the place."""

    def __init__(self, what: str, fix: str, path: tuple[str | int, ...]) -> None:
        super().__init__(what, hint=fix)
        self.what = what
        self.fix = fix
        self.path = path


def compile_schema(schema: JsonSchema) -> Any:
    """A validator of jsonschema-rs. Formats are checked, nothing is fetched. Raises Invalid."""
    try:
        return jsonschema_rs.validator_for(schema, validate_formats=True, retriever=_fetch_nothing)
    except jsonschema_rs.ValidationError as error:
        message = error.message.split("\n", 1)[0]
        if "registry" in message:
            raise Invalid(f"`$ref` to another file: {_cut(message)}", "put it under `$defs`", ()) from error
        what = f"not a valid JSON Schema: {_cut(message)}"
        raise Invalid(what, "see json-schema.org", tuple(error.instance_path)) from error


def _fetch_nothing(uri: str) -> Any:
    raise ValueError(f"{uri} is elsewhere")


class Checker:
    """A JSON Schema, compiled, so that one check of a value costs about a microsecond."""

    def __init__(self, schema: JsonSchema) -> None:
        self._validator = compile_schema(schema)

    def check(self, value: Any) -> str | None:
        """What is wrong with a value, in words with the path to it, at most three things; None if nothing is."""
        try:
            if self._validator.is_valid(value):
                return None
            found = []
            for error in self._validator.iter_errors(value):
                found += [line for line in _violations(error) if line not in found]
                if len(found) >= 3:
                    break
            return "; ".join(found[:3])
        except ValueError as error:
            return f"not a JSON value: {error}"


def _violations(error: Any) -> Iterator[str]:
    """One line, or what is wrong in the one branch of an `anyOf` that is not just of another type."""
    if error.kind.name in ("anyOf", "oneOf"):
        here = error.instance_path
        near = [
            branch
            for branch in getattr(error.kind, "context", [])
            if not any(inner.kind.name == "type" and inner.instance_path == here for inner in branch)
        ]
        if len(near) == 1:
            for inner in near[0]:
                yield from _violations(inner)
            return
    place = _dotted(error.instance_path)
    yield (f"{place}: " if place else "") + _message(error)


def _message(error: Any) -> str:
    kind = error.kind
    if kind.name == "required":
        return f"`{kind.property}` is missing"
    if kind.name == "additionalProperties":
        return ", ".join(f"`{key}`" for key in kind.unexpected) + " should not be there"
    return _cut(error.message)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]} … {text[-_SHOWN // 2 :]}"


def _dotted(path: list[str | int]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
