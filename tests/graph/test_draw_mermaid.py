"""Mermaid flowcharts: every line is of a form that Mermaid reads, whatever stands in the labels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedbed.graph.draw.mermaid import escaped, mermaid
from seedbed.graph.draw.picture import picture
from seedbed.graph.load import load_data

LABEL = r'"(?:[A-Za-z0-9 ,./=!+\'→·…_-]|[^\x00-\x7f]|#\d+;|<br/>)*"'
NAME = r"[a-z][A-Za-z0-9_]*"
FORMS = [
    r"flowchart TD", rf"  {NAME}\[\({LABEL}\)\]", rf"  {NAME}\[{LABEL}\]", rf"  subgraph {NAME}\[{LABEL}\]",
    r"    direction TB", rf"    {NAME}\[{LABEL}\]", rf"    {NAME}\(\[{LABEL}\]\)",
    rf"    {NAME} (-->|-\.->)(\|{LABEL}\|)? {NAME}", r"  end", rf"  style {NAME} fill:none,stroke:#[0-9a-f]{{6}}",
    rf"  {NAME} --> {NAME}", r"  classDef type\d+ fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#[0-9a-f]{6}",
    rf"  class {NAME}(,{NAME})* type\d+",
]  # fmt: skip


def chart(data: dict[str, Any]) -> str:
    text = mermaid(picture(load_data(data, Path(), environment={})))
    for line in text.splitlines():
        assert any(re.fullmatch(form, line) for form in FORMS), line
    declared = re.findall(rf"^ +(?:subgraph )?({NAME})[\[(]", text, re.MULTILINE)
    assert len(set(declared)) == len(declared)
    used = re.findall(rf"^ +({NAME}) -.*?({NAME})$", text, re.MULTILINE)
    assert {name for pair in used for name in pair} <= set(declared)
    return text


def test_a_chart() -> None:
    text = chart(
        {
            "name": "critique",
            "source": {"count": 3},
            "nodes": {
                "draft": {"type": "template", "template": "x", "output": "answer"},
                "check": {"type": "expression", "expression": "answer | length", "on_error": {"goto": "spare"}},
                "spare": {"type": "template", "template": "y"},
            },
            "edges": [
                "start -> draft -> check",
                "check -> draft when visits.draft < 3",
                "check -> end",
                "spare -> drop",
            ],
            "steps": [{"type": "sort", "by": "answer"}],
        }
    )
    assert text.startswith("flowchart TD\n  source[(")
    assert '    step1_draft["draft → answer<br/>template<br/>x"]' in text
    assert '    step1_check -->|"visits.draft #60; 3<br/>at most 10 visits"| step1_draft' in text
    assert '    step1_check -->|"else"| step1_end' in text
    assert '    step1_check -.->|"on error"| step1_spare' in text
    assert "  source --> step1\n" in text
    assert "needs all rows" in text


NASTY = '1. 日本語 `code` *bold* _it_ <b>x</b> & | ] ) } " \' # %% ; style:"x" --> ~~~ #quot;'


def test_labels_may_hold_anything() -> None:
    condition = "id == '\"]) | --> <br/>`x`'"
    text = chart(
        {
            "name": "nasty",
            "source": {"count": 1},
            "nodes": {
                "_": {"type": "template", "template": NASTY},
                "class": {"type": "template", "template": "- a\n- b"},
            },
            "edges": ["start -> _", {"from": "_", "to": "class", "when": condition}, "_ -> end"],
            "steps": [{"type": "filter", "where": "id != '<script>alert(1)</script>'"}],
        }
    )
    assert "<script" not in text
    assert "日本語" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, 1.5 = 3/2", "plain text, 1.5 = 3/2"),
        ('"quoted"', "#34;quoted#34;"),
        ("a < b > c & d | e", "a #60; b #62; c #38; d #124; e"),
        ("1. first", "1#46; first"),
        ("- item", "#45; item"),
        ("snake_case _edge_", "snake_case #95;edge#95;"),
        ("#35;", "#35;35#59;"),
        ("", ""),
    ],
)
def test_escaping(text: str, shown: str) -> None:
    assert escaped(text) == shown


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_escaping_loses_nothing(text: str) -> None:
    shown = escaped(text)
    assert re.fullmatch(LABEL, f'"{shown}"')
    assert re.sub(r"#(\d+);", lambda code: chr(int(code[1])), shown) == text.replace("\n", "")
