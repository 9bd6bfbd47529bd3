"""What operators do to values: JSON values only, null apart, and never more work than a record is worth.

Values are null, booleans, numbers, texts, lists and maps. Python objects behind them are never reached: an attribute
is a map's key. Results are limited in size, so that no expression eats the memory of a run.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from typing import Any

from seedbed.errors import TemplateError

LARGEST = 10_000_000
"""How many characters a text, or items a list, may have as the result of an operation."""
MOST_BITS = 10_000
"""How many bits a whole number may have as the result of an operation."""

to_json = json.JSONEncoder(ensure_ascii=False).encode


class Fault(Exception):
    """What is wrong with an operation; whoever catches it knows where. `null`: because it met null."""

    def __init__(self, what: str, *, null: bool = False) -> None:
        super().__init__(what)
        self.null = null


class NullError(TemplateError):
    """An operation met null where it needs a value."""


class Missing:
    """The one value that stands for a key or item that is not there."""


MISSING = Missing()


def kind(value: Any) -> str:
    """What a value is called in messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list | tuple):
        return "list"
    return "map" if isinstance(value, Mapping) else type(value).__name__


def to_text(value: Any) -> str:
    """A value in a text: null as nothing, lists and maps as JSON, floats as Python writes them."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple | dict):
        return json_text(value)
    raise Fault(f"a {kind(value)} cannot be printed")


def json_text(value: Any, indent: int | None = None) -> str:
    """A value as JSON, in UTF-8's full range of characters."""
    if isinstance(value, list | tuple | dict):
        _weigh(value)
    try:
        return to_json(value) if indent is None else json.dumps(value, ensure_ascii=False, indent=indent)
    except (TypeError, ValueError, RecursionError) as error:
        raise Fault(f"a {kind(value)} cannot be printed: {error}") from error


def _weigh(value: Any) -> None:
    """Refuses what would be too large as JSON, such as a list that holds itself twice, forty times over.

    An item takes at least 3 characters, a member of a map 8.
    """
    size = 0
    rest = [value]
    while rest:
        part = rest.pop()
        if isinstance(part, str):
            size += len(part)
        elif isinstance(part, dict):
            rest.extend(part.values())
            size += 8 * len(part)
        elif isinstance(part, list | tuple):
            rest.extend(part)
            size += 3 * len(part)
        if size > LARGEST:
            fit(size)


def fit(size: int) -> None:
    """Refuses a result of that many characters or items if it is too large."""
    if size > LARGEST:
        raise Fault(f"a result of {size:,} characters or items is too large (at most {LARGEST:,})")


def _numbers(mark: str, left: Any, right: Any) -> None:
    if left is None or right is None:
        raise Fault(f"`{mark}` needs values, but one side is null", null=True)
    if not (isinstance(left, int | float) and isinstance(right, int | float)):
        raise Fault(f"`{mark}` cannot take {kind(left)} and {kind(right)}")


def _calculated(mark: str, how: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    _numbers(mark, left, right)
    try:
        return how(left, right)
    except ZeroDivisionError:
        raise Fault("division by zero") from None
    except OverflowError:
        raise Fault("the result is too large") from None


def add(left: Any, right: Any) -> Any:
    """Numbers are added; two texts or two lists are joined."""
    if isinstance(left, str) and isinstance(right, str):
        fit(len(left) + len(right))
        return left + right
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        fit(len(left) + len(right))
        return [*left, *right]
    return _calculated("+", operator.add, left, right)


def subtract(left: Any, right: Any) -> Any:
    return _calculated("-", operator.sub, left, right)


def multiply(left: Any, right: Any) -> Any:
    """Numbers are multiplied; a text or list is repeated."""
    if isinstance(left, int) and isinstance(right, str | list | tuple):
        left, right = right, left
    if isinstance(left, str | list | tuple) and isinstance(right, int):
        fit(len(left) * right)
        return left * right if isinstance(left, str) else list(left) * right
    _numbers("*", left, right)
    if isinstance(left, int) and isinstance(right, int):
        _fit_bits(left.bit_length() + right.bit_length())
    return _calculated("*", operator.mul, left, right)


def divide(left: Any, right: Any) -> Any:
    return _calculated("/", operator.truediv, left, right)


def divide_whole(left: Any, right: Any) -> Any:
    return _calculated("//", operator.floordiv, left, right)


def remainder(left: Any, right: Any) -> Any:
    return _calculated("%", operator.mod, left, right)


def power(left: Any, right: Any) -> Any:
    _numbers("**", left, right)
    if isinstance(left, int) and isinstance(right, int) and right > 0:
        _fit_bits(left.bit_length() * right if abs(left) > 1 else 1)
    result = _calculated("**", operator.pow, left, right)
    if isinstance(result, complex):
        raise Fault("the result is not a real number")
    return result


def _fit_bits(bits: int) -> None:
    if bits > MOST_BITS:
        raise Fault(f"the result is too large (at most {MOST_BITS:,} bits)")


def join_texts(left: Any, right: Any) -> str:
    """`~`: both sides as they print, null as nothing."""
    first, second = to_text(left), to_text(right)
    fit(len(first) + len(second))
    return first + second


def negative(value: Any) -> Any:
    if value is None:
        raise Fault("`-` needs a value, but it is null", null=True)
    if not isinstance(value, int | float):
        raise Fault(f"`-` cannot take {kind(value)}")
    return -value


def _contained(item: Any, container: Any) -> bool:
    if isinstance(container, str):
        if not isinstance(item, str):
            raise Fault(f"cannot look for {kind(item)} in text")
        return item in container
    if isinstance(container, list | tuple):
        return item in container
    if isinstance(container, Mapping):
        try:
            return item in container
        except TypeError:
            raise Fault(f"a {kind(item)} cannot be a key") from None
    raise Fault(f"cannot look into {kind(container)}")


def _not_contained(item: Any, container: Any) -> bool:
    return not _contained(item, container)


COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": _contained,
    "not in": _not_contained,
}
"""Comparisons of two values that are not null. They raise TypeError or Fault."""

ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "//": divide_whole,
    "%": remainder,
    "**": power,
    "~": join_texts,
}


def compare(mark: str, left: Any, right: Any) -> bool:
    """A comparison; false where one side is null."""
    if left is None or right is None:
        return False
    try:
        return bool(COMPARE[mark](left, right))
    except TypeError:
        raise Fault(f"cannot compare {kind(left)} with {kind(right)}") from None


def item(of: Any, key: Any) -> Any:
    """`of[key]`: a map's value, a list's item, a text's character. MISSING where there is none."""
    if isinstance(of, Mapping):
        try:
            return of.get(key, MISSING)
        except TypeError:
            raise Fault(f"a {kind(key)} cannot be a key") from None
    if isinstance(of, list | tuple | str):
        if not isinstance(key, int) or isinstance(key, bool):
            raise Fault(f"the place in a {kind(of)} must be a whole number, not {kind(key)}")
        return of[key] if -len(of) <= key < len(of) else MISSING
    raise Fault(f"a {kind(of)} has no items")


def cut(of: Any, first: Any, last: Any, step: Any) -> Any:
    """`of[first:last:step]`"""
    if not isinstance(of, list | tuple | str):
        raise Fault(f"cannot cut a piece out of {kind(of)}", null=of is None)
    for bound in (first, last, step):
        if bound is not None and (not isinstance(bound, int) or isinstance(bound, bool)):
            raise Fault(f"the bounds of a piece are whole numbers, not {kind(bound)}")
    if step == 0:
        raise Fault("the step of a piece cannot be 0")
    piece = of[first:last:step]
    return piece if isinstance(piece, str) else list(piece)


def member(value: Any, path: Any, default: Any = None) -> Any:
    """What a dotted path leads to, null where it leads nowhere; for filters that take an attribute."""
    if value is not None and isinstance(path, int):
        found = item(value, path)
        return default if found is MISSING else found
    for name in str(path).split("."):
        if value is None or value is MISSING:
            return default
        value = item(value, int(name) if name.isdigit() and not isinstance(value, Mapping) else name)
    return default if value is None or value is MISSING else value


def iterate(value: Any) -> list[Any]:
    """The items of a list, the keys of a map, the characters of a text; nothing of null."""
    if isinstance(value, list):
        return value
    if value is None:
        return []
    if isinstance(value, tuple | str | Mapping):
        return list(value)
    raise Fault(f"cannot walk over {kind(value)}")


def number_range(*bounds: Any) -> list[int]:
    """`range(stop)`, `range(start, stop)`, `range(start, stop, step)`."""
    if not 1 <= len(bounds) <= 3 or not all(isinstance(b, int) and not isinstance(b, bool) for b in bounds):
        raise Fault("range takes one to three whole numbers")
    if len(bounds) == 3 and bounds[2] == 0:
        raise Fault("the step of a range cannot be 0")
    numbers = range(*bounds)
    try:
        size = len(numbers)
    except OverflowError:
        size = LARGEST
    if size > 100_000:
        raise Fault("a range has at most 100,000 numbers")
    return list(numbers)
