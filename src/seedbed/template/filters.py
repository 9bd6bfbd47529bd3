"""The filters of templates and expressions, by name: MiniJinja's, as far as texts for models need them.

They are written here because MiniJinja's Python binding turns 1.0 into 1 and compares null with numbers. Nothing here
changes what it is given.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from textwrap import wrap
from typing import Any

from seedbed.template.checks import TESTS
from seedbed.template.markup import escape, strip_tags, url_encode
from seedbed.template.operations import Fault, fit, iterate, json_text, kind, member, to_text


def _no_null(value: Any) -> Any:
    if value is None:
        raise Fault("the value is null", null=True)
    return value


def _text(value: Any) -> str:
    return to_text(_no_null(value))


def _list(value: Any) -> list[Any]:
    return iterate(_no_null(value))


def default(value: Any, other: Any = "", boolean: bool = False) -> Any:
    """The other value where this one is null (or, with `boolean`, false or empty)."""
    return other if value is None or (boolean and not value) else value


def length(value: Any) -> int:
    if not isinstance(_no_null(value), str | list | tuple | Mapping):
        raise Fault(f"a {kind(value)} has no length")
    return len(value)


def replace(value: Any, old: Any, to: Any, count: int = -1) -> str:
    text, before, after = _text(value), to_text(old), to_text(to)
    if len(after) > len(before):
        fit(len(text) + text.count(before) * len(after))
    return text.replace(before, after, count)


def trim(value: Any, characters: str | None = None) -> str:
    return _text(value).strip(characters)


def indent(value: Any, width: int = 4, first: bool = False, blank: bool = False) -> str:
    """Puts blanks before each line but the first; empty lines stay empty."""
    text = _text(value)
    fit(len(text) + (text.count("\n") + 1) * width)
    lines = text.split("\n")
    space = " " * width
    return "\n".join(space + line if (line or blank) and (first or at) else line for at, line in enumerate(lines))


_WIDE = re.compile(r"%[^a-zA-Z%]*(\d{5,}|\*)")


def format_text(value: Any, *values: Any, **named: Any) -> str:
    """`"%s of %.2f"|format(a, b)`"""
    pattern = _text(value)
    if _WIDE.search(pattern):
        raise Fault("widths are below 10000 and written in the text")
    shown = {name: _formatted(part) for name, part in named.items()} or tuple(map(_formatted, values))
    try:
        return pattern % shown
    except KeyError as error:
        raise Fault(f"the value named {error} is missing") from None


def _formatted(value: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else to_text(value)


def truncate(value: Any, length: int = 255, killwords: bool = False, end: str = "...", leeway: int = 5) -> str:
    """Cuts a text off, between words unless `killwords`, where it is longer than the length and the leeway."""
    text = _text(value)
    if len(text) <= length + leeway:
        return text
    short = text[: max(length - len(end), 0)]
    return (short if killwords else short.rsplit(" ", 1)[0]) + end


def wordwrap(value: Any, width: int = 79, break_long_words: bool = True) -> str:
    """Breaks lines longer than the width; breaks that are there stay."""
    lines = _text(value).splitlines()
    return "\n".join("\n".join(wrap(line, width, break_long_words=break_long_words)) for line in lines)


def split(value: Any, separator: str | None = None, most: int = -1) -> list[str]:
    return _text(value).split(separator, most)


def tojson(value: Any, indent: int | None = None) -> str:
    return json_text(value, indent if indent is None else min(indent, 16))


def join(value: Any, separator: Any = "", attribute: Any = None) -> str:
    parts = [to_text(part if attribute is None else member(part, attribute)) for part in _list(value)]
    between = to_text(separator)
    fit(sum(map(len, parts)) + len(between) * len(parts))
    return between.join(parts)


def first(value: Any) -> Any:
    return next(iter(_list(value)), None)


def last(value: Any) -> Any:
    items = _list(value)
    return items[-1] if items else None


def reverse(value: Any) -> Any:
    return value[::-1] if isinstance(value, str) else _list(value)[::-1]


def to_int(value: Any, default: Any = None) -> Any:
    number = to_float(value, default) if not isinstance(value, int | str) else value
    try:
        return int(number)
    except ValueError:
        return int(to_float(value, default))
    except TypeError:
        return default


def to_float(value: Any, default: Any = None) -> Any:
    """A number or a text as a float; the default where it is neither."""
    try:
        number = float(value)
        if math.isfinite(number):
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    if default is not None:
        return default
    raise Fault("the value is null" if value is None else f"{to_text(value)[:40]!r} is no number", null=value is None)


def round_number(value: Any, precision: int = 0, method: str = "common") -> Any:
    """Rounds a number; `method` is common, ceil or floor. A float stays a float."""
    if isinstance(_no_null(value), bool) or not isinstance(value, int | float):
        raise Fault(f"cannot round {kind(value)}")
    if not -300 <= precision <= 300:
        raise Fault("the precision is between -300 and 300")
    if method == "common" or isinstance(value, int):
        return round(value, precision)
    how = {"ceil": math.ceil, "floor": math.floor}.get(method)
    if how is None:
        raise Fault("the method is common, ceil or floor")
    return float(how(value * 10**precision) / 10**precision)


def absolute(value: Any) -> Any:
    if not isinstance(_no_null(value), int | float):
        raise Fault(f"a {kind(value)} has no absolute value")
    return abs(value)


def total(value: Any, attribute: Any = None, start: Any = 0) -> Any:
    numbers = [part if attribute is None else member(part, attribute) for part in _list(value)]
    for number in numbers:
        if not isinstance(number, int | float):
            raise Fault(f"cannot add {kind(number)}", null=number is None)
    return sum(numbers, start)


def _key(attribute: Any, case_sensitive: bool) -> Callable[[Any], Any]:
    def key(part: Any) -> Any:
        value = part if attribute is None else member(part, attribute)
        if value is None:
            raise Fault("cannot order null", null=True)
        return value.lower() if isinstance(value, str) and not case_sensitive else value

    return key


def smallest(value: Any, attribute: Any = None, case_sensitive: bool = False) -> Any:
    return min(_list(value), key=_key(attribute, case_sensitive), default=None)


def largest(value: Any, attribute: Any = None, case_sensitive: bool = False) -> Any:
    return max(_list(value), key=_key(attribute, case_sensitive), default=None)


def sort(value: Any, reverse: bool = False, case_sensitive: bool = False, attribute: Any = None) -> list[Any]:
    return sorted(_list(value), key=_key(attribute, case_sensitive), reverse=reverse)


def unique(value: Any, case_sensitive: bool = False, attribute: Any = None) -> list[Any]:
    """The first of each group of equal items. Values are equal where they print alike."""
    found: dict[str, Any] = {}
    for part in _list(value):
        key = part if attribute is None else member(part, attribute)
        key = key.lower() if isinstance(key, str) and not case_sensitive else key
        found.setdefault(json_text(key), part)
    return list(found.values())


def pairs(value: Any) -> list[Any]:
    """A map's keys and values, as lists of two."""
    if not isinstance(_no_null(value), Mapping):
        raise Fault(f"a {kind(value)} has no keys")
    return [[key, part] for key, part in value.items()]


def sorted_pairs(value: Any, case_sensitive: bool = False, by: str = "key", reverse: bool = False) -> list[Any]:
    return sort(pairs(value), reverse, case_sensitive, 1 if by == "value" else 0)


def group(value: Any, attribute: Any, default: Any = None) -> list[Any]:
    """Lists of two: a value of the attribute, and the items that have it; sorted by the value."""
    groups: dict[str, list[Any]] = {}
    for part in _list(value):
        key = member(part, attribute, default)
        groups.setdefault(json_text(key), [key, []])[1].append(part)
    return sort(list(groups.values()), attribute=0, case_sensitive=True)


def batch(value: Any, size: int, fill: Any = None) -> list[Any]:
    """Pieces of so many items; the last one filled up if a filling is given."""
    items = _list(value)
    if size < 1:
        raise Fault("the size is at least 1")
    pieces = [items[at : at + size] for at in range(0, len(items), size)]
    if fill is not None and pieces:
        fit(size)
        pieces[-1] = pieces[-1] + [fill] * (size - len(pieces[-1]))
    return pieces


def pieces(value: Any, count: int, fill: Any = None) -> list[Any]:
    """So many pieces of about the same size."""
    items = _list(value)
    if count < 1:
        raise Fault("the number of pieces is at least 1")
    fit(count)
    size, more = divmod(len(items), count)
    result: list[Any] = []
    at = 0
    for place in range(count):
        end = at + size + (place < more)
        result.append(items[at:end] + ([fill] if fill is not None and more and place >= more else []))
        at = end
    return result


def side_by_side(value: Any, *others: Any) -> list[Any]:
    return [list(row) for row in zip(_list(value), *map(_list, others), strict=False)]


def chain(value: Any, *others: Any) -> list[Any]:
    return [part for items in (value, *others) for part in _list(items)]


def each(value: Any, name: Any = None, *values: Any, attribute: Any = None, default: Any = None) -> list[Any]:
    """`map`: an attribute of each item, or a filter on each item."""
    if attribute is not None:
        return [member(part, attribute, default) for part in _list(value)]
    how = find_filter(str(name))
    return [how(part, *values) for part in _list(value)]


def choose(wanted: bool, value: Any, name: Any = None, *values: Any) -> list[Any]:
    """`select` and `reject`: the items that pass a test, or are true."""
    how = _test(name)
    return [part for part in _list(value) if how(part, *values) is wanted]


def choose_by(wanted: bool, value: Any, attribute: Any, name: Any = None, *values: Any) -> list[Any]:
    """`selectattr` and `rejectattr`: the items of which an attribute passes a test, or is true."""
    how = _test(name)
    return [part for part in _list(value) if how(member(part, attribute), *values) is wanted]


def _test(name: Any) -> Callable[..., bool]:
    if name is None:
        return bool
    if name not in TESTS:
        raise Fault(f"there is no test `{to_text(name)}`")
    return TESTS[name]


def _of_text(how: Callable[[str], Any]) -> Callable[[Any], Any]:
    def apply(value: Any) -> Any:
        return how(_text(value))

    return apply


FILTERS: dict[str, Callable[..., Any]] = {
    "abs": absolute,
    "attr": lambda value, name: member(value, name),
    "batch": batch,
    "bool": bool,
    "capitalize": _of_text(str.capitalize),
    "chain": chain,
    "count": length,
    "d": default,
    "default": default,
    "dictsort": sorted_pairs,
    "first": first,
    "float": to_float,
    "format": format_text,
    "groupby": group,
    "indent": indent,
    "int": to_int,
    "items": pairs,
    "join": join,
    "last": last,
    "length": length,
    "lines": _of_text(str.splitlines),
    "list": lambda value: list(_list(value)),
    "lower": _of_text(str.lower),
    "map": each,
    "max": largest,
    "min": smallest,
    "reject": partial(choose, False),
    "rejectattr": partial(choose_by, False),
    "replace": replace,
    "reverse": reverse,
    "round": round_number,
    "safe": to_text,
    "select": partial(choose, True),
    "selectattr": partial(choose_by, True),
    "slice": pieces,
    "sort": sort,
    "split": split,
    "string": to_text,
    "sum": total,
    "title": _of_text(str.title),
    "tojson": tojson,
    "trim": trim,
    "truncate": truncate,
    "unique": unique,
    "upper": _of_text(str.upper),
    "wordwrap": wordwrap,
    "zip": side_by_side,
    "e": escape,
    "escape": escape,
    "striptags": strip_tags,
    "urlencode": url_encode,
}


def find_filter(name: str) -> Callable[..., Any]:
    """The filter of that name, for filters that take one."""
    if name not in FILTERS:
        raise Fault(f"there is no filter `{name}`")
    return FILTERS[name]


def apply(how: Callable[..., Any], value: Any, values: Sequence[Any], named: dict[str, Any]) -> Any:
    """Runs a filter or test; what Python says of wrong arguments becomes a Fault."""
    try:
        return how(value, *values, **named)
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise Fault(f"it cannot work on {kind(value)}: {error}") from error
