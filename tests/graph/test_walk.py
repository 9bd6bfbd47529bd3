"""How a record walks, sentence by sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from seedbed.errors import BudgetReached, NodeError, RecordError, TemplateError
from seedbed.graph.contracts import Goto, SetValue, Visit
from seedbed.graph.edges import parse_edges
from seedbed.graph.flow import Edge, build_flow
from seedbed.graph.station import Pending, Station, Walked
from seedbed.graph.walk import Walker


class Graph:
    """A graph under test. Nodes return their name and visit unless told otherwise; conditions are Python."""

    def __init__(self, *lines: str, **nodes: Any) -> None:
        edges, issues = parse_edges(list(lines))
        assert issues == []
        names = {name: None for edge in edges for name in (edge.source, edge.target)}
        names |= dict.fromkeys(nodes)
        self.names = [name for name in names if name not in ("start", "end", "drop")]
        self.ran: list[str] = []
        """What began and what ended, in order: `a` for a plain node; `a(` and `)a` for an async one."""
        self.gates: dict[str, asyncio.Event] = {}
        stations = [self.station(name, **nodes.get(name, {})) for name in self.names]
        for station in stations:
            if isinstance(station.on_error, Goto):
                edges.append(Edge(station.name, station.on_error.goto, kind="error"))
        flow, problems = build_flow(self.names, edges)
        assert problems == []
        assert flow is not None
        self.walker = Walker(flow, stations, condition)

    def station(self, name: str, does: Any = None, gate: bool = False, output: str = "", **more: Any) -> Station:
        def value(visit: Visit) -> Any:
            outcome = does(visit) if callable(does) else does
            if isinstance(outcome, BaseException):
                raise outcome
            return f"{name}{visit.number}" if outcome is None else outcome

        def plain(visit: Visit) -> Any:
            self.ran.append(name)
            return value(visit)

        async def gated(visit: Visit) -> Any:
            self.ran.append(f"{name}(")
            await self.gates.setdefault(name, asyncio.Event()).wait()
            self.ran.append(f"){name}")
            return value(visit)

        writes = more.pop("writes", [output or name])
        return Station(name, gated if gate else plain, gate, writes, **more)

    def walk(self, **fields: Any) -> tuple[Walked, dict[str, Any]]:
        """Walks a record through, opening gates in the order of their names whenever nothing else happens."""
        return asyncio.run(self._walk(fields))

    async def _walk(self, fields: dict[str, Any]) -> tuple[Walked, dict[str, Any]]:
        pending: Pending = set()
        walk = asyncio.create_task(self.walker.walk(fields, "r", 0, pending))
        await self.settle()
        while not walk.done():
            assert self.gates, "nothing happens any more"
            await self.open(min(self.gates))
        for gate in self.gates.values():
            gate.set()
        await self.settle()
        assert not pending
        return await walk, fields

    async def open(self, name: str) -> None:
        self.gates.pop(name).set()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


def condition(text: str) -> Callable[[dict[str, Any]], Any]:
    code = compile(text, text, "eval")

    def decide(scope: dict[str, Any]) -> Any:
        try:
            return eval(code, {}, scope)
        except ZeroDivisionError as error:
            raise TemplateError("division by zero") from error

    return decide


GATE = {"gate": True}


def test_nodes_run_one_after_the_other_and_write_their_fields() -> None:
    graph = Graph("start -> a -> b -> end", a={"output": "x"})
    walked, scope = graph.walk(q=1)
    assert walked.status == "done"
    assert scope == {"q": 1, "x": "a1", "b": "b1", "visits": {"a": 1, "b": 1}}


def test_a_node_reads_what_was_written_before_and_its_visit_counts_itself() -> None:
    seen: list[Any] = []
    Graph("start -> a -> b", b={"does": lambda v: seen.append((v.scope["a"], v.scope["visits"]["b"], v.node))}).walk()
    assert seen == [("a1", 1, "b")]


def test_a_visit_knows_its_record_and_seed() -> None:
    graph = Graph("start -> a", a={"does": lambda v: v.random().random()})
    values = [asyncio.run(run(graph, record, seed)) for record, seed in [("r", 1), ("r", 1), ("s", 1), ("r", 2)]]
    assert values[0] == values[1]
    assert len(set(values)) == 3


async def run(graph: Graph, record: str, seed: int) -> Any:
    scope: dict[str, Any] = {}
    await graph.walker.walk(scope, record, seed, set())
    return scope["a"]


def test_extra_fields_are_written_beside_the_output() -> None:
    graph = Graph("start -> a", a={"does": lambda v: v.write("a_usage", 3), "writes": ["a", "a_usage", "a_model"]})
    _, scope = graph.walk()
    assert (scope["a"], scope["a_usage"], scope["a_model"]) == ("a1", 3, None)


def test_a_fork_runs_all_and_a_join_waits_for_all() -> None:
    graph = Graph("start -> a -> [b, c] -> d", b=GATE, c=GATE)
    walked, _ = graph.walk()
    assert walked.status == "done"
    assert graph.ran == ["a", "b(", "c(", ")b", ")c", "d"]


def test_branches_do_not_wait_for_each_other() -> None:
    graph = Graph("start -> [a, b]", "a -> c -> end", "b -> end", a=GATE, b=GATE)
    graph.walk()
    assert graph.ran == ["a(", "b(", ")a", "c", ")b"]


def test_end_waits_for_all_branches() -> None:
    graph = Graph("start -> [a, b] -> end", a=GATE, b=GATE)
    walked, _ = graph.walk()
    assert graph.ran[-1] == ")b"
    assert [event["node"] for event in walked.events] == ["a", "b"]


def test_the_first_true_condition_wins() -> None:
    lines = ("start -> a", "a -> b when x > 1", "a -> c when x > 0", "a -> [d, e]")
    for x, expected in [(2, "ab"), (1, "ac"), (0, "ade")]:
        graph = Graph(*lines)
        graph.walk(x=x)
        assert "".join(graph.ran) == expected


def test_start_may_have_conditions() -> None:
    graph = Graph("start -> a when x", "start -> b")
    graph.walk(x=0)
    assert graph.ran == ["b"]


def test_a_join_does_not_wait_for_a_dead_branch() -> None:
    graph = Graph("start -> a", "a -> b when x", "a -> c", "b -> c -> d")
    _, scope = graph.walk(x=0)
    assert graph.ran == ["a", "c", "d"]
    assert scope["b"] is None


def test_death_spreads_along_a_path_and_stops_at_a_join() -> None:
    graph = Graph("start -> a", "a -> b when x", "a -> e", "b -> c -> d", "e -> d")
    _, scope = graph.walk(x=0)
    assert graph.ran == ["a", "e", "d"]
    assert (scope["b"], scope["c"]) == (None, None)


def test_a_node_on_a_dead_path_does_not_overwrite() -> None:
    graph = Graph("start -> a", "a -> b when x", "a -> c", b={"output": "text"})
    assert graph.walk(x=0, text="seed")[1]["text"] == "seed"
    assert graph.walk(x=0)[1]["text"] is None


def test_exclusive_nodes_write_one_field() -> None:
    graph = Graph("start -> a when x", "start -> b", "[a, b] -> c", a={"output": "t"}, b={"output": "t"})
    assert graph.walk(x=1)[1]["t"] == "a1"
    assert graph.walk(x=0)[1]["t"] == "b1"


def test_a_false_when_gives_null_and_follows_the_out_edges() -> None:
    graph = Graph("start -> a -> b", a={"when": condition("x"), "output": "t"})
    walked, scope = graph.walk(x=0, t="seed")
    assert (graph.ran, scope["t"], scope["visits"]) == (["b"], None, {"a": 0, "b": 1})
    assert [(event["node"], event["status"]) for event in walked.events] == [("a", "skipped"), ("b", "done")]


def test_a_false_when_leaves_a_history_alone() -> None:
    graph = Graph("start -> a", a={"when": condition("x"), "writes": ["a", "chat"], "appends": ["chat"]})
    assert graph.walk(x=0, chat=["hello"])[1]["chat"] == ["hello"]


def test_a_loop_runs_again_what_lies_after_its_target() -> None:
    graph = Graph("start -> a -> b -> c", "c -> b when visits['b'] < 3", "c -> d")
    _, scope = graph.walk()
    assert "".join(graph.ran) == "abcbcbcd"
    assert scope["visits"] == {"a": 1, "b": 3, "c": 3, "d": 1}
    assert scope["c"] == "c3"


def test_a_node_may_follow_itself() -> None:
    graph = Graph("start -> a", "a -> a when visits['a'] < 4", "a -> end")
    graph.walk()
    assert graph.ran == ["a"] * 4


def test_a_loop_sees_the_last_values_of_its_earlier_pass() -> None:
    seen: list[Any] = []
    graph = Graph(
        "start -> draft -> judge",
        "judge -> draft when visits['draft'] < 3",
        "judge -> end",
        draft={"does": lambda v: seen.append(v.scope["judge"])},
    )
    graph.walk()
    assert seen == [None, "judge1", "judge2"]


def test_what_ran_in_an_earlier_pass_and_is_dead_now_keeps_its_value() -> None:
    lines = ("start -> a", "a -> b when visits['a'] == 1", "a -> c", "b -> a when 1", "b -> end")
    graph = Graph(*lines)
    _, scope = graph.walk()
    assert "".join(graph.ran) == "abac"
    assert (scope["b"], scope["c"]) == ("b1", "c1")


@pytest.mark.parametrize("x", [0, 1])
def test_edges_into_what_runs_again_from_outside_keep_their_state(x: int) -> None:
    graph = Graph("start -> [p, a]", "p -> b when x", "p -> end", "a -> a when visits['a'] < 3", "a -> b", "b -> end")
    graph.walk(x=x)
    assert graph.ran == ["p", "a", "a", "a", "b"]
    graph = Graph("start -> [p, a]", "p -> b when x", "p -> end", "a -> a when visits['a'] < 3", "a -> c", "c -> d")
    graph.walk(x=x)
    assert sorted(graph.ran) == ["a", "a", "a", *["b"] * x, "c", "d", "p"]


def test_nodes_outside_a_loop_are_not_affected_and_not_waited_for() -> None:
    graph = Graph("start -> [x, a]", "a -> a when visits['a'] < 3", "[a, x] -> b", x=GATE)
    graph.walk()
    assert graph.ran == ["a", "a", "a", "x(", ")x", "b"]


def test_nested_loops() -> None:
    graph = Graph(
        "start -> a -> b",
        "b -> b when visits['b'] % 2",
        "b -> c",
        "c -> a when visits['a'] < 2",
        "c -> end",
    )
    graph.walk()
    assert "".join(graph.ran) == "abbcabbc"


def test_a_jump_waits_for_branches_that_do_not_follow_it_and_then_all_runs_again() -> None:
    graph = Graph(
        "start -> a -> [b, c]",
        "c -> d",
        "b -> a when visits['a'] < 2",
        "b -> e",
        "d -> e",
        c=GATE,
    )
    graph.walk()
    assert graph.ran == ["a", "b", "c(", ")c", "d", "a", "b", "c(", ")c", "d", "e"]


@pytest.mark.parametrize("slow", ["b", "c"])
def test_how_often_a_node_runs_does_not_depend_on_who_is_faster(slow: str) -> None:
    graph = Graph("start -> a -> [b, c]", "c -> d -> e", "b -> a when visits['a'] < 2", "b -> e", **{slow: GATE})
    _, scope = graph.walk()
    assert scope["visits"] == {"a": 2, "b": 2, "c": 2, "d": 2, "e": 1}


def test_two_loops_side_by_side_go_round_at_their_own_pace() -> None:
    graph = Graph("start -> [a, b] -> c", "a -> a when visits['a'] < 3", "b -> b when visits['b'] < 2", a=GATE, b=GATE)
    graph.walk()
    assert graph.ran == ["a(", "b(", ")a", "a(", ")a", "a(", ")a", ")b", "b(", ")b", "c"]


def test_several_jumps_at_once_run_the_union_again_and_an_inner_target_in_its_course() -> None:
    graph = Graph(
        "start -> a -> [b, x]",
        "b -> b when visits['b'] == 1",
        "b -> c",
        "x -> a when visits['x'] == 1",
        "x -> c",
    )
    graph.walk()
    assert "".join(graph.ran) == "abxabxc"


@pytest.mark.parametrize("slow", ["b", "x"])
def test_loops_that_overlap_jump_together_whoever_is_faster(slow: str) -> None:
    graph = Graph(
        "start -> a -> [b, x]",
        "b -> b when visits['b'] < 3",
        "b -> c",
        "x -> a when visits['a'] < 2",
        "x -> c",
        **{slow: GATE},
    )
    _, scope = graph.walk()
    assert scope["visits"] == {"a": 2, "b": 3, "x": 2, "c": 1}


def test_max_visits_bounds_a_loop() -> None:
    graph = Graph("start -> a -> b", "b -> a when True", "b -> end", a={"max_visits": 3})
    walked, scope = graph.walk()
    assert (walked.status, walked.where, scope["visits"]["a"]) == ("failed", "a", 3)
    assert str(walked.error) == "node `a` reached max_visits (3)"
    assert walked.events[-1]["status"] == "failed"


def test_max_visits_bounds_a_loop_of_skipped_nodes() -> None:
    graph = Graph("start -> a", "a -> a when True", "a -> end", a={"when": condition("False")})
    walked, scope = graph.walk()
    assert (walked.status, scope["visits"]["a"]) == ("failed", 0)


def test_past_max_visits_on_error_decides() -> None:
    lines = ("start -> a", "a -> a when a != 'enough'", "a -> b")
    graph = Graph(*lines, a={"max_visits": 2, "on_error": SetValue(set="enough")})
    walked, scope = graph.walk()
    assert (walked.status, graph.ran, scope["a"]) == ("done", ["a", "a", "b"], "enough")
    graph = Graph("start -> a -> a", "b -> end", a={"max_visits": 2, "on_error": Goto(goto="b")})
    graph.walk()
    assert graph.ran == ["a", "a", "b"]


@pytest.mark.parametrize("on_error", [SetValue(set=0), Goto(goto="a")])
def test_on_error_cannot_keep_a_loop_alive(on_error: Any) -> None:
    graph = Graph("start -> a", "a -> a when True", "a -> end", a={"max_visits": 3, "on_error": on_error})
    walked, _ = graph.walk()
    assert (walked.status, graph.ran) == ("failed", ["a"] * 3)
    assert str(walked.error) == "node `a` reached max_visits (3), and its on_error led back to it"


def test_drop_says_which_node_and_condition() -> None:
    graph = Graph("start -> a", "a -> drop when x > 1", "a -> b")
    walked, _ = graph.walk(x=2)
    assert (walked.status, walked.where, walked.reason) == ("dropped", "a", "a -> drop when x > 1")
    assert graph.ran == ["a"]


def test_start_may_drop() -> None:
    walked, _ = Graph("start -> drop when x", "start -> a").walk(x=1)
    assert (walked.status, walked.where) == ("dropped", "start")


def test_drop_in_one_branch_drops_at_once_and_hands_over_what_is_under_way() -> None:
    async def scenario() -> None:
        graph = Graph("start -> [a, b]", "a -> drop", "b -> c", a=GATE, b=GATE)
        pending: Pending = set()
        scope: dict[str, Any] = {}
        walk = asyncio.create_task(graph.walker.walk(scope, "r", 0, pending))
        await graph.settle()
        await graph.open("a")
        walked = await walk
        assert (walked.status, len(pending)) == ("dropped", 1)
        assert [(event["node"], event["status"]) for event in walked.events] == [("a", "done"), ("b", "unfinished")]
        await graph.open("b")
        assert graph.ran == ["a(", "b(", ")a", ")b"]
        assert (pending, scope["b"]) == (set(), None)

    asyncio.run(scenario())


def test_a_failed_branch_fails_the_record_and_what_is_under_way_may_fail_in_peace() -> None:
    async def scenario() -> None:
        failure = NodeError("no")
        graph = Graph("start -> [a, b] -> c", a=GATE | {"does": failure}, b=GATE | {"does": NodeError("late")})
        pending: Pending = set()
        walk = asyncio.create_task(graph.walker.walk({}, "r", 0, pending))
        await graph.settle()
        await graph.open("a")
        walked = await walk
        assert (walked.status, walked.where, walked.error) == ("failed", "a", failure)
        await graph.open("b")
        assert not pending

    asyncio.run(scenario())


@pytest.mark.parametrize("gate", [False, True])
def test_a_failure_fails_the_record(gate: bool) -> None:
    graph = Graph("start -> a -> b", a={"does": NodeError("broken", hint="mend it"), "gate": gate})
    walked, scope = graph.walk()
    assert (walked.status, walked.where, scope["visits"]["b"]) == ("failed", "a", 0)
    assert walked.events[0]["error"] == "broken; mend it"


def test_on_error_drop() -> None:
    walked, _ = Graph("start -> a", a={"does": NodeError("broken"), "on_error": "drop"}).walk()
    assert (walked.status, walked.reason, walked.where, str(walked.error)) == ("dropped", "a failed", "a", "broken")


def test_on_error_set_counts_as_done() -> None:
    value: dict[str, Any] = {"score": []}
    graph = Graph("start -> a -> b", a={"does": NodeError("broken"), "on_error": SetValue(set=value)})
    walked, scope = graph.walk()
    assert (walked.status, scope["a"], graph.ran) == ("done", value, ["a", "b"])
    assert scope["a"]["score"] is not value["score"]


def test_on_error_goto_is_an_edge() -> None:
    graph = Graph("start -> a -> b -> d", "c -> d", a={"does": lambda v: v.scope["x"], "on_error": Goto(goto="c")})
    graph.walk(x=1)
    assert graph.ran == ["a", "b", "d"]
    graph.ran.clear()
    walked, _ = graph.walk(x=NodeError("broken"))
    assert (walked.status, graph.ran) == ("done", ["a", "c", "d"])


def test_on_error_goto_back_is_a_loop() -> None:
    graph = Graph("start -> a -> b", b={"does": lambda v: NodeError("no") if v.number < 3 else "yes"})
    assert graph.walk()[0].status == "failed"
    graph = Graph(
        "start -> a -> b", b={"does": lambda v: NodeError("no") if v.number < 3 else "yes", "on_error": Goto(goto="a")}
    )
    walked, scope = graph.walk()
    assert (walked.status, "".join(graph.ran), scope["b"]) == ("done", "ababab", "yes")


def test_a_when_that_cannot_be_decided_is_a_failure_of_its_node() -> None:
    graph = Graph("start -> a -> b", a={"when": condition("1 / x"), "on_error": SetValue(set="none")})
    assert graph.walk(x=0)[1]["a"] == "none"


def test_a_condition_that_cannot_be_decided_fails_the_record() -> None:
    walked, _ = Graph("start -> a", "a -> b when 1 / x", "a -> end").walk(x=0)
    assert (walked.status, walked.where) == ("failed", "a")
    assert str(walked.error) == "the condition of `a -> b when 1 / x` cannot be decided: division by zero"


@pytest.mark.parametrize("error", [BudgetReached("spent"), ValueError("a bug")])
def test_what_is_not_of_the_record_passes_through_and_cancels_nothing(error: Exception) -> None:
    async def scenario() -> None:
        graph = Graph("start -> [a, b]", a=GATE | {"does": error}, b=GATE)
        pending: Pending = set()
        walk = asyncio.create_task(graph.walker.walk({}, "r", 0, pending))
        await graph.settle()
        await graph.open("a")
        with pytest.raises(type(error)):
            await walk
        assert [task for task in pending if not task.done()]
        await graph.open("b")
        assert graph.ran[-1] == ")b"
        assert not pending

    asyncio.run(scenario())


def test_stopping_the_run_goes_before_a_failure_of_the_same_moment() -> None:
    async def scenario() -> None:
        graph = Graph("start -> [a, b]", a=GATE | {"does": NodeError("no")}, b=GATE | {"does": BudgetReached("spent")})
        walk = asyncio.create_task(graph.walker.walk({}, "r", 0, set()))
        await graph.settle()
        for gate in graph.gates.values():
            gate.set()
        with pytest.raises(BudgetReached):
            await walk

    asyncio.run(scenario())


def test_a_cancelled_walk_hands_over_what_is_under_way() -> None:
    async def scenario() -> None:
        graph = Graph("start -> [a, b]", a=GATE, b=GATE)
        pending: Pending = set()
        walk = asyncio.create_task(graph.walker.walk({}, "r", 0, pending))
        await graph.settle()
        walk.cancel()
        with pytest.raises(asyncio.CancelledError):
            await walk
        assert len(pending) == 2
        await graph.open("a")
        await graph.open("b")
        assert not pending

    asyncio.run(scenario())


def test_events_tell_what_happened() -> None:
    graph = Graph("start -> a -> b", a={"does": lambda v: v.calls.append("call")}, b={"does": RecordError("no")})
    walked, _ = graph.walk()
    assert [{**event, "seconds": 0} for event in walked.events] == [
        {"node": "a", "visit": 1, "status": "done", "seconds": 0, "calls": ["call"]},
        {"node": "b", "visit": 1, "status": "failed", "seconds": 0, "calls": [], "error": "no"},
    ]
    assert all(event["seconds"] >= 0 for event in walked.events)


def test_a_plain_graph_makes_no_task() -> None:
    async def scenario() -> None:
        graph = Graph("start -> a -> [b, c] -> d", "d -> a when visits['a'] < 3", "d -> end")
        graph.walker.stations[1].asynchronous = True

        async def a(visit: Visit) -> None:
            assert asyncio.all_tasks() == {asyncio.current_task()}

        graph.walker.stations[1].call = a
        walked = await graph.walker.walk({}, "r", 0, set())
        assert walked.status == "done"
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())
