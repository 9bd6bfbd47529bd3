"""What is written as YAML is read back as it was, and reads well."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedbed.graph.yaml import read_yaml
from seedbed.graph.yaml_text import to_yaml

TRICKY = [
    "no", "1", "1.", "1e3", ".5", "0x1f", "null", "~", "", "<<", "- a", "a: b", "#x", "a #b", "{{ x }}", "'q'", '"q"',
    "a\nb", " a\nb", "a\nb\n", "a\n\n", "\n", "a\n  b\n c", "a\tb", "a\r\nb", "\u2028", "true", "12:30:00", "=", "!x",
    "&a", "*a", "%x", "@x", "`x", "|", "> a", "? a", ":0", "-", "---", "a\n---\nb", "\ufeffx", "x \ny ", "a\n\tb",
    "[a]", "a, b", "1_000", "é", "x" * 300,
]  # fmt: skip
texts = st.sampled_from(TRICKY) | st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(texts, values, min_size=1, max_size=4))
def test_any_data_is_read_back_as_it_was(data: dict[str, Any]) -> None:
    document = read_yaml(to_yaml(data), "written")
    assert not document.problems
    assert document.data == data


@pytest.mark.parametrize("text", TRICKY)
def test_every_tricky_text_stands_anywhere(text: str) -> None:
    data = {text: text, "list": [text, [text]], "map": {"a": {text: text}}}
    assert read_yaml(to_yaml(data), "written").data == data


def test_it_reads_as_one_would_write_it() -> None:
    written = to_yaml(
        {
            "name": "a",
            "steps": [
                {"type": "filter", "where": "x > 3"},
                {"type": "graph", "nodes": {"b": {"type": "llm", "prompt": [{"user": "one\n\ntwo"}], "when": None}}},
            ],
        }
    )
    assert written == (
        "name: a\nsteps:\n  - {type: filter, where: x > 3}\n  - type: graph\n    nodes:\n      b:\n        type: llm\n"
        "        prompt:\n          - user: |-\n              one\n\n              two\n        when: null\n"
    )
