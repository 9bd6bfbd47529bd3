"""The YAML in the docstrings of nodes and steps is what their types accept."""

import inspect
import re

import pytest

from seedbed.graph.yaml import read_yaml
from seedbed.registry.plugins import find, names

STEPS = [
    "filter",
    "select",
    "rename",
    "set",
    "explode",
    "group",
    "sort",
    "shuffle",
    "limit",
    "sample",
    "function",
    "dedup.exact",
    "join",
    "chunk",
    "split",
    "sql",
    "pair",
]
NODES = ["sampler", "expression", "template", "function", "execute", "judge", "verify", "for_each", "subgraph"]


def examples(cls):
    (block,) = re.findall(r"```yaml\n(.*?)```", inspect.getdoc(cls), re.DOTALL)
    document = read_yaml(block, "example")
    assert not document.problems
    return document.data if isinstance(document.data, list) else list(document.data.values())


@pytest.mark.parametrize(("kind", "name"), [("step", name) for name in STEPS] + [("node", name) for name in NODES])
def test_the_example_is_accepted(kind, name, tmp_path):
    cls = find(kind, name)
    for example in examples(cls):
        made = cls.model_validate(example)
        assert made.type == name
        assert [issue for issue in made.check(tmp_path) if "there is no" not in issue.what] == []


def test_helpers_are_no_plug_ins():
    assert set(STEPS) <= set(names("step"))
    assert set(NODES) <= set(names("node"))
    assert not {"fields", "aggregates"} & set(names("step"))
    assert "draws" not in names("node")
