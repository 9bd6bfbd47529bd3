"""The methods that templates may call: those of texts, lists and maps that only look.

Each is Python's own, called on exactly that type, so that no other object's attributes are ever reached. `format` is
not among them, because its fields can walk to attributes: `"%s"|format(x)` does the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seedbed.template.filters import join, replace
from seedbed.template.operations import Fault, kind

TEXT: dict[str, Callable[..., Any]] = {
    "capitalize": str.capitalize,
    "count": str.count,
    "endswith": str.endswith,
    "find": str.find,
    "isalnum": str.isalnum,
    "isalpha": str.isalpha,
    "isdigit": str.isdigit,
    "islower": str.islower,
    "isnumeric": str.isnumeric,
    "isspace": str.isspace,
    "istitle": str.istitle,
    "isupper": str.isupper,
    "lower": str.lower,
    "lstrip": str.lstrip,
    "partition": str.partition,
    "removeprefix": str.removeprefix,
    "removesuffix": str.removesuffix,
    "rfind": str.rfind,
    "rpartition": str.rpartition,
    "rsplit": str.rsplit,
    "rstrip": str.rstrip,
    "split": str.split,
    "splitlines": str.splitlines,
    "startswith": str.startswith,
    "strip": str.strip,
    "swapcase": str.swapcase,
    "title": str.title,
    "upper": str.upper,
    "join": lambda separator, parts: join(parts, separator),
    "replace": replace,
}
LIST: dict[str, Callable[..., Any]] = {"count": list.count, "index": list.index}
MAP: dict[str, Callable[..., Any]] = {
    "get": lambda of, key, default=None: of.get(key, default),
    "items": lambda of: [[key, value] for key, value in of.items()],
    "keys": lambda of: list(of),
    "values": lambda of: list(of.values()),
}


class Tool:
    """Base of the objects that templates themselves make and call, such as `loop`. `methods` are by name."""

    methods: Mapping[str, Callable[..., Any]] = {}


METHODS = sorted({*TEXT, *LIST, *MAP})


def call(of: Any, name: str, values: list[Any], named: dict[str, Any]) -> Any:
    """Calls a method of a value."""
    if of is None:
        raise Fault(f"the value is null and has no method `{name}`", null=True)
    if isinstance(of, Tool):
        how = of.methods.get(name)
    else:
        table = {"text": TEXT, "list": LIST, "map": MAP}.get(kind(of), {})
        how = table.get(name)
        values = [list(of) if isinstance(of, tuple) else of, *values]
    if how is None:
        raise Fault(f"a {kind(of)} has no method `{name}`")
    try:
        made = how(*values, **named)
    except (TypeError, ValueError, OverflowError) as error:
        raise Fault(f"`{name}` cannot do this: {error}") from error
    return list(made) if isinstance(made, tuple) else made
