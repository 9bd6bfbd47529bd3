"""Every pipeline in examples/ is in order, tells how to run it, and runs with made-up answers."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from seedbed.graph.schema import pipeline_schema
from seedbed.graph.yaml import read_yaml
from seedbed.run.prepare import prepare
from seedbed.run.session import Options, Session

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*.yaml"))

everyone = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def schema() -> Any:
    return jsonschema_rs.validator_for(pipeline_schema())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The folder, without what was made in it."""
    ignored = shutil.ignore_patterns("runs", "out", "__pycache__")
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=ignored))


@everyone
def test_it_begins_with_the_command_that_runs_it(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert lines[0] == f"# seedbed run examples/{path.name}"
    assert lines[1] == "#"
    assert re.match(r"# [A-Z]", lines[2]), "and then says what it shows"


@everyone
def test_it_is_what_check_and_schema_accept(path: Path, schema: Any) -> None:
    assert prepare(path).name == path.stem
    data = read_yaml(path.read_text("utf-8"), path.name).data
    assert not [str(error) for error in schema.iter_errors(data)]


@everyone
def test_it_runs_with_made_up_answers(path: Path, copy: Path) -> None:
    asked = read_yaml(path.read_text("utf-8"), path.name).data.get("models", {})
    quick = [f"models.{name}=scripted" for name in asked]
    pipeline = prepare(copy / path.name, quick)
    summary = asyncio.run(Session(pipeline, Options(limit=10)).run())
    assert summary.stop is None
    assert summary.failed == 0
    assert summary.taken > 0
    for sink in pipeline.sinks:
        assert (copy / sink.path).exists()
    if path.stem not in ("quickstart", "arithmetic"):  # these keep nothing that was made up
        assert summary.accepted > 0
