"""The written forms of sources and sinks."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from seedbed.graph.spec_io import SinkSpec, SourceSpec, normalise_sink, normalise_source


@pytest.mark.parametrize(
    ("raw", "sources"),
    [
        ("a.jsonl", [{"path": "a.jsonl"}]),
        ({"path": "a.jsonl", "limit": 3}, [{"path": "a.jsonl", "limit": 3}]),
        (["a.jsonl", {"count": 3}], [{"path": "a.jsonl"}, {"count": 3}]),
        (
            [{"question": "x"}, {"path": "y", "question": "z"}],
            [{"records": [{"question": "x"}, {"path": "y", "question": "z"}]}],
        ),
        ([{"id": 1}, {"id": 2}], [{"records": [{"id": 1}, {"id": 2}]}]),
        ({"records": [{"path": "x"}]}, [{"records": [{"path": "x"}]}]),
        ([], [{"records": []}]),
        (7, [{"path": 7}]),
    ],
)
def test_short_forms(raw: Any, sources: list[Any]) -> None:
    assert normalise_source(raw) == sources


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({}, "exactly one of `path`, `records` and `count`, this one has nothing"),
        ({"path": "a", "count": 3}, "this one has `path` and `count`"),
        ({"path": ""}, "`path` is empty"),
        ({"path": "-", "repeat": True}, "standard input cannot be read twice"),
        ({"path": 7}, "path"),
        ({"path": "a", "limt": 3}, "limt"),
        ({"records": ["x"]}, "records.0"),
        ({"count": 0}, "greater than or equal to 1"),
        ({"path": "a", "limit": "3"}, "valid integer"),
    ],
)
def test_sources_that_cannot_be_meant(raw: Any, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SourceSpec.model_validate(raw)
    assert said in str(caught.value)


def test_sinks() -> None:
    assert normalise_sink("a.jsonl") == [{"path": "a.jsonl"}]
    assert normalise_sink(["a.jsonl", {"path": "-"}]) == [{"path": "a.jsonl"}, {"path": "-"}]
    assert SinkSpec(path="-").mode == "replace"
    with pytest.raises(ValidationError, match="'replace' or 'append'"):
        SinkSpec.model_validate({"path": "a.jsonl", "mode": "add"})
