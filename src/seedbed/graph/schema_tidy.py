"""From pydantic's JSON Schemas to those of a pipeline file.

Types of one place are brought together (`type: [integer, null]` reads better in an editor's message than two branches),
and wherever something other than text is wanted, `${…}` may stand in its place: it is filled when the file is loaded.
"""

from __future__ import annotations

from typing import Any

JsonSchema = dict[str, Any]

_HOLE = r"\$\{[^{}]*\}"

FILLED: dict[str, JsonSchema] = {
    "Filled": {
        "title": "Filled at load",
        "description": "`${NAME}`, `${NAME:-default}` or `${params.name}`: filled when the file is loaded.",
        "type": "string",
        "pattern": f"^{_HOLE}$",
    },
    "FilledText": {
        "title": "Text, filled at load",
        "description": "Text with `${NAME}`, `${NAME:-default}` or `${params.name}` in it.",
        "type": "string",
        "pattern": f"(^|[^$]){_HOLE}",
    },
}
"""What may stand for a value that is not text, and for a text of a certain form."""

HOLED = frozenset(
    {"Node", "Nodes", "Step", "Model", "ModelEntry", "Edge", "Edges", "Sources", "Sinks", "Schema", "SchemaType",
     "ObjectSchema"}
)  # fmt: skip
"""Definitions that say themselves where `${…}` may stand."""

_ABOUT = ("title", "description", "default", "examples", "deprecated")
_LIMITS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
_BRANCHING = {"$ref", "enum", "const", "anyOf", "oneOf", "allOf", "not", "if", "format"}
_OF_TEXT = {"pattern", "minLength", "maxLength"}


def tidy(schema: JsonSchema, names: dict[str, str]) -> JsonSchema:
    """A schema of pydantic's as it stands in a file's. `names` tells what its definitions are called there."""
    if "x-definition" in schema:
        about = {key: value for key, value in schema.items() if key in _ABOUT and (key, value) != ("default", None)}
        return {**about, "$ref": f"#/$defs/{schema['x-definition']}"}
    result: JsonSchema = {}
    for key, value in schema.items():
        if key == "$ref":
            name = value.removeprefix("#/$defs/")
            result[key] = f"#/$defs/{names.get(name, name)}"
        elif key in ("properties", "patternProperties"):
            result[key] = {name: holed(tidy(inner, names)) for name, inner in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            result[key] = holed(tidy(value, names))
        elif key in ("anyOf", "oneOf") and not _is_condition(value):
            result["anyOf"] = [tidy(branch, names) for branch in value]
        elif key in _LIMITS:
            result.setdefault(_LIMITS[key], value)
        elif key == "description":
            result[key] = " ".join(value.split())
        else:
            result[key] = value
    if "patternProperties" in result:
        result.setdefault("additionalProperties", False)
    return _joined(result)


def holed(schema: JsonSchema) -> JsonSchema:
    """The schema of a value in whose place `${…}` may stand, too."""
    if _takes_any_text(schema) or schema.get("$ref", "").removeprefix("#/$defs/") in HOLED:
        return schema
    types = _types(schema)
    if types and "string" not in types and not _BRANCHING & schema.keys():
        return {**schema, "type": [*types, "string"], "pattern": FILLED["Filled"]["pattern"]}
    about = {key: value for key, value in schema.items() if key in _ABOUT}
    bare = {key: value for key, value in schema.items() if key not in _ABOUT}
    name = "FilledText" if _is_about_text(bare) else "Filled"
    branches = bare["anyOf"] if bare.keys() == {"anyOf"} else [bare]
    return {**about, "anyOf": [*branches, {"$ref": f"#/$defs/{name}"}]}


def _is_condition(branches: list[JsonSchema]) -> bool:
    """Whether branches speak of keys only, as those of `exactly_one` do."""
    return any("required" in branch for branch in branches) and not any("type" in branch for branch in branches)


def _types(schema: JsonSchema) -> list[str]:
    types = schema.get("type", [])
    return list(types) if isinstance(types, list) else [types]


def _takes_any_text(schema: JsonSchema) -> bool:
    if "anyOf" in schema:
        return any(map(_takes_any_text, schema["anyOf"]))
    if _BRANCHING & schema.keys() or "pattern" in schema or "maxLength" in schema:
        return False
    return "type" not in schema or "string" in _types(schema)


def _is_about_text(schema: JsonSchema) -> bool:
    if any(map(_is_about_text, schema.get("anyOf", []))):
        return True
    words = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return "string" in _types(schema) or any(isinstance(word, str) for word in words)


def _joined(schema: JsonSchema) -> JsonSchema:
    """The branches of an `anyOf` in one, where each is of a type of its own."""
    branches: list[JsonSchema] = []
    for branch in schema.get("anyOf", []):
        branches += branch["anyOf"] if branch.keys() == {"anyOf"} else [branch]
    if not branches or _is_condition(branches):
        return schema
    schema = {**schema, "anyOf": branches}
    types = [kind for branch in branches for kind in _types(branch)]
    plain = all("type" in branch and not _BRANCHING & branch.keys() for branch in branches)
    if not plain or len(set(types)) < len(types) or {"integer", "number"} <= set(types):
        return schema
    joined: JsonSchema = {key: value for key, value in schema.items() if key != "anyOf"}
    for branch in branches:
        joined |= {key: value for key, value in branch.items() if key not in ("type", *_ABOUT)}
    return {**joined, "type": types}
