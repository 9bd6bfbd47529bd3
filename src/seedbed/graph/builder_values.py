"""What Python hands to a pipeline, made the plain data that a file holds."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path, PurePath
from typing import Any

from seedbed.errors import InputError
from seedbed.graph.spec import Frame
from seedbed.registry.own import HERE, is_own, own_types, reference_of

_FIRST = [field.alias or name for name, field in Frame.model_fields.items()]
"""The keys of a file in the order in which one writes them."""


def plain(value: Any, name: str = "") -> Any:
    """A value as YAML would hold it. Functions become references (`name` is for those that have none), pydantic
    classes their JSON Schema, paths and dates text. Raises InputError for what has no such form."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {_key(key): plain(item, name) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, name) for item in value]
    if isinstance(value, PurePath):
        return value.as_posix()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, type) and hasattr(value, "model_json_schema"):
        return value.model_json_schema()
    if callable(value) and not isinstance(value, type):
        return reference_of(value, name)
    hint = "it takes text, numbers, booleans, None, lists, maps, paths, dates, functions and pydantic classes"
    raise InputError(f"{value!r} cannot stand in a pipeline", hint=hint)


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    if isinstance(key, int | float):
        return str(key)
    raise InputError(f"the key {key!r} cannot stand in a pipeline", hint="a key is text or a number")


def spec_of(keywords: Mapping[str, Any], *, drop: bool = False) -> dict[str, Any]:
    """Keywords as keys: a trailing underscore is dropped (`except_`), and with `drop` what is None."""
    return {
        key[:-1] if key.endswith("_") else key: value for key, value in keywords.items() if not (drop and value is None)
    }


def in_order(data: dict[str, Any]) -> dict[str, Any]:
    """A pipeline's data with its keys in the order in which one writes them."""
    return {key: data[key] for key in [*_FIRST, *(key for key in data if key not in _FIRST)] if key in data}


def own_parts(data: Any) -> Iterator[tuple[str, str]]:
    """Every part that no file holds: where, and the name of its function."""
    yield from _own_calls(data, ())
    for i, step in enumerate(data.get("steps") or ()):
        if isinstance(step, dict):
            yield from _own_types("step", step, f"`steps[{i}].type`")
            yield from _own_nodes(step.get("nodes"))
    yield from _own_nodes(data.get("nodes"))


def _own_nodes(nodes: Any) -> Iterator[tuple[str, str]]:
    for name, node in nodes.items() if isinstance(nodes, dict) else ():
        if isinstance(node, dict):
            yield from _own_types("node", node, f"the type of node `{name}`")
            yield from _own_nodes(node.get("nodes"))


def _own_types(kind: str, part: dict[str, Any], where: str) -> Iterator[tuple[str, str]]:
    if part.get("type") in own_types(kind):
        yield where, part["type"]


def _own_calls(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str, str]]:
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _own_calls(item, (*path, key))
    called = path[-1:] == ("call",) or path[-2:-1] == ("tools",)
    if isinstance(value, str) and called and is_own(value):
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
        yield f"`{where}`", value.removeprefix(f"{HERE}:").rpartition("-")[0]


def caller() -> tuple[str, int]:
    """File and line of the Python outside of seedbed that is calling."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    file = frame.f_code.co_filename
    here = Path.cwd()
    if Path(file).is_relative_to(here):
        file = Path(file).relative_to(here).as_posix()
    return file, frame.f_lineno


def _is_ours(module: str) -> bool:
    return module == "seedbed" or module.startswith("seedbed.")
