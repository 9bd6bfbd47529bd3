"""`pipeline.yaml` in a run directory: the pipeline as it was run, filled in, without secrets."""

from __future__ import annotations

from pathlib import Path

from seedbed.graph.spec import Pipeline
from seedbed.graph.yaml_text import to_yaml

FILE = "pipeline.yaml"


def write_resolved(pipeline: Pipeline, folder: Path) -> None:
    """Writes the file, whole or not at all."""
    part = folder / f".{FILE}.part"
    part.write_text(f"# {pipeline.file}, as run\n{to_yaml(pipeline.written)}", encoding="utf-8")
    part.replace(folder / FILE)
