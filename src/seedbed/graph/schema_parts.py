"""The parts of a file's JSON Schema that no spec can tell: sources, edge lines, and schemas in shorthand or in full.

The patterns follow the parsers in `edges.py` and `shorthand.py`. Lists in shorthand text are followed three deep.
"""

from __future__ import annotations

from typing import Any

from seedbed.graph.contracts import NAME
from seedbed.graph.schema_tidy import FILLED
from seedbed.graph.shorthand import JSON_TYPES, KEYWORDS, TYPES

JsonSchema = dict[str, Any]

_FILLED_TEXT: JsonSchema = {"$ref": "#/$defs/FilledText"}


def sources(keys: list[str]) -> JsonSchema:
    """The value of `source:`. A list is of sources if each item is a path or has only `keys`, else of records."""
    one: JsonSchema = {"anyOf": [{"type": "string", "minLength": 1}, {"$ref": "#/$defs/Source"}]}
    origin = {"anyOf": [{"required": [key]} for key in ("path", "records", "count")]}
    is_source = {"anyOf": [{"type": "string"}, {"type": "object", "propertyNames": {"enum": keys}, **origin}]}
    return {
        "title": "Sources",
        "if": {"type": "array"},
        "then": {
            "if": {"minItems": 1, "items": is_source},
            "then": {"items": one},
            "else": {"items": {"type": ["object", "string"], "pattern": FILLED["Filled"]["pattern"]}},
        },
        "else": one,
    }


# edges

_NODE = NAME.strip("^$")
_GROUP = rf"(?:{_NODE}|\[\s*{_NODE}(?:\s*,\s*{_NODE})*\s*\])"
_SINGLE_QUOTED, _DOUBLE_QUOTED = r"'(?:\\.|[^'\\])*'", r'"(?:\\.|[^"\\])*"'
_QUOTED = rf"{_SINGLE_QUOTED}|{_DOUBLE_QUOTED}"
_CONDITION = rf"\s*(?=\S)(?:{_QUOTED}|(?!->|{_QUOTED})[\s\S])*"
EDGE_LINE = (
    rf"^\s*{_GROUP}\s*->\s*(?:"
    rf"{_GROUP}(?:\s*->\s*{_GROUP})*\s*"
    rf"|(?:{_NODE}\s+|\[\s*{_NODE}(?:\s*,\s*{_NODE})*\s*\]\s*)when(?=[\s\[\],]){_CONDITION}"
    rf")$"
)
"""`a -> b -> c`, `a -> [b, c] -> d`, `a -> b when EXPRESSION`."""


def edge() -> JsonSchema:
    """One edge: a line, or a mapping."""
    # An edge whose names are filled at load may become any line.
    unknown = r"^(?:(?!\swhen\s)[\s\S])*?\$\{[^{}]*\}"
    node: JsonSchema = {"anyOf": [{"type": "string", "pattern": NAME}, _FILLED_TEXT]}
    nodes: JsonSchema = {"anyOf": [*node["anyOf"], {"type": "array", "minItems": 1, "items": node}]}
    return {
        "title": "Edge",
        "description": "`a -> b -> c`, `a -> [b, c] -> d`, `a -> b when EXPRESSION`, or {from: a, to: b, when: …}.",
        "examples": ["start -> draft -> end", "verdict -> draft when verdict.score < 4"],
        "if": {"type": "object"},
        "then": {
            "properties": {
                "from": {**nodes, "description": "A node, or a list of them: each of these leads on."},
                "to": {**nodes, "description": "A node, or a list of them: all of these are led to."},
                "when": {"type": "string", "pattern": r"\S", "description": "The condition, an expression."},
            },
            "required": ["from", "to"],
            "additionalProperties": False,
        },
        "else": {
            "type": "string",
            "anyOf": [{"pattern": EDGE_LINE}, {"pattern": unknown}],
            "patternErrorMessage": "write `a -> b`, `a -> [b, c]` or `a -> b when EXPRESSION`",
        },
    }


# schemas

_NUMBER = r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_WHOLE = r"[+-]?(?:\d+(?:\.0+)?|\d+(?:\.\d+)?[eE][+-]?\d+)"
_SIZE = r"\+?(?:\d+(?:\.0+)?|\d+(?:\.\d+)?[eE][+-]?\d+)"
_FILE = r"^\s*(?:[\s\S]*\.json|(?:.+\.py|[A-Za-z_][\w.]*):[A-Za-z_][\w.]*)\s*$"


def _range(number: str) -> str:
    return rf"(?:{number}\s*\.\.\s*(?:{number})?|\.\.\s*{number})"


def _text(depth: int) -> str:
    """The pattern of a type in shorthand text, with lists in it so many deep."""
    scalars = rf"str(?:\s+{_range(_SIZE)})?|int(?:\s+{_range(_WHOLE)})?|float(?:\s+{_range(_NUMBER)})?|bool"
    word = "|".join([*TYPES, "null", "none", "None"])
    types = rf"(?:{word})\s*(?:\|\s*(?:{word})\s*)+"
    part = r"[^|\[\]{}]*[^|\[\]{}\s][^|\[\]{}]*"
    choice = rf"(?!\s*(?:{types}|true\|false\s*)(?:\?\s*)*(?:\]|$)){part}(?:\|{part})+"
    items = rf"|\[{_text(depth - 1)}\]\s*(?:{_range(_SIZE)})?" if depth else ""
    return rf"\s*(?:{scalars}|any|messages|{choice}{items})\s*(?:\?\s*)*"


def schema_definitions() -> dict[str, JsonSchema]:
    """`Schema`: of an output record; `ObjectSchema`: of a structured reply; `SchemaType`: of a part of either."""
    types = {"type": "string", "pattern": f"^{_text(3)}$"}
    files = {"type": "string", "pattern": _FILE, "description": "`./schema.json` or `file.py:PydanticModel`"}
    many: JsonSchema = {"type": "array", "minItems": 1, "maxItems": 1, "items": {"$ref": "#/$defs/SchemaType"}}
    mapping: JsonSchema = {"$ref": "#/$defs/SchemaMap"}
    shared = {"title": "Schema", "examples": [{"score": "int 1..5", "reason": "str", "tags": "[str]"}]}
    return {
        "Schema": {**shared, "anyOf": [types, files, _FILLED_TEXT, many, mapping, {"type": "null"}]},
        "ObjectSchema": {**shared, "anyOf": [files, _FILLED_TEXT, mapping, {"type": "null"}]},
        "SchemaType": {
            "title": "Type",
            "description": "`str`, `int 1..5`, `float 0..1`, `[str]`, `a|b|c`, `T?`, a map of names to types, or JSON "
            "Schema.",
            "anyOf": [types, _FILLED_TEXT, many, mapping],
        },
        "SchemaMap": {
            "title": "Object",
            "description": "Names and their types, or JSON Schema.",
            "type": "object",
            "minProperties": 1,
            "if": _is_json_schema(),
            "else": {
                "patternProperties": {r"\?$": {"allOf": [{"$ref": "#/$defs/SchemaType"}, {"not": {"type": "string"}}]}},
                "additionalProperties": {"$ref": "#/$defs/SchemaType"},
            },
        },
    }


def _is_json_schema() -> JsonSchema:
    """Whether a map is a JSON Schema already, as `shorthand.py` decides it."""

    def has(key: str, schema: JsonSchema) -> JsonSchema:
        return {"required": [key], "properties": {key: schema}}

    branches = {"type": "array", "minItems": 1, "items": {"type": "object"}}
    typed = has("type", {"type": ["string", "array"]})
    shaped = [has(key, branches) for key in ("anyOf", "oneOf", "allOf")]
    shaped.append(has("enum", {"type": "array", "minItems": 2}))
    keywords = {
        "propertyNames": {"enum": sorted(KEYWORDS)},
        "anyOf": [
            has("type", {"enum": list(JSON_TYPES)}),
            has("type", {"type": "array", "items": {"enum": list(JSON_TYPES)}}),
            {"not": typed, "anyOf": shaped},
        ],
    }
    return {"anyOf": [{"required": ["$schema"]}, {"required": ["$ref"]}, keywords]}
