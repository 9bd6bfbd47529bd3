"""Functions of this process: what Python hands to a pipeline without a file that names it.

A function that can be imported goes by `module:name`, as it would in a file. Any other (of a script or a notebook, a
closure, a lambda) goes by `<python>:name-digest`. The digest is over its code, its defaults, what it closes over, and
the constants and functions of its own module that it uses, so that a run goes on when the same script is started
again, and another function is never taken for it. An object that it closes over counts by its `repr`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from hashlib import blake2b
from importlib.util import find_spec
from types import CodeType, FunctionType
from typing import Any

from seedbed.errors import InputError

HERE = "<python>"
"""Stands for this process in a reference, where a file or a module would."""

_functions: dict[str, Callable[..., Any]] = {}
_types: dict[tuple[str, str], Callable[..., Any]] = {}


def reference_of(function: Callable[..., Any], name: str = "") -> str:
    """What a pipeline calls a function by. `name` is what to call one that has no name of its own."""
    if importable(function):
        return f"{function.__module__}:{function.__qualname__}"
    own = getattr(function, "__name__", "")
    word = own if own.isidentifier() else name or "function"
    reference = f"{HERE}:{word}-{_digest(function)}"
    _functions[reference] = function
    return reference


def is_own(reference: str) -> bool:
    """Whether a reference leads to a function of this process, not to a file or module."""
    return reference.startswith(f"{HERE}:")


def own_function(reference: str) -> Callable[..., Any]:
    """The function of such a reference. Raises InputError where it was another process's."""
    if reference not in _functions:
        name = reference.removeprefix(f"{HERE}:").rpartition("-")[0]
        hint = f"put it into a file and name it, as in ./hooks.py:{name}"
        raise InputError(f"`{name}` is a Python function of another process", hint=hint)
    return _functions[reference]


def own_type(kind: str, name: str) -> Callable[..., Any] | None:
    """The function that was registered as this type of node or step."""
    return _types.get((kind, name))


def own_types(kind: str) -> list[str]:
    """All names registered for a kind."""
    return [name for found, name in _types if found == kind]


def register_type(kind: str, name: str, function: Callable[..., Any]) -> None:
    """Makes a function a type of node or step in this process; one registered before under that name gives way."""
    _types[kind, name] = function


def importable(function: Callable[..., Any]) -> bool:
    """Whether importing its module gives the function back."""
    module, path = getattr(function, "__module__", None), getattr(function, "__qualname__", "<")
    if module in (None, "__main__") or module not in sys.modules or "<" in path:
        return False
    found: Any = sys.modules[module]
    for part in path.split("."):
        found = getattr(found, part, None)
    try:
        return found is function and find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _digest(function: Callable[..., Any]) -> str:
    digest = blake2b(digest_size=4)
    for text in _told(function, set()):
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def _told(value: Any, seen: set[int]) -> Iterator[str]:
    """All that tells a value from others, as texts; the same in every process where that is possible."""
    if id(value) in seen:
        return
    if isinstance(value, list | tuple | set | frozenset | dict) or callable(value):
        seen = seen | {id(value)}
    if isinstance(value, CodeType):
        yield from (value.co_code.hex(), *value.co_names, *value.co_varnames)
        for constant in value.co_consts:
            yield from _told(constant, seen)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _told(item, seen)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (repr(key), *_told(item, seen))
    elif isinstance(value, set | frozenset):
        yield from sorted(repr(item) for item in value)
    elif isinstance(function := _unwrapped(value), FunctionType):
        yield from _told_of_function(function, seen)
    else:
        yield repr(value)


def _unwrapped(value: Any) -> Any:
    while hasattr(value, "__wrapped__"):
        value = value.__wrapped__
    return value


def _told_of_function(function: FunctionType, seen: set[int]) -> Iterator[str]:
    yield from _told(function.__code__, seen)
    yield from _told(function.__defaults__, seen)
    yield from _told(function.__kwdefaults__, seen)
    for cell in function.__closure__ or ():
        try:
            yield from _told(cell.cell_contents, seen)
        except ValueError:
            yield "empty"
    for name in sorted(_names(function.__code__)):
        used = function.__globals__.get(name)
        same_module = isinstance(used, FunctionType) and used.__module__ == function.__module__
        if same_module or (name in function.__globals__ and isinstance(used, str | int | float | bool | tuple | None)):
            yield name
            yield from _told(used, seen)


def _names(code: CodeType) -> set[str]:
    inner = [_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)
