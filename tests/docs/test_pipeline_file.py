"""Every pipeline in docs/pipeline-file.md loads; a fragment is right where it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from seedbed.graph.builder import Builder
from seedbed.graph.load import load_data
from seedbed.graph.schema import pipeline_schema
from seedbed.graph.spec import Frame
from seedbed.graph.yaml import read_yaml
from seedbed.io.sinks import check_sinks
from seedbed.io.sources import peek_fields
from seedbed.registry.plugins import names

PAGE = (Path(__file__).parents[2] / "docs" / "pipeline-file.md").read_text("utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
WHOLE = [block for block in BLOCKS if not block.startswith("# fragment\n")]
FRAGMENTS = [block for block in BLOCKS if block.startswith("# fragment\n")]
VALIDATOR = jsonschema_rs.validator_for(pipeline_schema())


def read(text: str) -> Any:
    document = read_yaml(text, "pipeline-file.md")
    assert not document.problems
    return document.data


@pytest.mark.parametrize("block", WHOLE, ids=lambda block: read(block)["name"])
def test_every_pipeline_loads(block: str, tmp_path: Path) -> None:
    for code in re.findall(r"^```python\n(# (\S+\.py)\n.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        (tmp_path / code[1]).write_text(code[0])
    environment = {"OPENAI_API_KEY": "k"}
    loaded = load_data(read(block), tmp_path, environment=environment, peek=peek_fields, check_sinks=check_sinks)
    assert loaded.fields is not None
    assert not list(VALIDATOR.iter_errors(read(block)))
    assert Builder.from_yaml(block).to_dict() == read(block)


@pytest.mark.parametrize("block", FRAGMENTS)
def test_every_fragment_is_right(block: str) -> None:
    data = {"name": "fragment", "source": {"count": 1}, **read(block)}
    assert not list(VALIDATOR.iter_errors(data))


def test_the_page_knows_every_key_and_names_nodes_that_exist() -> None:
    for key, field in Frame.model_fields.items():
        assert f"`{field.alias or key}`" in PAGE
    table = PAGE.partition("| type | writes |")[2].partition("\n\n")[0]
    named = re.findall(r"^\| `([\w.]+)` \|", table, re.MULTILINE)
    assert {"llm", "sampler", "function"} <= set(named) <= set(names("node"))
