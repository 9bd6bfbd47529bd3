"""The schema shorthand: `{score: int 1..5, reason: str}` for a JSON Schema.

    T      str · int · float · bool · any · messages · [T] · a|b|c · {name: T, …}
    T?     may also be null
    ranges int 1..5 · float 0..1 · str 1..200 (characters) · [T] 1..10 (items); either end may be left open

A map that is a JSON Schema already is taken as it is, also inside shorthand. Knows nothing of pipelines or models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from seedbed.errors import InputError
from seedbed.graph.json_schema import Invalid, compile_schema
from seedbed.registry.code import file_or_reference, load_function

JsonSchema = dict[str, Any]
Place = tuple[str | int, ...]

TYPES = ("str", "int", "float", "bool", "any", "messages")
"""The words for types."""

JSON_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
_SYNONYMS = {
    "string": "str", "text": "str", "integer": "int", "number": "float", "double": "float", "boolean": "bool",
    "list": "[any]", "array": "[any]", "dict": "any", "map": "any", "object": "any", "true|false": "bool",
}  # fmt: skip
KEYWORDS = {
    "$schema", "$id", "$ref", "$defs", "$comment", "$anchor", "$dynamicRef", "$dynamicAnchor", "definitions", "type",
    "enum", "const", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "format",
    "properties", "required", "additionalProperties", "patternProperties", "propertyNames", "minProperties",
    "maxProperties", "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties", "items",
    "prefixItems", "additionalItems", "contains", "minContains", "maxContains", "minItems", "maxItems", "uniqueItems",
    "unevaluatedItems", "minLength", "maxLength", "pattern", "contentEncoding", "contentMediaType", "minimum",
    "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "allOf", "anyOf", "oneOf", "not", "if", "then",
    "else", "discriminator",
}  # fmt: skip
_SCALARS: dict[str, JsonSchema] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
}
_LIMITS = {"str": ("minLength", "maxLength"), "int": ("minimum", "maximum"), "float": ("minimum", "maximum")}
_NUMBER = r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"\s*(?P<low>{_NUMBER})?\s*\.\.\s*(?P<high>{_NUMBER})?\s*")
_WORDS = re.compile(r"(?P<word>[A-Za-z_]\w*)(?:\s+(?P<rest>\S.*))?", re.DOTALL)
_PYTHON = re.compile(r"(?:.+\.py|[^\W\d][\w.]*):[^\W\d][\w.]*")


class SchemaSyntaxError(InputError):
    """A schema is not written as it should be. `path` leads from the schema to the place."""

    def __init__(self, what: str, fix: str, path: Place = ()) -> None:
        super().__init__(what, hint=fix)
        self.what = what
        self.fix = fix
        self.path = path


def load_schema(value: Any, base: Path) -> JsonSchema:
    """The JSON Schema of what a file says: shorthand, JSON Schema, `./schema.json`, or `file.py:PydanticModel`.

    `base` is the folder of the pipeline file. Raises SchemaSyntaxError, or InputError for Python that cannot be loaded.
    """
    if isinstance(value, str) and (text := value.strip()):
        if text.endswith(".json"):
            return _of_file(text, base)
        if _PYTHON.fullmatch(text):
            return _of_python(text, base)
    return to_json_schema(value)


def schema_file(value: Any) -> str | None:
    """Where a schema as written is read from: its file, or the reference to a package; None if it stands there."""
    text = value.strip() if isinstance(value, str) else ""
    if text.endswith(".json"):
        return text
    return file_or_reference(text) if _PYTHON.fullmatch(text) else None


def to_json_schema(value: Any, path: Place = ()) -> JsonSchema:
    """The JSON Schema of a shorthand. `path` is where it stands, for errors. Raises SchemaSyntaxError."""
    if isinstance(value, str):
        return _of_text(value, path)
    if isinstance(value, Mapping):
        return _valid(_plain(value), path) if _is_json_schema(value) else _of_map(value, path)
    if isinstance(value, list):
        if len(value) != 1:
            fix = "write `a|b|c` for one of several" if value else "write `[str]`"
            raise SchemaSyntaxError("a list in a schema holds one type, that of its items", fix, path)
        return {"type": "array", "items": to_json_schema(value[0], (*path, 0))}
    shown = "nothing" if value is None else str(value).lower()
    raise SchemaSyntaxError(f"{shown} is not a type", f"types are {_quoted(TYPES)}", path)


def _is_json_schema(value: Mapping[Any, Any]) -> bool:
    """Whether a map is a JSON Schema already and not a map of names.

    No type name of JSON Schema is a word of the shorthand, so `type: string` beside nothing but keywords is one. Beside
    other keys it is a slip, and the shorthand says so.
    """
    if "$schema" in value or "$ref" in value:
        return True
    if not value or not all(key in KEYWORDS for key in value):
        return False
    types = value.get("type")
    if isinstance(types, str):
        return types in JSON_TYPES
    if isinstance(types, list):
        return all(name in JSON_TYPES for name in types)
    if isinstance(value.get("enum"), list) and len(value["enum"]) > 1:
        return True
    branches = [value[key] for key in ("anyOf", "oneOf", "allOf") if isinstance(value.get(key), list)]
    return any(branch and all(isinstance(item, Mapping) for item in branch) for branch in branches)


def _of_map(value: Mapping[Any, Any], path: Place) -> JsonSchema:
    if not value:
        raise SchemaSyntaxError("an empty map is not a type", "write `any`, or name its keys", path)
    properties = {}
    for key, written in value.items():
        if not isinstance(key, str):
            raise SchemaSyntaxError(f"the key {key!r} is not text", f'write "{key}"', path)
        if key.endswith("?") and isinstance(written, str):
            fix = f"write `{key[:-1]}: {written}?` for one that may be null"
            raise SchemaSyntaxError(f"the key `{key}` ends with a question mark", fix, (*path, key))
        properties[key] = to_json_schema(written, (*path, key))
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _of_text(text: str, path: Place) -> JsonSchema:
    text = text.strip()
    if text.endswith("?"):
        return _nullable(_of_text(text[:-1], path))
    if text.startswith("["):
        return _list_of(text, path)
    if "|" in text:
        return _choice(text, path)
    if text == "any":
        return {}
    if text == "messages":
        return _messages()
    match = _WORDS.fullmatch(text)
    word, rest = (match["word"], match["rest"]) if match else (text, None)
    if word not in _SCALARS:
        raise SchemaSyntaxError(f"there is no type `{text}`", _nearest(word), path)
    schema = dict(_SCALARS[word])
    return {**schema, **_range(word, rest, path)} if rest else schema


def _list_of(text: str, path: Place) -> JsonSchema:
    inner, closed, rest = text[1:].rpartition("]")
    if not closed or not inner.strip():
        raise SchemaSyntaxError(f"`{text}` is not a list", "write the type of its items in brackets: `[str]`", path)
    schema = {"type": "array", "items": _of_text(inner, path)}
    return {**schema, **_range("[T]", rest.strip(), path)} if rest.strip() else schema


def _choice(text: str, path: Place) -> JsonSchema:
    choices = [choice.strip() for choice in text.split("|")]
    if all(choice in TYPES or choice in ("null", "none", "None") for choice in choices):
        types = [choice for choice in choices if choice in TYPES]
        fix = f"write `{types[0]}?`" if len(types) == 1 else "write `any`, or JSON Schema with `anyOf`"
        raise SchemaSyntaxError(f"`{text}` is a choice of types; only texts can be chosen from", fix, path)
    if text in _SYNONYMS:
        raise SchemaSyntaxError(f"`{text}` is a choice of texts", f"write `{_SYNONYMS[text]}`", path)
    if set(text) & set("[]{}"):
        raise SchemaSyntaxError(
            f"`{text}` is not a type", "write `[a|b]` for a list, or JSON Schema with `anyOf`", path
        )
    if not all(choices) or len(set(choices)) < len(choices):
        wrong = "names a text twice" if all(choices) else "has an empty choice"
        raise SchemaSyntaxError(f"`{text}` {wrong}", "write each text once: `a|b|c`", path)
    return {"type": "string", "enum": choices}


def _range(word: str, text: str, path: Place) -> JsonSchema:
    match = _RANGE.fullmatch(text)
    whole = word != "float"
    example = {"str": "str 1..200", "float": "float 0..1", "[T]": "[str] 1..5"}.get(word, "int 1..5")
    fix = f"write a range as in `{example}`; one end may be left open"
    if word not in _LIMITS and word != "[T]":
        raise SchemaSyntaxError(f"`{word}` has no range, but `{text}` follows it", f"write `{word}`", path)
    if match is None or not (match["low"] or match["high"]):
        raise SchemaSyntaxError(f"`{text}` is not a range", fix, path)
    keys = _LIMITS.get(word, ("minItems", "maxItems"))
    limits: dict[str, Any] = {}
    for key, end in zip(keys, (match["low"], match["high"]), strict=True):
        if end is None:
            continue
        number = float(end)
        if whole and not number.is_integer():
            raise SchemaSyntaxError(f"`{end}` is not a whole number", fix, path)
        if word not in ("int", "float") and number < 0:
            raise SchemaSyntaxError(f"`{end}` is less than nothing", fix, path)
        limits[key] = int(number) if number.is_integer() else number
    if len(limits) == 2 and limits[keys[0]] > limits[keys[1]]:
        raise SchemaSyntaxError(f"the range `{text}` is empty", "write the smaller end first", path)
    return limits


def _nullable(schema: JsonSchema) -> JsonSchema:
    if not schema or "anyOf" in schema:
        return schema
    kind = schema["type"]
    if isinstance(kind, list):
        return schema
    if kind in ("object", "array"):
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [kind, "null"], **({"enum": [*schema["enum"], None]} if "enum" in schema else {})}


def _messages() -> JsonSchema:
    return {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "role": {"type": "string", "enum": ["system", "developer", "user", "assistant", "tool"]},
                "content": {"type": ["string", "array", "null"]},
                "reasoning": {"type": ["string", "null"]},
                "name": {"type": ["string", "null"]},
                "tool_calls": {"type": ["array", "null"], "items": {"type": "object"}},
                "tool_call_id": {"type": ["string", "null"]},
            },
            "required": ["role", "content"],
            "additionalProperties": False,
        },
    }


def _nearest(word: str) -> str:
    near = _SYNONYMS.get(word.lower()) or next(iter(get_close_matches(word.lower(), TYPES, 1)), None)
    return f"did you mean `{near}`?" if near else f"types are {_quoted(TYPES)}, [T], a|b|c and T?"


def _quoted(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _of_file(text: str, base: Path) -> JsonSchema:
    path = base / text
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        near = get_close_matches(path.name, sorted(p.name for p in path.parent.glob("*.json")), 1)
        fix = f"did you mean {near[0]}?" if near else f"paths start at the pipeline file's folder, {base}"
        raise SchemaSyntaxError(f"there is no file {text}", fix) from None
    except OSError as error:
        raise SchemaSyntaxError(f"{text} cannot be read: {error.strerror}", "name a file with a JSON Schema") from error
    except ValueError as error:
        raise SchemaSyntaxError(f"{text} is not JSON: {error}", "it must hold a JSON Schema") from error
    if not isinstance(value, dict):
        raise SchemaSyntaxError(f"{text} holds no object", "it must hold a JSON Schema")
    try:
        return _valid(value, ())
    except SchemaSyntaxError as error:
        raise SchemaSyntaxError(f"{text}: {error.what}", error.fix) from error


def _of_python(text: str, base: Path) -> JsonSchema:
    # Costs about 100 ms to import, and is needed here only.
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    found = load_function(text, base)
    try:
        if isinstance(found, type):
            return _valid(TypeAdapter(found).json_schema(), ())
    except PydanticUserError as error:
        raise SchemaSyntaxError(f"`{text}` has no JSON Schema: {error.message}", "name a pydantic model") from error
    raise SchemaSyntaxError(f"`{text}` is not a class", "name a pydantic model")


def _plain(value: Any) -> Any:
    """Without the subclasses that a YAML loader may leave behind."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _valid(schema: JsonSchema, path: Place) -> JsonSchema:
    try:
        compile_schema(schema)
    except Invalid as error:
        raise SchemaSyntaxError(error.what, error.fix, (*path, *error.path)) from error
    return schema
