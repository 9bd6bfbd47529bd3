"""A value that fits a JSON Schema, made up from a random generator, so that any pipeline can be dry-run.

Covers what structured output uses: objects, arrays, texts, numbers, booleans, null, `enum`, `const`, `anyOf`, `oneOf`,
`allOf`, `$ref`, `format`, and bounds. `pattern`, `not` and `if` are not followed.
"""

from __future__ import annotations

import math
from random import Random
from typing import Any

DEEPEST = 6
"""Below this depth optional keys are left out, arrays are as short as they may be, and null is taken where allowed."""

_WORDS = """
amber anchor autumn basin beacon birch bridge canyon cedar cloud copper coral current dawn delta ember fern field
flint forest garden glacier grain granite harbor harvest hollow island ivory juniper lantern leaf ledger linen
maple meadow mirror morning moss mountain orchard otter pebble pine plain prairie quarry rain reed ridge river
saffron shore silver spring stone summit thicket timber valley violet willow winter wood
"""
WORDS = tuple(_WORDS.split())
"""Sixty-four words."""

FORMATS = {
    "date": "2024-05-17",
    "time": "09:30:00Z",
    "date-time": "2024-05-17T09:30:00Z",
    "duration": "PT15M",
    "email": "ada@example.org",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.org/",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}


def instance(schema: Any, random: Random) -> Any:
    """A value that fits `schema`; equal generators give equal values."""
    return _Maker(schema if isinstance(schema, dict) else {}, random).make(schema, 0)


class _Maker:
    def __init__(self, root: dict[str, Any], random: Random) -> None:
        self.root = root
        self.random = random

    def make(self, schema: Any, depth: int) -> Any:
        if not isinstance(schema, dict):
            return self._string({})
        schema = self._flat(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self.random.choice(schema["enum"])
        if options := schema.get("anyOf") or schema.get("oneOf"):
            rest = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
            return self.make(self._merge(rest, self._flat(self._choose(options, depth))), depth)
        kind = self._kind(schema, depth)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind == "integer":
            return self._integer(schema)
        if kind == "number":
            return self._number(schema)
        if kind == "boolean":
            return self.random.random() < 0.5
        return None if kind == "null" else self._string(schema)

    def _flat(self, schema: dict[str, Any]) -> dict[str, Any]:
        """With `$ref` and `allOf` taken in."""
        for _ in range(20):
            if "$ref" in schema:
                rest = {key: value for key, value in schema.items() if key != "$ref"}
                schema = self._merge(self._resolve(schema["$ref"]), rest)
            elif "allOf" in schema:
                merged = {key: value for key, value in schema.items() if key != "allOf"}
                for part in schema["allOf"]:
                    merged = self._merge(merged, self._flat(part))
                schema = merged
            else:
                break
        return schema

    def _resolve(self, reference: str) -> dict[str, Any]:
        found: Any = self.root
        for part in reference.removeprefix("#").strip("/").split("/"):
            if part:
                found = found.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(found, dict) else {}
        return found if isinstance(found, dict) else {}

    @staticmethod
    def _merge(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
        merged = {**one, **other}
        if "properties" in one and "properties" in other:
            merged["properties"] = {**one["properties"], **other["properties"]}
        if "required" in one and "required" in other:
            merged["required"] = [*one["required"], *other["required"]]
        return merged

    def _choose(self, options: list[Any], depth: int) -> Any:
        nulls = [option for option in options if isinstance(option, dict) and option.get("type") == "null"]
        others = [option for option in options if option not in nulls]
        if depth > DEEPEST:
            others = [option for option in others if isinstance(option, dict) and _is_leaf(option)] or others
        return nulls[0] if nulls and (depth > DEEPEST or not others) else self.random.choice(others)

    @staticmethod
    def _kind(schema: dict[str, Any], depth: int) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            if "null" in kind and depth > DEEPEST:
                return "null"
            kind = next((item for item in kind if item != "null"), "null")
        if isinstance(kind, str):
            return kind
        if "properties" in schema:
            return "object"
        if "items" in schema or "prefixItems" in schema:
            return "array"
        return "number" if "minimum" in schema or "maximum" in schema else "string"

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        required = set(schema.get("required", ()))
        properties = schema.get("properties", {})
        wanted = [key for key in properties if key in required or depth <= DEEPEST]
        made = {key: self.make(properties[key], depth + 1) for key in wanted}
        extra = schema.get("additionalProperties")
        while len(made) < schema.get("minProperties", 0) or (not properties and isinstance(extra, dict) and not made):
            made[f"key{len(made) + 1}"] = self.make(extra if isinstance(extra, dict) else {}, depth + 1)
        for key in sorted(required - made.keys()):
            made[key] = self.make(extra if isinstance(extra, dict) else {}, depth + 1)
        return made

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        made = [self.make(item, depth + 1) for item in schema.get("prefixItems", ())]
        least = schema.get("minItems", 0)
        most = max(least, schema.get("maxItems", max(least, 3)))
        item = schema.get("items", {})
        if item is False:
            return made
        size = least if depth > DEEPEST else self.random.randint(max(least, min(1, most)), min(most, least + 2))
        tries = 0
        while len(made) < size and tries < 20 * size:
            value = self.make(item, depth + 1)
            tries += 1
            if not (schema.get("uniqueItems") and value in made):
                made.append(value)
        return made

    def _integer(self, schema: dict[str, Any]) -> int:
        step = int(schema.get("multipleOf", 1)) or 1
        low = schema.get("minimum")
        low = math.floor(schema["exclusiveMinimum"]) + 1 if "exclusiveMinimum" in schema else low
        high = schema.get("maximum")
        high = math.ceil(schema["exclusiveMaximum"]) - 1 if "exclusiveMaximum" in schema else high
        low = low if low is not None else (0 if high is None or high >= 0 else high - 100)
        high = high if high is not None else low + 100
        first, last = math.ceil(low / step), math.floor(high / step)
        return self.random.randint(first, max(first, last)) * step

    def _number(self, schema: dict[str, Any]) -> float:
        low = schema.get("minimum", schema.get("exclusiveMinimum"))
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        low = low if low is not None else (0.0 if high is None or high > 0 else high - 1.0)
        high = high if high is not None else low + 1.0
        if step := schema.get("multipleOf"):
            return self._integer({"minimum": math.ceil(low / step), "maximum": math.floor(high / step)}) * float(step)
        value = round(low + (high - low) * self.random.uniform(0.1, 0.9), 3)
        return value if low < value < high else (low + high) / 2

    def _string(self, schema: dict[str, Any]) -> str:
        if (format_ := schema.get("format")) in FORMATS:
            return FORMATS[format_]
        least, most = schema.get("minLength", 0), schema.get("maxLength", 10_000)
        text = " ".join(self.random.choice(WORDS) for _ in range(self.random.randint(3, 8)))
        while len(text) < least:
            text += " " + self.random.choice(WORDS)
        return text[:most].rstrip() if least <= len(text[:most].rstrip()) else text[:most].replace(" ", "-")


def _is_leaf(schema: dict[str, Any]) -> bool:
    return schema.get("type") not in ("object", "array") and not schema.keys() & {"$ref", "anyOf", "oneOf", "allOf"}
