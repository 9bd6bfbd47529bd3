"""The JSON Schema of a whole pipeline file, for editors and for forms: what `seedbed schema` prints.

It is assembled from the specs of the file's frame and of every node, step and provider that the registry finds, so a
plug-in's keys are in it as soon as it is installed. It says what can be said of one place in a file without looking at
another: keys, types, ranges, names, the grammar of edges and schemas. That fields are written and models exist is left
to `seedbed check`.
"""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import Any

from seedbed.graph.contracts import NAME, RESERVED, Spec
from seedbed.graph.schema_parts import edge, schema_definitions, sources
from seedbed.graph.schema_tidy import FILLED, holed, tidy
from seedbed.graph.spec import Frame
from seedbed.graph.spec_io import SinkSpec, SourceSpec
from seedbed.graph.yaml import read_yaml
from seedbed.registry.plugins import find, names

JsonSchema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_LINE_END = re.compile(r"(?<!\n)\n(?!\n)")
_EXAMPLE = re.compile(r"\s*```yaml\n(.*?)```\s*", re.DOTALL)


def pipeline_schema() -> JsonSchema:
    """The schema. Its `$defs` are named `Pipeline`, `Node`, `Node_llm`, `Step_dedup.exact`, `Provider_openai`, …"""
    definitions = _Definitions()
    definitions.add("Pipeline", Frame, "pipeline", "A seedbed pipeline.")
    definitions.add("Source", SourceSpec, "source")
    definitions.add("Sink", SinkSpec, "sink")
    found = definitions.found
    for kind, key in (("node", "type"), ("step", "type"), ("provider", "provider")):
        for name in names(kind):
            definition = f"{kind.capitalize()}_{name}"
            definitions.add(definition, find(kind, name), name)
            found[definition]["properties"][key] = {"const": name}
    found["Node"] = _typed("node", "type", "One act on a record.", found)
    found["Step"] = _typed("step", "type", "One thing that happens to the dataset.", found)
    found["ModelEntry"] = _typed("provider", "provider", "A way to reach a language model.", found)
    found["Model"] = _model(found)
    found["Nodes"] = _nodes()
    found["Edge"] = edge()
    found["Edges"] = holed({"type": "array", "items": {"$ref": "#/$defs/Edge"}})
    found["Sources"] = sources(list(SourceSpec.model_fields))
    found["Sinks"] = _sinks()
    found.update(schema_definitions())
    found.update(FILLED)
    _name_formats(found)
    pipeline = found["Pipeline"]
    pipeline["required"] = ["name", "source"]
    params = pipeline["properties"]["params"]
    del params["pattern"]  # it is what others are filled from
    params["type"] = ["object", "null"]
    ordered = {name: found[name] for name in ["Pipeline", *sorted(found.keys() - {"Pipeline"})]}
    return {"$schema": DIALECT, "title": "Seedbed pipeline", "$ref": "#/$defs/Pipeline", "$defs": ordered}


class _Definitions:
    """Schemas of specs by name; what they define inside stands beside them."""

    def __init__(self) -> None:
        self.found: dict[str, JsonSchema] = {}

    def add(self, name: str, spec: type[Spec], title: str, description: str = "") -> None:
        raw = spec.model_json_schema(by_alias=True)
        inner: dict[str, JsonSchema] = raw.pop("$defs", {})
        names_of: dict[str, str] = {}
        for key, schema in inner.items():
            known = self.found.get(key)
            names_of[key] = key if known is None or known == tidy(schema, {}) else f"{name}_{key}"
        for key, schema in inner.items():
            self.found[names_of[key]] = tidy(schema, names_of)
        text, examples = _described(spec)
        schema = tidy(raw, names_of)
        schema["title"] = title
        schema["description"] = description or text
        if examples:
            schema["examples"] = examples
        self.found[name] = schema


def _described(spec: type[Spec]) -> tuple[str, list[Any]]:
    """What a spec's docstring says, and the examples in it."""
    text = cleandoc(spec.__doc__ or "")
    examples: list[Any] = []
    for block in _EXAMPLE.findall(text):
        value = read_yaml(block, spec.__name__).data
        examples += value.values() if isinstance(value, dict) else value or []
    described = _LINE_END.sub(" ", _EXAMPLE.sub("\n\n", text).strip())
    return described, [example for example in examples if isinstance(example, dict)]


def _typed(kind: str, key: str, description: str, found: dict[str, JsonSchema]) -> JsonSchema:
    """A mapping whose `key` says which of the registry's specs it follows. Editors complete the key from the list, and
    report a mistake as one against the spec that was named."""
    title = kind.capitalize()
    every = names(kind)
    said = [found[f"{title}_{name}"]["description"].partition("\n")[0] for name in every]
    word: JsonSchema = {"enum": every, "enumDescriptions": said}
    return {
        "title": title,
        "description": description,
        "type": ["object", "string"],
        "pattern": FILLED["Filled"]["pattern"],
        "required": [key],
        "properties": {key: {"anyOf": [word, {"$ref": "#/$defs/FilledText"}], "description": f"Which {kind} it is."}},
        "allOf": [
            {
                "if": {"type": "object", "properties": {key: {"const": name}}, "required": [key]},
                "then": {"$ref": f"#/$defs/{title}_{name}"},
            }
            for name in every
        ],
    }


def _model(found: dict[str, JsonSchema]) -> JsonSchema:
    forms = []
    for name in names("provider"):
        needs_model = "model" in found[f"Provider_{name}"].get("required", [])
        forms.append(f"{re.escape(name)}/[\\s\\S]+" if needs_model else f"{re.escape(name)}(/[\\s\\S]*)?")
    return {
        "title": "Model",
        "description": "A provider and its settings, or short: `local`, `openai/gpt-4o-mini`.",
        "examples": ["local", "openai/gpt-4o-mini"],
        "if": {"type": "string"},
        "then": {"anyOf": [{"pattern": f"^({'|'.join(forms)})$"}, {"$ref": "#/$defs/FilledText"}]},
        "else": {"$ref": "#/$defs/ModelEntry"},
    }


def _nodes() -> JsonSchema:
    return holed(
        {
            "title": "Nodes",
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": NAME, "not": {"enum": list(RESERVED)}},
            "additionalProperties": {"$ref": "#/$defs/Node"},
        }
    )


def _sinks() -> JsonSchema:
    one: JsonSchema = {"anyOf": [{"type": "string", "minLength": 1}, {"$ref": "#/$defs/Sink"}]}
    return {
        "title": "Sinks",
        "if": {"type": "array"},
        "then": {"items": one},
        "else": {"anyOf": [*one["anyOf"], {"type": "null"}]},
    }


def _name_formats(found: dict[str, JsonSchema]) -> None:
    """The formats that there are, in place of any text."""
    files = names("file")
    writable = [name for name in files if find("file", name).writes]
    for part, key, words in (
        ("Source", "format", files),
        ("Sink", "file", writable),
        ("Sink", "format", names("format")),
    ):
        written = found[part]["properties"][key]
        words_or_hole = {"anyOf": [{"enum": [*words, None]}, {"$ref": "#/$defs/FilledText"}]}
        found[part]["properties"][key] = {k: v for k, v in written.items() if k != "type"} | words_or_hole
