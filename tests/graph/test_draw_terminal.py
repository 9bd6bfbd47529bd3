"""Pipelines drawn in characters, as they are read by a person."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from seedbed.graph.draw.canvas import ascii_only, plain
from seedbed.graph.draw.picture import Picture, picture
from seedbed.graph.draw.terminal import drawing
from seedbed.graph.draw.words import balanced, cells, cut, one_line, wrapped
from seedbed.graph.load import load_data

CRITIQUE: dict[str, Any] = {
    "name": "critique",
    "seed": 7,
    "params": {"rounds": 3},
    "models": {"writer": {"provider": "scripted"}, "judge": {"provider": "scripted", "model": "strict"}},
    "source": {"path": "seeds/*.jsonl", "limit": 5000},
    "nodes": {
        "draft": {"type": "llm", "model": "writer", "prompt": "{{ question }}", "output": "answer"},
        "verdict": {"type": "llm", "model": "judge", "prompt": "{{ answer }}", "schema": {"score": "int 1..5"}},
    },
    "edges": [
        "start -> draft -> verdict",
        "verdict -> draft when verdict.score < 4 and visits.draft < ${params.rounds}",
        "verdict -> end",
    ],
    "steps": [
        {"type": "filter", "where": "verdict.score >= 4"},
        {"type": "sort", "by": "verdict.score", "descending": True},
        {"type": "filter", "where": "answer"},
    ],
    "output": {"q": "{{ question }}", "a": "{{ answer }}"},
    "sink": [{"path": "out/sft.parquet", "format": "sft"}, "out/all.jsonl"],
}


def drawn(data: dict[str, Any], environment: dict[str, str] | None = None) -> Picture:
    return picture(load_data(data, Path(), environment=environment or {}, strict=False))


def text_of(data: dict[str, Any], width: int = 80) -> str:
    return plain(drawing(drawn(data), width))


def graph(nodes: list[str], *edges: str, **more: dict[str, Any]) -> dict[str, Any]:
    made = {name: {"type": "template", "template": "", **more.get(name, {})} for name in nodes}
    return {"name": "g", "source": {"count": 1}, "nodes": made, "edges": list(edges)}


def test_a_whole_pipeline_at_80_columns() -> None:
    assert text_of(CRITIQUE) == (
        """\
critique
file    <python>
seed    7
params  rounds  3
models  writer  scripted
        judge   scripted/strict

╭ source ──────────────────────────────────────────────────────────────────────╮
│ seeds/*.jsonl · first 5,000                                                  │
├─▼ 1 graph ────────────────────────────────────────────────────────── streams ┤
│                      ( start )                                               │
│                          ▼                                                   │
│                 ┌────────────────┐                                           │
│                 │ draft → answer │◄──╮                                       │
│                 │ llm · writer   │   │                                       │
│                 └────────┬───────┘   │ verdict.score < 4                     │
│                          ▼           │ and visits.draft < 3                  │
│                  ┌───────────────┐   │ at most 10 visits                     │
│                  │ verdict       │   │                                       │
│                  │ llm · judge   │   │                                       │
│                  │ schema: score ├───╯                                       │
│                  └───────┬───────┘                                           │
│                          │ else                                              │
│                          ▼                                                   │
│                       ( end )                                                │
├─▼ 2 filter ───────────────────────────────────────────────────────── streams ┤
│ where: verdict.score >= 4                                                    │
├─▼ 3 sort ──────────────────────────────────────────────────── needs all rows ┤
│ by: verdict.score · descending: true                                         │
├─▼ 4 filter-2 ─────────────────────────────────────────────────────── streams ┤
│ where: answer                                                                │
├─▼ output ────────────────────────────────────────────────────────────────────┤
│ q, a                                                                         │
├─▼ sink ──────────────────────────────────────────────────────────────────────┤
│ out/sft.parquet · sft                                                        │
│ out/all.jsonl                                                                │
╰──────────────────────────────────────────────────────────────────────────────╯
"""
    )


def test_a_fork_a_join_and_a_drop() -> None:
    text = text_of(graph(["a", "b", "c", "d"], "start -> a -> [b, c] -> d", "a -> d", "d -> drop when id", "d -> end"))
    inside = dedent("".join(line[2:-2].rstrip() + "\n" for line in text.splitlines()[6:-3]))
    assert (
        inside
        == """\
                       ( start )
                           ▼
                     ┌──────────┐
                     │ a        │
                     │ template │
                     └─────┬────┘
      ╭──────────────┬─────┴──╮
      ▼              ▼        │
┌──────────┐   ┌──────────┐   │
│ b        │   │ c        │   │
│ template │   │ template │   │
└─────┬────┘   └───────┬──┘   │
      │                ╰──╮   │
      ╰─────────────────╮ │   │
                        ▼ ▼   ▼
                      ┌──────────┐
                      │ d        │
                      │ template │
                      └─────┬────┘
                         ╭──┴──────╮
                         │ id      │ else
                         ▼         ▼
                     ( drop )   ( end )
"""
    )


def test_twelve_nodes_and_two_loops_fit_80_columns() -> None:
    names = [f"step_{letter}" for letter in "abcdefghijkl"]
    a, b, c, d, e, f, g, h, i, j, k, m = names
    edges = [
        f"start -> [{a}, {b}] -> {c} -> {d} -> [{e}, {f}] -> {g}",
        f"{g} -> {d} when visits.{d} < 4 and id > 3",
        f"{g} -> {h} when id == 'easy'",
        f"{g} -> {i}",
        f"[{h}, {i}] -> {j}",
        f"{j} -> {k} when id > 100",
        f"{j} -> {m}",
        f"{k} -> {j} when visits.{j} < 3",
        f"{k} -> end",
    ]
    text = text_of(graph(names, *edges))
    assert max(cells(line) for line in text.splitlines()) == 80
    for name in names:
        assert text.count(f"│ {name} ") == 1
    assert "┌" in text
    assert "back to" not in text, "drawn, not listed"
    assert text.count("at most 10 visits") == 2


def test_what_is_too_wide_is_listed_with_all_ways() -> None:
    names = [f"a_node_with_a_long_name_{number}" for number in range(5)]
    data = graph(
        names, f"start -> [{', '.join(names[:4])}] -> {names[4]}", f"{names[4]} -> {names[4]} when id > 3",
        f"{names[4]} -> drop when id > 7", f"{names[4]} -> end",
    )  # fmt: skip
    lines = text_of(data, 60).splitlines()
    assert max(map(cells, lines)) == 60
    listed = [line.strip("│ ") for line in lines if "─►" in line or "─▲" in line]
    assert listed == [
        "├─► a_node_with_a_long_name_0",
        "├─► a_node_with_a_long_name_1",
        "├─► a_node_with_a_long_name_2",
        "╰─► a_node_with_a_long_name_3",
        *["╰─► a_node_with_a_long_name_4"] * 4,
        "├─▲ back to a_node_with_a_long_name_4",
        "├─► drop   2. id > 7",
        "╰─► end   else",
    ]
    assert any("1. id > 3" in line for line in lines)


def test_the_terminals_width_is_used() -> None:
    wide = graph(list("abcdefgh"), "start -> [a, b, c, d, e, f, g, h] -> end")
    assert "─►" in text_of(wide, 60)
    assert "─►" not in text_of(wide, 140)
    assert max(map(cells, text_of(CRITIQUE, 200).splitlines())) == 100


def test_a_node_says_how_it_departs_from_others() -> None:
    more: dict[str, dict[str, Any]] = {
        "a": {"when": "id > 1", "on_error": "drop"},
        "b": {"on_error": {"goto": "a"}, "max_visits": 3},
        "c": {"on_error": {"set": "none"}},
    }
    text = text_of(graph(["a", "b", "c"], "start -> a -> b -> c", **more))
    for words in ("if id > 1", "on error: drop", "on error: go to a", "on error: none"):
        assert words in text
    assert any(line.split("│")[-2].strip() == "on error" for line in text.splitlines() if line.count("│") > 2)
    assert "at most 10 visits" in text


def test_conditions_are_numbered_in_the_order_tried() -> None:
    text = text_of(graph(["a", "b"], "start -> a", "a -> b when id == 1", "a -> drop when id == 2", "a -> end"))
    assert "1. id == 1" in text
    assert "2. id == 2" in text
    assert "else" in text


def test_wide_characters_keep_the_borders_straight() -> None:
    data = graph(
        ["a"], "start -> a", "a -> drop when id == '日本語のテキスト'", "a -> end", a={"template": "é́ 漢字 😀"}
    )
    lines = text_of(data).splitlines()[3:]
    assert {cells(line) for line in lines} == {80}
    assert any("日本語" in line for line in lines)


def test_nothing_can_steer_the_terminal() -> None:
    data = graph(["a"], "start -> a", a={"template": "\x1b[31mred\x07\x9b"})
    text = text_of({**data, "params": {"x": "line\nbreak\x1b]0;title"}})
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\x9b" not in text
    assert "line break" in text


def test_secrets_are_not_drawn() -> None:
    data = graph(["a"], "start -> a -> end", a={"template": "${MY_TOKEN}"})
    data["steps"] = [{"type": "filter", "where": "id == '${MY_TOKEN}'"}]
    text = plain(drawing(drawn(data, {"MY_TOKEN": "s3cr3t"}), 80))
    assert "s3cr3t" not in text
    assert "<redacted>" in text


def test_unset_variables_do_not_matter() -> None:
    data = graph(["a"], "start -> a -> end", a={"template": "${NOT_SET}"})
    assert "${NOT_SET}" in text_of(data)


def test_ascii_has_the_same_shape() -> None:
    text = text_of(CRITIQUE)
    plain_text = ascii_only(text)
    assert plain_text.isascii()
    assert [len(line) for line in plain_text.splitlines()] == [len(line) for line in text.splitlines()]


def test_a_pipeline_without_steps() -> None:
    text = text_of({"name": "copy", "source": [{"a": 1}, {"a": 2}], "sink": "-"})
    assert "2 records written in place" in text
    assert "standard output" in text


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("one two three", 7, ["one two", "three"]),
        ("incomprehensibilities", 8, ["incompre", "hensibil", "ities"]),
        ("a\nb", 8, ["a", "b"]),
        ("漢字漢字", 5, ["漢字", "漢字"]),
        ("", 5, [""]),
    ],
)
def test_wrapping(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width) == lines


def test_balanced_lines_have_about_one_length() -> None:
    assert wrapped("aaa bbb ccc ddd e", 15) == ["aaa bbb ccc ddd", "e"]
    assert balanced("aaa bbb ccc ddd e", 15) == ["aaa bbb", "ccc ddd e"]


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("short", 9, "short"),
        ("a long sentence", 9, "a long s…"),
        ("./some/folder/hooks.py:function", 20, "./some/….py:function"),
        ("漢字漢字漢字", 6, "漢字…"),
        ("long", 1, "…"),
    ],
)
def test_cutting(text: str, width: int, shown: str) -> None:
    assert cut(text, width) == shown


def test_one_line() -> None:
    assert one_line(" a\n b\t", ["b"]) == "a <redacted>"
    assert len(one_line("x" * 5000)) == 200
