"""SVG pictures: well-formed, self-contained, and with the numbers that are asked for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from seedbed.graph.draw.picture import Picture, picture
from seedbed.graph.draw.svg import svg
from seedbed.graph.draw.svg_text import escaped, width_of
from seedbed.graph.load import load_data

SVG = "{http://www.w3.org/2000/svg}"

DATA: dict[str, Any] = {
    "name": "critique",
    "source": {"path": "seeds.jsonl"},
    "nodes": {
        "topic": {"type": "sampler", "choices": {"<physics>": 1, "a & b": 2}},
        "draft": {"type": "template", "template": '"<script>alert(1)</script>" \x01'},
        "check": {"type": "expression", "expression": "draft | length > 3", "on_error": {"goto": "spare"}},
        "spare": {"type": "template", "template": "x"},
    },
    "edges": [
        "start -> [topic, draft] -> check",
        "check -> check when visits.check < 3",
        "check -> drop when topic == 'a'",
        "check -> end",
    ],
    "steps": [{"type": "filter", "where": "check"}, {"type": "sort", "by": "id"}],
    "sink": "out.jsonl",
}


def drawn(data: dict[str, Any] = DATA) -> Picture:
    return picture(load_data(data, Path(), environment={}))


def texts(root: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def test_it_stands_by_itself() -> None:
    text = svg(drawn())
    root = ElementTree.fromstring(text)
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
    assert re.findall(r"https?://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags == {"svg", "style", "defs", "marker", "path", "rect", "text", "g", "circle"}
    assert "prefers-color-scheme:dark" in text


def test_everything_is_named_and_said() -> None:
    shown = texts(ElementTree.fromstring(svg(drawn())))
    for word in ("critique", "source", "graph", "filter", "sort", "needs all rows", "start", "end", "drop",
                 "topic", "draft", "check", "spare", "else", "on error", "1. visits.check < 3",
                 "at most 10 visits"):  # fmt: skip
        assert word in shown
    assert shown[-3:] == ["sampler", "template", "expression"], "the legend"


def test_loops_and_errors_look_different() -> None:
    root = ElementTree.fromstring(svg(drawn()))
    kinds = [path.get("class") for path in root.iter(f"{SVG}path") if path.get("marker-end")]
    assert kinds.count("loop") == 1
    assert kinds.count("error") == 1
    (loop,) = [path for path in root.iter(f"{SVG}path") if path.get("class") == "loop" and path.get("marker-end")]
    assert "Q" in (loop.get("d") or "")


def test_numbers_are_written_on_it() -> None:
    notes = {("source",): "12 read", ("graph",): "12 in", ("graph", "draft"): "30 runs", ("filter",): "12 in · 5 out"}
    shown = texts(ElementTree.fromstring(svg(drawn(), notes=notes)))
    for note in notes.values():
        assert shown.count(note) == 1


def test_two_pictures_on_one_page_share_no_names() -> None:
    one, two = svg(drawn(), scope="before"), svg(drawn(), scope="after")
    ids = [set(re.findall(r'id="([^"]+)"', text)) for text in (one, two)]
    assert not ids[0] & ids[1]
    rules = re.sub(r"@media [^{]*{", "", one[one.index("<style>") + 7 : one.index("</style>")])
    selectors = [selector for rule in rules.split("}") if "{" in rule for selector in rule.split("{")[0].split(",")]
    assert all(selector.startswith(".before ") for selector in selectors)


def test_everything_stays_within_the_picture() -> None:
    long = {**DATA, "name": "x", "steps": [{"type": "filter", "where": "id != '" + "very long " * 30 + "'"}] * 9}
    root = ElementTree.fromstring(svg(drawn(long)))
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    for rect in root.findall(f"{SVG}rect"):
        x, y = float(rect.get("x", 0)), float(rect.get("y", 0))
        assert 0 <= x <= x + float(rect.get("width", 0)) <= width
        assert 0 <= y <= y + float(rect.get("height", 0)) <= height


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30))
def test_any_text_can_stand_in_it(text: str) -> None:
    root = ElementTree.fromstring(f'<a b="{escaped(text)}">{escaped(text)}</a>')
    assert len(root.text or "") == len(text.replace("\r\n", "\n"))
    assert width_of(text, 12) >= 0
