"""Random graphs: every record ends once, the result is that of a naive reading, and nobody's speed matters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seedbed.errors import NodeError
from seedbed.graph.contracts import Goto, OnError, SetValue, Visit
from seedbed.graph.flow import Edge, Flow, build_flow
from seedbed.graph.station import Pending, Station, Walked
from seedbed.graph.walk import Walker

QUICK = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass
class Plan:
    """A random graph and how its nodes behave; what is drawn depends on node, edge and visit alone."""

    seed: int
    names: list[str]
    edges: list[Edge]
    on_error: dict[str, OnError] = field(default_factory=dict)
    asynchronous: set[str] = field(default_factory=set)
    when: set[str] = field(default_factory=set)
    failing: bool = False

    def draw(self, *place: Any) -> float:
        return Random(f"{self.seed} {place}").random()

    def fails(self, name: str, visit: int) -> bool:
        return self.failing and self.draw("fails", name, visit) < 0.15

    def holds(self, edge: str, visits: dict[str, int]) -> bool:
        """Conditions look at the visits of their source alone: what else runs meanwhile must not matter."""
        source = edge.split()[0]
        return self.draw(edge, visits.get(source, 0)) < 0.5

    def runs(self, name: str) -> bool:
        return name not in self.when or self.draw("when", name) < 0.6


def reached(edges: list[Edge], without: str = "") -> set[str]:
    found = {"start"} - {without}
    for _ in edges:
        found |= {edge.target for edge in edges if edge.source in found and edge.target != without}
    return found


@st.composite
def plans(draw: st.DrawFn, loops: bool = False, failing: bool = False) -> Plan:
    """Forward edges from a random order, so that all can be reached; back edges to dominators found by leaving out."""
    rng = Random(draw(st.integers(0, 2**32)))
    names = [f"n{number}" for number in range(rng.randint(1, 9))]
    plan = Plan(rng.randint(0, 2**32), names, [], failing=failing)
    order = ["start", *names]
    pairs = {(rng.choice(order[: place + 1]), name) for place, name in enumerate(names)}
    for _ in range(rng.randint(0, 10)):
        first, second = sorted(rng.choices(range(len(order)), k=2))
        if first != second:
            pairs.add((order[first], order[second]))
    pairs |= {(rng.choice(order), rng.choice(["end", "drop"] if failing else ["end"])) for _ in range(2)}
    forward = [Edge(source, target) for source, target in sorted(pairs)]
    errors = []
    if failing:
        for place, name in enumerate(names):
            later: list[OnError] = [Goto(goto=other) for other in [*names[place + 1 :], "end", "drop"]]
            plan.on_error[name] = rng.choice(["fail", "drop", SetValue(set="set"), *later])
        gotos = [(name, on.goto) for name, on in plan.on_error.items() if isinstance(on, Goto)]
        errors = [Edge(source, target, kind="error") for source, target in gotos]
    if loops:
        for name in rng.choices(names, k=4):
            above = [other for other in names if other == name or name not in reached(forward + errors, other)]
            forward.append(Edge(name, rng.choice(above), "loop"))
    for edge in dict.fromkeys(forward):
        conditional = edge.when is not None or rng.random() < 0.4
        when = f"{edge.source} {edge.target} {len(plan.edges)}" if conditional else None
        plan.edges.append(Edge(edge.source, edge.target, when))
    for name in order:
        out = [edge for edge in plan.edges if edge.source == name]
        if out and all(edge.when is not None for edge in out):
            onward = [edge.target for edge in forward if edge.source == name and edge.when is None]
            plan.edges.append(Edge(name, rng.choice([*onward, "end"])))
    plan.asynchronous = {name for name in names if rng.random() < 0.6}
    plan.when = {name for name in names if rng.random() < 0.2}
    plan.edges += errors
    return plan


def made(plan: Plan) -> Flow | None:
    """The flow, or None for a graph with loops of which the random conditions leave no way out."""
    flow, issues = build_flow(plan.names, plan.edges)
    assert flow is not None or all("no condition can leave" in issue.what for issue in issues), issues
    return flow


class Walk:
    """One walk of a plan, with async nodes that take a random number of turns of the event loop."""

    def __init__(self, plan: Plan, flow: Flow, speed: int) -> None:
        self.plan, self.flow, self.speed = plan, flow, Random(speed)
        self.scope: dict[str, Any] = {"id": "r"}
        self.pending: Pending = set()
        self.steps = 0
        stations = [self.station(name) for name in plan.names]
        self.walker = Walker(flow, stations, self.condition)
        self.walked = asyncio.run(self.run())

    async def run(self) -> Walked:
        async with asyncio.timeout(10):
            walked = await self.walker.walk(self.scope, "r", 0, self.pending)
            while self.pending:
                await asyncio.sleep(0)
        return walked

    def condition(self, text: str) -> Callable[[dict[str, Any]], bool]:
        return lambda scope: self.plan.holds(text, scope["visits"])

    def station(self, name: str) -> Station:
        plan = self.plan
        before = [other for other in plan.names if self.flow.reaches(other, name)]

        def plain(visit: Visit) -> Any:
            self.steps += 1
            assert self.steps <= 11 * len(plan.names)
            if plan.fails(name, visit.number):
                raise NodeError(f"{name} fails")
            return f"{name}{visit.number}({','.join(str(visit.scope[other]) for other in before)})"[:500]

        async def slow(visit: Visit) -> Any:
            for _ in range(self.speed.randint(0, 5)):
                await asyncio.sleep(0)
            return plain(visit)

        return Station(
            name,
            slow if name in plan.asynchronous else plain,
            name in plan.asynchronous,
            [name],
            when=(lambda scope: plan.runs(name)) if name in plan.when else None,
            on_error=plan.on_error.get(name, "fail"),
        )

    @property
    def ran(self) -> list[tuple[str, int, str]]:
        return sorted((event["node"], event["visit"], event["status"]) for event in self.walked.events)


def naive(plan: Plan, flow: Flow) -> tuple[list[tuple[str, int, str]], dict[str, Any]]:
    """A slow reading of the rules for graphs without loops and failures: sweep until no edge is undecided."""
    state: dict[int, bool] = {}
    values: dict[str, Any] = dict.fromkeys(plan.names)
    visits = dict.fromkeys(plan.names, 0)
    ran = []
    left = {"start": True}

    def leave(name: str) -> None:
        out = [(number, edge) for number, edge in enumerate(flow.edges) if edge.source == name]
        winner = next((n for n, e in out if e.when is not None and left[name] and plan.holds(e.when, visits)), None)
        for number, edge in out:
            state[number] = left[name] and (number == winner if winner is not None else edge.when is None)

    leave("start")
    while len(state) < len(flow.edges):
        for name in plan.names:
            entering = [number for number, edge in enumerate(flow.edges) if edge.target == name]
            if name in left or not all(number in state for number in entering):
                continue
            left[name] = any(state[number] for number in entering)
            if left[name] and plan.runs(name):
                visits[name] = 1
                before = [str(values[other]) for other in plan.names if flow.reaches(other, name)]
                values[name] = f"{name}1({','.join(before)})"[:500]
                ran.append((name, 1, "done"))
            elif left[name]:
                ran.append((name, 0, "skipped"))
            leave(name)
    return sorted(ran), {"id": "r", **values, "visits": visits}


@QUICK
@given(plans(), st.integers())
def test_without_loops_the_result_is_that_of_a_naive_reading(plan: Plan, speed: int) -> None:
    flow = made(plan)
    assert flow is not None
    walk = Walk(plan, flow, speed)
    assert walk.walked.status == "done"
    assert (walk.ran, walk.scope) == naive(plan, flow)


@QUICK
@given(plans(loops=True), st.integers(), st.integers())
def test_with_loops_the_result_does_not_depend_on_who_is_faster(plan: Plan, one: int, other: int) -> None:
    flow = made(plan)
    if flow is None:
        return
    first, second = Walk(plan, flow, one), Walk(plan, flow, other)
    assert first.walked.status == second.walked.status
    if first.walked.status == "failed":
        assert all("max_visits" in str(walk.walked.error) for walk in (first, second))
    else:
        assert first.scope == second.scope
        assert first.ran == second.ran


@QUICK
@given(plans(loops=True, failing=True), st.integers())
def test_every_record_ends_once_as_done_dropped_or_failed(plan: Plan, speed: int) -> None:
    flow = made(plan)
    if flow is None:
        return
    walk = Walk(plan, flow, speed)
    walked = walk.walked
    assert walked.status in ("done", "dropped", "failed")
    assert bool(walked.where) == (walked.status != "done")
    assert (walked.error is not None) >= (walked.status == "failed")
    assert walk.scope["visits"].keys() == set(plan.names)
    assert all(count <= 10 for count in walk.scope["visits"].values())


@QUICK
@given(plans(failing=True), st.integers())
def test_a_node_runs_only_after_all_that_leads_to_it(plan: Plan, speed: int) -> None:
    flow = made(plan)
    assert flow is not None
    walk = Walk(plan, flow, speed)
    ended = [event["node"] for event in walk.walked.events if event["status"] != "unfinished"]
    assert len(ended) == len(set(ended))
    for place, name in enumerate(ended):
        assert not [later for later in ended[place + 1 :] if flow.reaches(later, name)]


@QUICK
@given(plans(failing=True), st.integers())
def test_exclusive_nodes_never_both_write(plan: Plan, speed: int) -> None:
    flow = made(plan)
    assert flow is not None
    walk = Walk(plan, flow, speed)
    wrote = [event["node"] for event in walk.walked.events if event["status"] == "done"]
    assert not [(a, b) for a in wrote for b in wrote if a < b and flow.exclusive(a, b)]


@QUICK
@given(plans(loops=True))
def test_back_edges_are_those_to_dominators_and_the_rest_has_an_order(plan: Plan) -> None:
    flow = made(plan)
    if flow is None:
        return
    for number, edge in enumerate(flow.edges):
        dominated = edge.source not in reached(flow.edges, without=edge.target)
        assert (number in flow.regions) == dominated
        if not dominated and edge.target != "drop":
            assert flow.number(edge.source) < flow.number(edge.target)
