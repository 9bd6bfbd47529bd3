"""One Arrow schema for any rows: learnt row by row, then the rows made to fit it.

A shape mirrors JSON: a dict of shapes for maps, a list of one shape for lists, a word for the rest. Shapes only widen:
null to anything, int to float, maps by union of their keys (an absent key becomes null), lists item-wise. Values that
no Arrow type holds together share a text column, in which text stands as it is and all else as JSON: a number beside
text, integers beyond 64 bits (or beyond 53 beside floats), maps without keys, maps with more than 1,000 keys (keys
that are data, not names), and what lies deeper than 60 levels.
"""

from __future__ import annotations

from typing import Any

import msgspec

Shape = str | dict[str, Any] | list[Any]
"""null, bool, int (exact as a float), long, float, text, or json (text by need); {key: shape}; [shape]."""

WIDEST = 1000
DEEPEST = 60

_WIDER = {
    ("int", "long"): "long",
    ("long", "int"): "long",
    ("int", "float"): "float",
    ("float", "int"): "float",
}


def widen(shape: Shape, value: Any, depth: int = 0) -> Shape:
    """The shape that also holds this JSON value. Dicts and lists are changed in place."""
    if value is None or shape == "json":
        return shape
    if type(value) is dict:
        return _widen_map(shape, value, depth)
    if type(value) is list:
        if shape == "null" and depth < DEEPEST:
            shape = ["null"]
        if not isinstance(shape, list):
            return "json"
        inner = shape[0]
        for item in value:
            inner = widen(inner, item, depth + 1)
        shape[0] = inner
        return shape
    word = "text" if type(value) is str else _number(value)
    if shape in ("null", word):
        return word
    return _WIDER.get((shape, word), "json") if isinstance(shape, str) else "json"


def _widen_map(shape: Shape, value: dict[str, Any], depth: int) -> Shape:
    if shape == "null" and depth < DEEPEST:
        shape = {}
    if not isinstance(shape, dict):
        return "json"
    for key, item in value.items():
        shape[key] = widen(shape.get(key, "null"), item, depth + 1)
    return "json" if depth and len(shape) > WIDEST else shape


def _number(value: Any) -> str:
    if type(value) is bool:
        return "bool"
    if type(value) is float:
        return "float"
    if -(1 << 53) <= value <= 1 << 53:
        return "int"
    return "long" if -(1 << 63) <= value < 1 << 63 else "json"


def needs_fit(shape: Shape) -> bool:
    """Whether values of this shape must go through `fit`: it holds a `json` or a map without keys."""
    if isinstance(shape, dict):
        return not shape or any(map(needs_fit, shape.values()))
    return needs_fit(shape[0]) if isinstance(shape, list) else shape == "json"


def fit(value: Any, shape: Shape) -> Any:
    """The value as its column holds it."""
    if value is None:
        return None
    if isinstance(shape, dict) and shape:
        return {key: fit(item, shape[key]) for key, item in value.items()}
    if isinstance(shape, list):
        return [fit(item, shape[0]) for item in value]
    if (shape == "json" or shape == {}) and type(value) is not str:
        return msgspec.json.encode(value).decode()
    return value


def arrow_type(arrow: Any, shape: Shape) -> Any:
    """The Arrow type of a shape."""
    if isinstance(shape, dict) and shape:
        return arrow.struct([(key, arrow_type(arrow, inner)) for key, inner in shape.items()])
    if isinstance(shape, list):
        return arrow.list_(arrow_type(arrow, shape[0]))
    makers = {"null": "null", "bool": "bool_", "int": "int64", "long": "int64", "float": "float64"}
    return getattr(arrow, makers.get(str(shape), "string"))()


def is_json(arrow: Any, kind: Any) -> bool:
    """Whether the values of an Arrow type are JSON values as they come. Floats are not: they may be NaN."""
    types = arrow.types
    if types.is_struct(kind):
        return all(is_json(arrow, kind.field(number).type) for number in range(kind.num_fields))
    if types.is_list(kind) or types.is_large_list(kind):
        return is_json(arrow, kind.value_type)
    plain = (types.is_integer, types.is_boolean, types.is_string, types.is_large_string, types.is_null)
    return any(test(kind) for test in plain)
