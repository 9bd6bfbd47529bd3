"""What makes two runs runs of one pipeline: a digest over all that decides its records, and nothing else."""

from __future__ import annotations

from typing import Any

from seedbed.graph.shorthand import schema_file
from seedbed.graph.spec import Pipeline
from seedbed.record import digest
from seedbed.registry.code import source_digest

_PARTS = ("source", "steps", "nodes", "edges", "output", "schema", "params")


def fingerprint(pipeline: Pipeline) -> str:
    """32 hex digits: equal for runs of one pipeline. Addresses, keys, limits, prices, budget and sinks do not count."""
    parts: dict[str, Any] = {key: pipeline.written.get(key) for key in _PARTS}
    parts["source"] = _without_limits(parts["source"])
    parts["seed"] = pipeline.seed
    parts["models"] = {name: pipeline.models[name].identity() for name in used_models(pipeline)}
    parts["files"] = _files(pipeline)
    if pipeline.elsewhere:
        parts["elsewhere"] = pipeline.elsewhere
    return digest(parts).hex()


def used_models(pipeline: Pipeline) -> list[str]:
    """The names of the models that steps ask, in order of first use."""
    return list(dict.fromkeys(name for step in pipeline.steps for name, _ in step.models()))


def _without_limits(source: Any) -> Any:
    """A raised limit extends a run, it does not make another one."""
    if isinstance(source, list):
        return [_without_limits(item) for item in source]
    if isinstance(source, dict):
        return {key: value for key, value in source.items() if key not in ("limit", "count")}
    return source


def _files(pipeline: Pipeline) -> dict[str, str]:
    """The content of hook, schema and prompt files, by what the pipeline calls them."""
    names = [file for step in pipeline.steps for file in step.files()]
    schema = schema_file(pipeline.written.get("schema"))
    if schema is not None:
        names.append(schema)
    return {name: source_digest(name, pipeline.base) for name in dict.fromkeys(names)}
