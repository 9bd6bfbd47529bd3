"""What follows from a graph's edges: order, loops, exclusive nodes, and all that keeps it from being walked."""

from __future__ import annotations

import pytest

from seedbed.graph.edges import parse_edges
from seedbed.graph.flow import Edge, Flow, FlowIssue, build_flow


def names_in(lines: list[Edge]) -> list[str]:
    found = {name: None for edge in lines for name in (edge.source, edge.target)}
    return [name for name in found if name not in ("start", "end", "drop")]


def built(*lines: str, names: str = "", gotos: dict[str, str] | None = None) -> tuple[Flow | None, list[FlowIssue]]:
    edges, issues = parse_edges(list(lines))
    assert issues == []
    edges += [Edge(source, target, kind="error") for source, target in (gotos or {}).items()]
    return build_flow(names.split() or names_in(edges), edges)


def flow(*lines: str, names: str = "", gotos: dict[str, str] | None = None) -> Flow:
    made, issues = built(*lines, names=names, gotos=gotos)
    assert issues == []
    assert made is not None
    return made


def wrong(*lines: str, names: str = "", gotos: dict[str, str] | None = None) -> list[str]:
    made, issues = built(*lines, names=names, gotos=gotos)
    assert made is None
    assert all(issue.fix and (issue.edge or issue.node or "start" in issue.what) for issue in issues)
    return [f"{issue.what}; {issue.fix}" for issue in issues]


def back(made: Flow) -> list[str]:
    return [str(made.edges[edge]) for edge in made.regions]


def test_nodes_are_numbered_in_topological_order_and_as_declared_otherwise() -> None:
    made = flow("start -> a -> [c, b] -> d -> end", names="d c b a")
    assert made.names == ["start", "a", "c", "b", "d", "end"]


def test_a_node_without_out_edges_leads_to_end() -> None:
    made = flow("start -> a -> b", "a -> c")
    assert [str(edge) for edge in made.edges if edge.path == ()] == ["b -> end", "c -> end"]


def test_a_node_left_by_an_error_only_leads_to_end() -> None:
    made = flow("start -> a", "b -> end", gotos={"a": "b"})
    assert "a -> end" in map(str, made.edges)
    assert made.error[made.number("a")] is not None


def test_out_edges_by_kind() -> None:
    made = flow("start -> a", "a -> b when x", "a -> c when y", "a -> [b, c]", gotos={"a": "c"})
    a = made.number("a")
    shown = [[str(made.edges[edge]) for edge in outcome] for outcome in made.outcomes(a)]
    assert shown == [["a -> b when x"], ["a -> c when y"], ["a -> b", "a -> c"], ["a -> c"]]


def test_a_back_edge_goes_to_a_node_that_dominates_its_source() -> None:
    made = flow("start -> draft -> judge", "judge -> draft when bad", "judge -> end")
    assert back(made) == ["judge -> draft when bad"]
    assert made.names == ["start", "draft", "judge", "end"]


def test_a_node_may_loop_on_itself() -> None:
    assert back(flow("start -> a", "a -> a when x", "a -> end")) == ["a -> a when x"]


def test_an_error_edge_may_be_a_back_edge() -> None:
    assert back(flow("start -> a -> b", gotos={"b": "a"})) == ["b -> a"]


def test_the_region_of_a_back_edge_is_all_after_its_target() -> None:
    made = flow("start -> [a, x]", "a -> b -> c", "x -> c", "b -> a when bad", "b -> end")
    (region,) = made.regions.values()
    assert [name for place, name in enumerate(made.names) if region >> place & 1] == ["a", "b", "c", "end"]


def test_an_unknown_node_is_told_once_with_the_nearest_name() -> None:
    edges = ["start -> draft -> vedict -> end"]
    first, second = wrong(*edges, names="draft verdict")
    assert first == "the edge `draft -> vedict` names `vedict`, and there is no such node; did you mean `verdict`?"
    assert second.startswith("the edge `vedict -> end` names `vedict`")


def test_an_unknown_node_with_no_near_name_does_not_hide_the_rest() -> None:
    said = wrong("start -> a -> zzzzz", "b -> end when x", names="a b")
    assert said == [
        "the edge `a -> zzzzz` names `zzzzz`, and there is no such node; there are: a, b",
        "nothing says where `b` leads when none of its conditions holds; add `- b -> end`",
    ]


def test_a_goto_to_an_unknown_node() -> None:
    (said,) = wrong("start -> [draft, backup]", names="draft backup", gotos={"draft": "bakup"})
    assert said == "`on_error` of `draft` names `bakup`, and there is no such node; did you mean `backup`?"


def test_a_node_that_cannot_be_reached() -> None:
    (said,) = wrong("start -> a", "b -> c -> end", names="a b c")
    assert said == "no way leads from `start` to `b`; add an edge to it, for instance `- start -> b`"


def test_a_loop_that_cannot_be_reached() -> None:
    (said,) = wrong("start -> a", "b -> c -> b", names="a b c")
    assert "`b`" in said


def test_no_edge_from_start() -> None:
    assert wrong("a -> b") == ["no edge leads from `start`; add `- start -> a`"]


@pytest.mark.parametrize("source", ["start", "a"])
def test_conditions_without_an_else(source: str) -> None:
    (said,) = wrong("start -> a", f"{source} -> end when x") if source == "a" else wrong("start -> a when x")
    assert said == f"nothing says where `{source}` leads when none of its conditions holds; add `- {source} -> end`"


def test_a_loop_without_an_else_is_one_problem() -> None:
    assert len(wrong("start -> a", "a -> a when x")) == 1


def test_a_loop_with_two_ways_in() -> None:
    (said,) = wrong("start -> a when x", "start -> b", "a -> b", "b -> a when y", "b -> end")
    assert said.startswith("the loop `a -> b -> a` can be entered at `a` and `b`; ")


def test_a_loop_that_nothing_can_leave() -> None:
    (said,) = wrong("start -> a -> b -> a")
    assert said == (
        "no condition can leave the loop `a -> b -> a`; "
        "add a way out before it goes back, for instance `- b -> end when EXPR`"
    )


@pytest.mark.parametrize(
    "lines",
    [
        ("start -> a -> a",),
        ("start -> a", "a -> a when x", "a -> a"),
        ("start -> a -> b", "b -> a when x", "b -> c -> a"),
        ("start -> a -> [b, c]", "b -> a", "c -> end"),  # a branch that always goes back
        ("start -> a -> [b, end]", "b -> a"),
        ("start -> a -> b -> [a, end]",),
        ("start -> a -> b", "b -> b when x", "b -> a"),
    ],
)
def test_loops_that_never_end(lines: tuple[str, ...]) -> None:
    (said,) = wrong(*lines)
    assert said.startswith("no condition can leave the loop")


@pytest.mark.parametrize(
    "lines",
    [
        ("start -> a", "a -> a when x", "a -> end"),
        ("start -> a", "a -> end when x", "a -> a"),
        ("start -> a", "a -> drop when x", "a -> a"),
        ("start -> a", "a -> b when x", "a -> end", "b -> a"),  # the way back has no condition, the way there has
        ("start -> a -> [b, c]", "b -> a when x", "b -> end", "c -> end"),
        ("start -> a -> [b, c]", "b -> drop when x", "b -> end", "c -> a"),
        ("start -> a -> b", "b -> b when x", "b -> c when y", "b -> end", "c -> a"),
    ],
)
def test_loops_that_can_end(lines: tuple[str, ...]) -> None:
    flow(*lines)


def test_a_failure_may_be_the_way_out_of_a_loop() -> None:
    flow("start -> a -> a", gotos={"a": "end"})


def test_all_problems_at_once() -> None:
    said = wrong("start -> a", "a -> b when x", "b -> b", "c -> end", names="a b c")
    assert len(said) == 3


@pytest.mark.parametrize(
    ("lines", "exclusive"),
    [
        (("start -> a -> b",), False),
        (("start -> [a, b]",), False),
        (("start -> a when x", "start -> b"), True),
        (("start -> a when x", "start -> b when y", "start -> end"), True),
        (("start -> p -> [a, b]", "p -> end when x"), False),
        (("start -> p", "p -> a when x", "p -> q -> b"), True),
        # both conditions are met by one node each, and both may hold
        (("start -> [p, q]", "p -> a when x", "p -> end", "q -> b when y", "q -> end"), False),
        # a fork that joins before the branch
        (("start -> [p, q] -> m", "m -> a when x", "m -> b", "a -> end", "b -> end"), True),
        # exclusive at p, but q leads to both
        (("start -> [p, q]", "p -> a when x", "p -> b", "q -> b"), False),
        # one pass takes one of them; another pass is another matter
        (("start -> p", "p -> a when x", "p -> b", "b -> p when y", "b -> end"), True),
    ],
)
def test_nodes_that_never_both_run_in_one_pass(lines: tuple[str, ...], exclusive: bool) -> None:
    made = flow(*lines)
    assert made.exclusive("a", "b") is exclusive
    assert made.exclusive("b", "a") is exclusive


def test_a_node_and_what_replaces_it_when_it_fails_never_both_write() -> None:
    made = flow("start -> a -> check", "b -> check", gotos={"a": "b"})
    assert made.exclusive("a", "b")
    assert not made.exclusive("b", "check")


def test_ancestors_count_earlier_passes() -> None:
    made = flow("start -> a -> b -> c", "b -> a when x", "b -> d", "start -> e")
    assert made.ancestors("a") == {"a", "b"}
    assert made.ancestors("c") == {"a", "b"}
    assert made.ancestors("e") == set()
    assert made.reaches("a", "c")
    assert not made.reaches("b", "a")


def test_loops_that_share_no_open_node_jump_apart() -> None:
    made = flow("start -> [a, b]", "a -> a when x", "b -> b when y", "[a, b] -> c")
    assert sorted(map(len, made.loops)) == [1, 1]
    nested = flow("start -> a -> b -> c", "b -> b when x", "c -> a when y", "c -> end")
    assert sorted(map(len, nested.loops)) == [2]
