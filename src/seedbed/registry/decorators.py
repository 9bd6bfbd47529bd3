"""`@seedbed.node` and `@seedbed.step`: a function as a type of node or step, in this process."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar, overload

from seedbed.errors import InputError
from seedbed.registry.own import own_types, register_type
from seedbed.registry.plugins import names

F = TypeVar("F", bound=Callable[..., Any])

_WORD = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")


@overload
def node(function: F) -> F: ...
@overload
def node(*, name: str) -> Callable[[F], F]: ...
def node(function: F | None = None, *, name: str = "") -> F | Callable[[F], F]:
    """Registers a function as a node type: `type: NAME`, with further arguments under `params:`.

    It is called as the node `function` calls one: its parameter names are the fields it reads, and what it returns is
    the node's value. NAME is the function's own unless one is given. Raises InputError for a name that is taken.
    """
    return _registering("node", function, name)


@overload
def step(function: F) -> F: ...
@overload
def step(*, name: str) -> Callable[[F], F]: ...
def step(function: F | None = None, *, name: str = "") -> F | Callable[[F], F]:
    """Registers a function as a step type: `type: NAME`, with further arguments under `params:`.

    It is called as the step `function` calls one: it returns a map of fields, a list of them, True, or None to drop
    the record. NAME is the function's own unless one is given. Raises InputError for a name that is taken.
    """
    return _registering("step", function, name)


def _registering(kind: str, function: F | None, name: str) -> F | Callable[[F], F]:
    def register(function: F) -> F:
        word = name or function.__name__
        if not _WORD.fullmatch(word):
            raise InputError(f"`{word}` cannot be a {kind} type", hint="use lower-case letters, digits and `_`")
        if word in names(kind) and word not in own_types(kind):
            raise InputError(f"there is a {kind} `{word}` already", hint=f"give another: @seedbed.{kind}(name=...)")
        register_type(kind, word, function)
        return function

    return register if function is None else register(function)
