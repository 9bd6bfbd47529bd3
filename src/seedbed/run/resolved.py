"""`pipeline.yaml` in a run directory: the pipeline as it was run, filled in, without secrets."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from seedbed.graph.spec import Pipeline

FILE = "pipeline.yaml"


def to_yaml(data: dict[str, Any]) -> str:
    """Plain data as YAML 1.2; long texts as blocks."""
    yaml = YAML()
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    yaml.dump(_blocks(data), text)
    return text.getvalue()


def _blocks(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _blocks(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_blocks(item) for item in value]
    if isinstance(value, str) and "\n" in value:
        return LiteralScalarString(value)
    return value


def write_resolved(pipeline: Pipeline, folder: Path) -> None:
    """Writes the file, whole or not at all."""
    part = folder / f".{FILE}.part"
    part.write_text(f"# {pipeline.file}, as run\n{to_yaml(pipeline.written)}", encoding="utf-8")
    part.replace(folder / FILE)
