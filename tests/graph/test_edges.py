"""Edge lines, the long form, and edges that follow from the fields nodes read and write."""

from __future__ import annotations

from typing import Any

import pytest

from seedbed.graph.edges import NodeIO, infer_edges, parse_edges
from seedbed.graph.flow import build_flow


def parsed(*raw: Any) -> list[str]:
    edges, issues = parse_edges(list(raw))
    assert issues == []
    return [str(edge) for edge in edges]


def refused(*raw: Any) -> list[tuple[tuple[str | int, ...], str, str]]:
    _, issues = parse_edges(list(raw))
    assert issues
    return [tuple(issue) for issue in issues]


@pytest.mark.parametrize(
    ("line", "edges"),
    [
        ("a -> b", ["a -> b"]),
        ("start->a->b->end", ["start -> a", "a -> b", "b -> end"]),
        ("  start  ->  a  ", ["start -> a"]),
        ("a -> [b, c] -> d", ["a -> b", "a -> c", "b -> d", "c -> d"]),
        ("[a, b] -> [c,d]", ["a -> c", "a -> d", "b -> c", "b -> d"]),
        ("[a] -> b", ["a -> b"]),
        ("a -> [b, c] when x > 1", ["a -> b when x > 1", "a -> c when x > 1"]),
        ("a -> b when x == ' when -> '", ["a -> b when x == ' when -> '"]),
        ('a -> b when x == "say \\"->\\""', ['a -> b when x == "say \\"->\\""']),
        ("a -> b when x when y", ["a -> b when x when y"]),
        ("a -> when -> b", ["a -> when", "when -> b"]),
        ("a -> when when when", ["a -> when when when"]),
        ("a -> b\n  when x", ["a -> b when x"]),
        ("a -> drop when whenever", ["a -> drop when whenever"]),
        ({"from": "a", "to": "b"}, ["a -> b"]),
        ({"from": ["a", "b"], "to": ["c", "d"]}, ["a -> c", "a -> d", "b -> c", "b -> d"]),
        ({"from": "a", "to": "b", "when": " x "}, ["a -> b when x"]),
    ],
)
def test_an_edge_as_written(line: Any, edges: list[str]) -> None:
    assert parsed(line) == edges


def test_an_edge_knows_where_it_stands() -> None:
    edges, _ = parse_edges(["start -> a", {"from": "a", "to": ["b", "c"]}])
    assert [edge.path for edge in edges] == [("edges", 0), ("edges", 1), ("edges", 1)]


@pytest.mark.parametrize(
    ("line", "path", "what"),
    [
        ("a", (), "`a` leads nowhere"),
        ("", (), "expected a node name at the beginning, found nothing"),
        ("a ->", (), "expected a node name after `->`, found nothing"),
        ("-> a", (), "expected a node name at the beginning, found `->`"),
        ("a -> -> b", (), "expected a node name after `->`, found `->`"),
        ("a => b", (), "`=>` is not an arrow"),
        ("a --> b", (), "`-->` is not an arrow"),
        ("a → b", (), "`→` is not an arrow"),
        ("a - > b", (), "expected `->` after `a`, found `-`"),
        ("a b", (), "expected `->` after `a`, found `b`"),
        ("a -> b whenever x", (), "expected `->` or `when` after `b`, found `whenever`"),
        ("a when x", (), "expected `->` after `a`, found `when`"),
        ("a -> my-node", (), "`my-node` is not a node name"),
        ("a -> 1b", (), "`1b` is not a node name"),
        ("a -> b, c", (), "found `,` outside a list"),
        ("a -> []", (), "the list `[]` is empty"),
        ("a -> [b, c", (), "the list `[b, c` is not closed"),
        ("a -> [b c]", (), "expected `,` or `]` after `b`, found `c`"),
        ("a -> [b,]", (), "expected a node name after `,`, found `]`"),
        ("a -> b]", (), "expected `->` or `when` after `b`, found `]`"),
        ("a -> b when", (), "the condition after `when` is missing"),
        ("a -> b when x -> c", (), "a condition ends its line"),
        ("a -> b -> c when x", (), "a condition needs a line of its own"),
        ("a -> start", (), "`start` is only ever a source"),
        ("end -> a", (), "`end` is only ever a target"),
        ("a -> drop -> b", (), "`drop` is only ever a target"),
        (None, (), "an edge is text, not nothing"),
        (3, (), "an edge is text, not 3"),
        (["a", "b"], (), "an edge is text, not a list"),
        ({"a -> b when x": "y"}, (), "an edge line with `: ` in it is read as a mapping"),
        ({"from": "a"}, (), "the edge has no `to`"),
        ({"to": "a"}, (), "the edge has no `from`"),
        ({"from": "a", "to": "b", "wehn": "x"}, ("wehn",), "unknown key `wehn`"),
        ({"from": "a", "to": []}, ("to",), "`to` is an empty list"),
        ({"from": "a", "to": ["b", 1]}, ("to",), "`1` is not a node name"),
        ({"from": "a -> b", "to": "c"}, ("from",), "`a -> b` is not a node name"),
        ({"from": "a", "to": "b", "when": True}, ("when",), "`when` is not an expression"),
        ({"from": "a", "to": "b", "when": None}, ("when",), "`when` is not an expression"),
    ],
)
def test_what_is_wrong_with_an_edge(line: Any, path: tuple[str, ...], what: str) -> None:
    ((where, said, fix),) = refused("start -> x", line)
    assert (where, said) == ((1, *path), what)
    assert fix


def test_all_wrong_edges_are_told_and_the_others_read() -> None:
    edges, issues = parse_edges(["a ->", "a -> b", "=>", "b -> end"])
    assert [str(edge) for edge in edges] == ["a -> b", "b -> end"]
    assert [issue.path for issue in issues] == [(0,), (2,)]


def test_an_edge_written_twice() -> None:
    ((path, what, _),) = refused("a -> [b, c]", "b -> c", "a -> c")
    assert (path, what) == ((2,), "the edge `a -> c` is written twice")


def test_one_pair_may_have_edges_under_several_conditions() -> None:
    assert len(parsed("a -> b when x", "a -> b when y", "a -> b")) == 3


def inferred(nodes: dict[str, NodeIO], gotos: tuple[str, ...] = ()) -> list[str]:
    edges, issues = infer_edges(nodes, gotos)
    assert issues == []
    assert all(edge.path == () for edge in edges)
    return sorted(map(str, edges))


def test_a_node_follows_those_whose_fields_it_reads() -> None:
    nodes = {
        "verdict": NodeIO({"answer", "question"}, ["verdict"]),
        "draft": NodeIO({"question", "topic"}, ["answer", "answer_reasoning"]),
        "topic": NodeIO({"seed_text"}, ["topic"]),
        "style": NodeIO(set(), ["style"]),
    }
    assert inferred(nodes) == [
        "draft -> verdict", "start -> style", "start -> topic", "style -> end", "topic -> draft", "verdict -> end",
    ]  # fmt: skip


def test_a_second_field_of_a_node_counts() -> None:
    nodes = {"a": NodeIO(set(), ["a", "a_usage"]), "b": NodeIO({"a_usage"}, ["b"])}
    assert inferred(nodes) == ["a -> b", "b -> end", "start -> a"]


def test_a_field_a_node_writes_itself_is_no_edge() -> None:
    assert inferred({"a": NodeIO({"text"}, ["text"])}) == ["a -> end", "start -> a"]


def test_nodes_that_append_to_one_history_run_as_declared() -> None:
    nodes = {
        "sum": NodeIO({"chat"}, ["sum"]),
        "ask": NodeIO({"chat"}, ["ask", "chat"], ["chat"]),
        "reply": NodeIO({"chat"}, ["reply", "chat"], ["chat"]),
    }
    edges = inferred(nodes)
    assert edges == ["ask -> reply", "ask -> sum", "reply -> sum", "start -> ask", "sum -> end"]


def test_nodes_that_read_each_other() -> None:
    nodes = {
        "draft": NodeIO({"verdict"}, ["answer"]),
        "verdict": NodeIO({"answer"}, ["verdict"]),
        "other": NodeIO({"verdict"}, ["other"]),
    }
    _, issues = infer_edges(nodes)
    assert issues == [(("draft",), "`draft` and `verdict` read each other", "write `edges:` to say how they loop")]


def test_nodes_that_read_each_other_in_a_circle() -> None:
    _, issues = infer_edges({n: NodeIO({r}, [n]) for n, r in [("a", "b"), ("b", "c"), ("c", "a")]})
    assert [issue.what for issue in issues] == ["`a`, `c` and `b` read each other in a circle"]


def test_two_nodes_that_write_one_field() -> None:
    _, issues = infer_edges({"a": NodeIO(set(), ["x"]), "b": NodeIO(set(), ["b", "x"])})
    assert [(issue.path, issue.what) for issue in issues] == [(("b",), "`a` and `b` both write `x`")]


def test_appending_to_a_field_that_another_node_writes() -> None:
    _, issues = infer_edges({"a": NodeIO(set(), ["chat"]), "b": NodeIO(set(), ["b", "chat"], ["chat"])})
    assert [issue.what for issue in issues] == ["`a` and `b` both write `chat`"]


def test_a_node_for_errors_is_entered_by_errors_alone() -> None:
    nodes = {
        "draft": NodeIO({"question"}, ["answer"]),
        "backup": NodeIO({"question"}, ["answer"]),
        "check": NodeIO({"answer"}, ["check"]),
    }
    assert inferred(nodes, ("backup",)) == ["backup -> check", "check -> end", "draft -> check", "start -> draft"]


def test_inferred_edges_can_be_walked() -> None:
    nodes = {"a": NodeIO(set(), ["a"]), "b": NodeIO({"a"}, ["b"]), "c": NodeIO({"a", "b"}, ["c"])}
    edges, _ = infer_edges(nodes)
    flow, issues = build_flow(list(nodes), edges)
    assert issues == []
    assert flow is not None
    assert flow.names == ["start", "a", "b", "c", "end"]
