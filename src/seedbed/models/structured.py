"""From a reply's text to JSON, and a JSON Schema made ready for strict decoding.

The text is taken as JSON if it is; else the JSON is looked for between words, fences and thinking; and only if there is
none is the text repaired. A repair counts only where the outcome matches the schema and nothing in it is made up, and
it is told.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NamedTuple, NoReturn

import msgspec

from seedbed.errors import BadReply
from seedbed.graph.json_schema import Checker, JsonSchema

_MAX_STARTS = 64
"""How many brackets of a text are tried as the beginning of JSON."""

_MAX_REPAIRED = 50_000
"""Characters of the longest text that is repaired: it holds up everything else for about 2 ms per 1,000."""

_THINKING = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_THOUGHT = re.compile(r"\A.*</(?:think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)
_FENCED = re.compile(r"```[ \t]*\w*[ \t]*\n?(.*?)```", re.DOTALL)
_CLOSING_FENCE = re.compile(r"\n?```[^`\"'\[\]{}]*\Z")
_OPENING = re.compile(r"[\[{]")
_LIKE_JSON = re.compile(r"""\{\s*(?:["'{]|\w+\s*:)|\[\s*["'\[{]""")


class Parsed(NamedTuple):
    """What was found in a reply, and what had to be done to find it; empty where the text held it as it is."""

    value: Any
    note: str = ""


def parse_json(text: str, checker: Checker | None = None) -> Parsed:
    """The JSON in a reply. Raises BadReply, with feedback for the model.

    With a checker it is the value that matches. Without one it is any JSON, or where other text stands around it, the
    only object or list.
    """
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        return _find(text, checker, str(error))
    if checker and (wrong := checker.check(value)):
        raise _mismatch(wrong, text)
    return Parsed(value)


def without_thinking(text: str) -> str:
    """A reply without the thinking that some models write into it."""
    if "<" not in text:
        return text
    # A chat template may hold the opening tag, so that the reply has only the closing one.
    return _THOUGHT.sub("", _THINKING.sub("", text))


def _find(text: str, checker: Checker | None, why: str) -> Parsed:
    said = without_thinking(text)
    values, broken = _values(said)
    wrong = ""
    if checker:
        mismatches = [checker.check(value) for value in values]
        fitting = [value for value, mismatch in zip(values, mismatches, strict=True) if mismatch is None]
        if fitting:
            several = any(value != fitting[-1] for value in fitting)
            note = f"{len(fitting)} JSON values in the reply match; the last was taken" if several else ""
            return Parsed(fitting[-1], note)
        wrong = mismatches[-1] or "" if mismatches else ""
    elif values and not broken:
        if len(values) > 1:
            values = [value for block in _FENCED.findall(said) for value in _values(block)[0]]
        if len(values) == 1:
            return Parsed(values[0])
        feedback = "Answer with one JSON value only."
        raise BadReply("the reply holds several JSON values", reply=text, feedback=feedback)
    if repaired := _repair(said, checker, why):
        return repaired
    if wrong and not broken:
        raise _mismatch(wrong, text)
    feedback = "Your answer is not valid JSON. Answer again with JSON only, with nothing before or after it."
    raise BadReply(f"the reply is not JSON: {why}", reply=text, feedback=feedback)


def _values(text: str) -> tuple[list[Any], bool]:
    """The objects and lists in a text, and whether something in it looks like JSON and is not."""
    values: list[Any] = []
    broken = False
    place = 0
    for _ in range(_MAX_STARTS):
        opening = _OPENING.search(text, place)
        if opening is None:
            break
        try:
            value, place = _DECODER.raw_decode(text, opening.start())
            msgspec.json.encode(value)
        except (ValueError, RecursionError):
            broken = broken or _LIKE_JSON.match(text, opening.start()) is not None
            place = opening.start() + 1
        else:
            values.append(value)
    return values, broken


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is out of range")
    return number


# Not strict about line breaks within texts: models write them, and they can mean one thing only.
_DECODER = json.JSONDecoder(strict=False, parse_constant=_no_constant, parse_float=_finite)


def _repair(text: str, checker: Checker | None, why: str) -> Parsed | None:
    """What json_repair makes of the first thing in the text that looks like JSON, if that can be trusted."""
    like = _LIKE_JSON.search(text)
    if like is None or len(text) > _MAX_REPAIRED:
        return None
    # Costs 18 ms to import, and most runs never need it.
    from json_repair.json_parser import JSONParser

    source = _CLOSING_FENCE.sub("", text[like.start() :])
    # Its parser and not its front door, which reads on after the value: seconds for a page of prose with brackets.
    parser = JSONParser(source, None, True)
    try:
        value = parser.parse_json()
        msgspec.json.encode(value)
    except (ValueError, RecursionError):
        return None
    if not value or not isinstance(value, dict | list) or _made_up(value, source):
        return None
    if checker.check(value) is not None if checker else _LIKE_JSON.search(source, parser.index):
        return None
    done = "; ".join(dict.fromkeys(step["text"] for step in parser.logger[:2]))
    return Parsed(value, f"JSON repaired ({why})" + (f": {done}" if done else ""))


def _made_up(value: Any, source: str) -> bool:
    """Whether a repair put an empty value where the text has none: `{"a":` may not become `{"a": ""}`."""
    if isinstance(value, dict):
        return any(_made_up(item, source) for item in value.values()) or (not value and "{" not in source[1:])
    if isinstance(value, list):
        return any(_made_up(item, source) for item in value) or (not value and "[" not in source)
    if value == "":
        return '""' not in source and "''" not in source
    return value is None and not re.search(r"null|none", source, re.IGNORECASE)


def _mismatch(wrong: str, reply: str) -> BadReply:
    feedback = f"Your answer does not match its JSON Schema: {wrong}. Answer again with the corrected JSON only."
    return BadReply(f"the reply does not match its schema: {wrong}", reply=reply, feedback=feedback)


_ENFORCED = {
    "type", "enum", "const", "description", "properties", "items", "anyOf", "$ref", "$defs", "definitions",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "pattern", "minItems", "maxItems",
}  # fmt: skip
"""The keywords that strict decoding knows."""

_LEFT_OUT = {
    "minLength", "maxLength", "format", "uniqueItems", "title", "default", "examples", "deprecated", "readOnly",
    "writeOnly", "$schema", "$id", "$comment", "required", "additionalProperties", "discriminator",
}  # fmt: skip
"""Keywords it may refuse and can do without, since every reply is checked against the whole schema afterwards."""


class _NotStrict(Exception):
    """Strict decoding cannot express this schema."""


def strict_schema(schema: JsonSchema) -> JsonSchema | None:
    """The schema for OpenAI's strict decoding: every key required and no others. None where it cannot express it.

    Keys that the schema lets be missing are always asked for; whatever decoding does not hold is left to the check.
    """
    if schema.get("type") != "object":
        return None
    try:
        return _strict(schema)
    except _NotStrict:
        return None


def _strict(schema: Any) -> JsonSchema:
    if not isinstance(schema, dict) or schema.keys() - _ENFORCED - _LEFT_OUT:
        raise _NotStrict
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    if not {"type", "anyOf"} & schema.keys():
        raise _NotStrict
    strict = {key: value for key, value in schema.items() if key in _ENFORCED}
    for key in {"properties", "$defs", "definitions"} & schema.keys():
        strict[key] = {name: _strict(part) for name, part in schema[key].items()}
    if "anyOf" in schema:
        strict["anyOf"] = [_strict(part) for part in schema["anyOf"]]
    kinds = schema.get("type", [])
    if "array" in kinds:
        strict["items"] = _strict(schema.get("items"))
    if "object" in kinds:
        if schema.get("additionalProperties", False) is not False or not schema.get("properties"):
            raise _NotStrict
        strict |= {"required": list(schema["properties"]), "additionalProperties": False}
    return strict
