"""Tests: `value is name`. A comparison with null is false, as it is with the operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from seedbed.template.operations import Fault, compare, kind


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Fault(f"a {kind(value)} is no whole number", null=value is None)
    return value


def _divisible(value: Any, by: Any) -> bool:
    if _whole(by) == 0:
        raise Fault("division by zero")
    return _whole(value) % int(by) == 0


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> bool:
    return isinstance(value, str)


TESTS: dict[str, Callable[..., bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "defined": lambda value: value is not None,
    "divisibleby": _divisible,
    "endingwith": lambda value, end: _text(value) and value.endswith(end),
    "even": lambda value: _whole(value) % 2 == 0,
    "false": lambda value: value is False,
    "float": lambda value: isinstance(value, float),
    "integer": lambda value: _number(value) and isinstance(value, int),
    "iterable": lambda value: isinstance(value, str | list | tuple | Mapping),
    "lower": lambda value: _text(value) and value == value.lower(),
    "mapping": lambda value: isinstance(value, Mapping),
    "none": lambda value: value is None,
    "number": _number,
    "odd": lambda value: _whole(value) % 2 == 1,
    "sameas": lambda value, other: value is other or (type(value) is type(other) and value == other),
    "sequence": lambda value: isinstance(value, list | tuple),
    "startingwith": lambda value, start: _text(value) and value.startswith(start),
    "string": _text,
    "true": lambda value: value is True,
    "undefined": lambda value: value is None,
    "upper": lambda value: _text(value) and value == value.upper(),
}
TESTS["int"] = TESTS["integer"]

COMPARISONS = {
    "==": ("==", "eq", "equalto"),
    "!=": ("!=", "ne"),
    "<": ("<", "lt", "lessthan"),
    "<=": ("<=", "le"),
    ">": (">", "gt", "greaterthan"),
    ">=": (">=", "ge"),
    "in": ("in",),
}
"""The comparisons, each with the names it has as a test."""

TESTS.update({name: partial(compare, mark) for mark, names in COMPARISONS.items() for name in names})

MARK_OF = {name: mark for mark, names in COMPARISONS.items() for name in names}
"""Which comparison a test is, if it is one."""
