"""How a record walks through a graph: which node runs when, once, again or not at all.

A node waits until each of its in-edges is decided and runs if one was taken. Where none was, it is dead: it does not
run and its out-edges are dead. A back edge asks for another pass of what lies after its target. It is granted once all
of that which does not itself follow from the node that asked has run, so that how often a node runs is a matter of
decisions and never of who was faster.

It knows nothing of models, stores and concurrency between records. A plain node is called on the spot, one async node
alone is awaited on the spot, and tasks are made only where several async nodes are ready at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from copy import deepcopy
from time import perf_counter
from typing import Any, NamedTuple

from seedbed.errors import NodeError, RecordError, TemplateError
from seedbed.graph.contracts import Goto, SetValue, Visit
from seedbed.graph.flow import Edge, Flow
from seedbed.graph.station import Condition, Pending, Station, Walked


class _Exit(NamedTuple):
    """What follows when a node is left in one particular way. Nodes by number, `end` left out."""

    taken: tuple[int, ...]
    """The nodes that forward edges lead to, once per edge."""
    dead: tuple[int, ...]
    """The nodes that the other forward out-edges would have led to, once per edge."""
    edges: frozenset[int]
    """The edges taken."""
    back: tuple[int, ...] = ()
    """The back edges taken; then nothing forward is decided, for all of it runs again."""
    drop: int = -1
    """The edge to `drop` taken, if any."""


class Walker:
    """A graph with its nodes ready to run. Made once a run; `walk` is called once per record."""

    def __init__(self, flow: Flow, stations: Iterable[Station], compiled: Callable[[str], Condition]) -> None:
        """`compiled` makes the condition of an edge from its expression."""
        by_name = {station.name: station for station in stations}
        self.flow = flow
        outside = Station("", lambda visit: None, False, [])
        self.stations = [outside, *(by_name[name] for name in flow.names[1:-1]), outside]
        self.visits = dict.fromkeys(by_name, 0)
        """The counts a record starts with, in the order declared."""
        self.fields = list(dict.fromkeys(name for station in by_name.values() for name in station.writes))
        self.left = [len(edges) for edges in flow.ins]
        nodes = range(len(flow.names))
        self.exits = [self._exit(node, flow.unconditional[node]) for node in nodes]
        self.choices = [
            [(edge, compiled(flow.edges[edge].when or ""), self._exit(node, [edge])) for edge in flow.conditional[node]]
            for node in nodes
        ]
        self.errors = [None if edge is None else self._exit(node, [edge]) for node, edge in enumerate(flow.error)]
        self.dead = [self._exit(node, []) for node in nodes]
        self.loop = {edge: number for number, edges in enumerate(flow.loops) for edge in edges}

    def _exit(self, node: int, taken: list[int]) -> _Exit:
        flow = self.flow
        end = len(flow.names) - 1
        back = tuple(edge for edge in taken if edge in flow.regions)
        drop = next((edge for edge in taken if flow.targets[edge] < 0), -1)
        if back:
            return _Exit((), (), frozenset(taken), back, drop)
        every = [*flow.conditional[node], *flow.unconditional[node]]
        error = flow.error[node]
        if error is not None:
            every.append(error)
        forward = [(edge, flow.targets[edge]) for edge in every if edge not in flow.regions]
        inner = [(edge, target) for edge, target in forward if 0 <= target < end]
        return _Exit(
            tuple(target for edge, target in inner if edge in taken),
            tuple(target for edge, target in inner if edge not in taken),
            frozenset(taken),
            drop=drop,
        )

    async def walk(
        self, scope: dict[str, Any], record_id: str, seed: int, pending: Pending, place: str = "", within: str = ""
    ) -> Walked:
        """Walks one record. `scope` holds its fields, `id` and `params`; values and `visits` are written into it.
        `place` is that of visits, `within` the node that the graph is inside of.

        Calls under way when the walk ends early (dropped, failed, or an error that is not of the record passing
        through) are not cancelled: their tasks are in `pending` until they end, and their results go nowhere.
        """
        return await _Walk(self, scope, record_id, seed, place, f"{within}." if within else "").run(pending)


class _Walk:
    """One record on its way."""

    __slots__ = (
        "chosen", "events", "fired", "jumps", "left", "over", "passes", "place", "prefix", "ready", "record_id",
        "scope", "seed", "tasks", "visits", "walker",
    )  # fmt: skip

    def __init__(
        self, walker: Walker, scope: dict[str, Any], record_id: str, seed: int, place: str, prefix: str
    ) -> None:
        for name in walker.fields:
            scope.setdefault(name, None)
        self.walker = walker
        self.scope = scope
        self.record_id = record_id
        self.seed = seed
        self.place = place
        self.prefix = prefix
        self.visits: dict[str, int] = walker.visits.copy()
        scope["visits"] = self.visits
        self.left = walker.left.copy()
        """Per node how many in-edges are undecided."""
        self.fired = [False] * len(self.left)
        """Per node whether one of its in-edges was taken."""
        self.chosen: list[_Exit | None] = [None] * len(self.left)
        """Per node how it was left; None while it is undecided."""
        self.passes = [0] * len(self.left)
        self.ready: list[int] = []
        self.jumps: dict[int, list[int]] = {}
        """The back edges taken and not yet followed, by group."""
        self.tasks: dict[asyncio.Task[Any], tuple[int, Visit, float]] = {}
        self.events: list[dict[str, Any]] = []
        self.over: Walked | None = None

    async def run(self, pending: Pending) -> Walked:
        """Runs nodes until none is left to run."""
        try:
            self._leave(0)
            while self.over is None:
                calls = self._advance()
                if self.over is not None:
                    break
                if len(calls) == 1 and not self.tasks:
                    await self._alone(*calls[0])
                elif calls or self.tasks:
                    await self._together(calls)
                else:
                    return Walked("done", self.events)
        finally:
            if self.tasks:
                self._hand_over(pending)
        return self.over

    def _advance(self) -> list[tuple[int, Visit]]:
        """Runs plain nodes until none is ready; the async ones that became ready meanwhile are for the caller."""
        stations = self.walker.stations
        calls: list[tuple[int, Visit]] = []
        while self.ready or (self.jumps and self._jump()):
            batch, self.ready = self.ready, []
            for node in batch:
                station = stations[node]
                visit = self._begin(node, station)
                if visit is not None:
                    if station.asynchronous:
                        calls.append((node, visit))
                    else:
                        self._call(node, station, visit)
                if self.over is not None:
                    return []
        return calls

    def _begin(self, node: int, station: Station) -> Visit | None:
        """Decides whether a node runs now; if not, it is already left."""
        name = station.name
        self.passes[node] += 1
        if self.passes[node] > station.max_visits:
            self._exhausted(node, station)
            return None
        if station.when is not None:
            try:
                runs = station.when(self.scope)
            except RecordError as error:
                self._failed(node, error, perf_counter())
                return None
            if not runs:
                for written in station.writes:
                    if written not in station.appends:
                        self.scope[written] = None
                self._event(node, "skipped", 0.0)
                self._leave(node)
                return None
        self.visits[name] += 1
        return Visit(self.scope, self.record_id, self.prefix + name, self.visits[name], self.seed, self.place)

    def _exhausted(self, node: int, station: Station) -> None:
        """Past `max_visits` its `on_error` decides, once: what that leads to must not come back here."""
        error = NodeError(f"node `{station.name}` reached max_visits ({station.max_visits})")
        if self.passes[node] > station.max_visits + 1:
            error = NodeError(f"{error.message}, and its on_error led back to it")
            self.over = Walked("failed", self.events, where=station.name, error=error)
        self._failed(node, error, perf_counter())

    def _call(self, node: int, station: Station, visit: Visit) -> None:
        started = perf_counter()
        try:
            value = station.call(visit)
        except RecordError as error:
            self._failed(node, error, started, visit)
        else:
            self._done(node, value, started, visit)

    async def _alone(self, node: int, visit: Visit) -> None:
        """Awaits the one call there is, without making a task of it."""
        started = perf_counter()
        try:
            value = await self.walker.stations[node].call(visit)
        except RecordError as error:
            self._failed(node, error, started, visit)
        else:
            self._done(node, value, started, visit)

    async def _together(self, calls: list[tuple[int, Visit]]) -> None:
        """Starts calls, and waits until at least one of all that are under way has ended."""
        for node, visit in calls:
            task = asyncio.create_task(_answer(self.walker.stations[node].call, visit))
            self.tasks[task] = (node, visit, perf_counter())
        await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)
        ended = [task for task in self.tasks if task.done()]
        for task in ended:
            if task.cancelled() or not isinstance(task.exception() or RecordError(""), RecordError):
                task.result()
        for task in ended:
            node, visit, started = self.tasks.pop(task)
            error = task.exception()
            if isinstance(error, RecordError):
                self._failed(node, error, started, visit)
            else:
                self._done(node, task.result(), started, visit)
            if self.over is not None:
                return

    def _done(self, node: int, value: Any, started: float, visit: Visit) -> None:
        self.scope[self.walker.stations[node].writes[0]] = value
        if visit.extra is not None:
            self.scope.update(visit.extra)
        self._event(node, "done", perf_counter() - started, visit)
        if visit.dropped:
            self.over = Walked("dropped", self.events, visit.dropped, self._where(node, visit))
            return
        self._leave(node)

    def _failed(self, node: int, error: RecordError, started: float, visit: Visit | None = None) -> None:
        """A node has failed: its `on_error` decides."""
        station = self.walker.stations[node]
        self._event(node, "failed", perf_counter() - started, visit)
        self.events[-1]["error"] = str(error)
        decision = station.on_error
        if self.over is not None:
            return
        if decision == "fail":
            self.over = Walked("failed", self.events, where=self._where(node, visit), error=error)
        elif decision == "drop":
            where = self._where(node, visit)
            self.over = Walked("dropped", self.events, f"{where} failed", where, error)
        elif isinstance(decision, SetValue):
            self.scope[station.writes[0]] = deepcopy(decision.set)
            self._leave(node)
        elif isinstance(decision, Goto):
            way = self.walker.errors[node]
            assert way is not None, f"no error edge leads from `{station.name}`"
            self._follow(node, way)

    def _where(self, node: int, visit: Visit | None) -> str:
        name = self.walker.flow.names[node]
        return f"{name}.{visit.where}" if visit is not None and visit.where else name

    def _event(self, node: int, status: str, seconds: float, visit: Visit | None = None) -> None:
        name = self.walker.flow.names[node]
        if visit is None:
            self.events.append(
                {"node": name, "visit": self.visits[name], "status": status, "seconds": seconds, "calls": []}
            )
            return
        self.events += visit.events
        event = {"node": name, "visit": visit.number, "status": status, "seconds": seconds, "calls": visit.calls}
        if visit.notes:
            event["notes"] = visit.notes
        self.events.append(event)

    def _leave(self, node: int) -> None:
        """A node is done: the first condition that holds says where to, or else all unconditional edges together."""
        walker = self.walker
        for edge, condition, way in walker.choices[node]:
            try:
                holds = condition(self.scope)
            except RecordError as error:
                self._undecidable(walker.flow.edges[edge], error)
                return
            if holds:
                self._follow(node, way)
                return
        self._follow(node, walker.exits[node])

    def _undecidable(self, edge: Edge, error: RecordError) -> None:
        what = f"the condition of `{edge}` cannot be decided: {error.message}"
        failure = TemplateError(what, hint=error.hint)
        failure.__cause__ = error
        self.over = Walked("failed", self.events, where=edge.source, error=failure)

    def _follow(self, node: int, way: _Exit) -> None:
        """Decides a node's out-edges, and kills what no edge leads to any more."""
        self.chosen[node] = way
        if way.drop >= 0:
            edge = self.walker.flow.edges[way.drop]
            self.over = Walked("dropped", self.events, str(edge), edge.source)
            return
        for edge_back in way.back:
            self.jumps.setdefault(self.walker.loop[edge_back], []).append(edge_back)
        left, fired = self.left, self.fired
        for target in way.taken:
            fired[target] = True
            left[target] -= 1
            if left[target] == 0:
                self.ready.append(target)
        queue = list(way.dead)
        for target in queue:
            left[target] -= 1
            if left[target] > 0:
                continue
            if fired[target]:
                self.ready.append(target)
            else:
                dead = self.walker.dead[target]
                self.chosen[target] = dead
                queue += dead.dead

    def _jump(self) -> bool:
        """Follows the back edges of one group, if all that must run before has run. Says whether it did."""
        flow = self.walker.flow
        for group, taken in self.jumps.items():
            held = region = sources = 0
            for edge in taken:
                source = flow.sources[edge]
                held |= flow.after[source] | 1 << source
                region |= flow.regions[edge]
            for edge in flow.loops[group]:
                sources |= 1 << flow.sources[edge]
            if all(self.chosen[node] is not None for node in self._inner((region | sources) & ~held)):
                del self.jumps[group]
                self._again(self._inner(region), [flow.targets[edge] for edge in taken])
                return True
        return False

    def _inner(self, nodes: int) -> list[int]:
        """The numbers in a set, `end` left out."""
        return [node for node in range(len(self.left) - 1) if nodes >> node & 1]

    def _again(self, region: list[int], targets: list[int]) -> None:
        """Makes a region undecided, keeps what leads into it from outside, and starts it at its outermost targets."""
        flow = self.walker.flow
        for node in region:
            self.chosen[node] = None
        for node in region:
            ways = [(edge, self.chosen[flow.sources[edge]]) for edge in flow.ins[node]]
            self.left[node] = sum(way is None for _, way in ways)
            self.fired[node] = any(way is not None and edge in way.edges for edge, way in ways)
        self.ready += [target for target in dict.fromkeys(sorted(targets)) if self.left[target] == 0]

    def _hand_over(self, pending: Pending) -> None:
        """The record is over: calls under way go on without it."""
        for task, (node, visit, started) in self.tasks.items():
            self._event(node, "unfinished", perf_counter() - started, visit)
            pending.add(task)
            task.add_done_callback(pending.discard)
            task.add_done_callback(_retrieve)


async def _answer(call: Callable[[Visit], Awaitable[Any]], visit: Visit) -> Any:
    return await call(visit)


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Looks at a task's exception, so that asyncio does not report it as never seen."""
    if not task.cancelled():
        task.exception()
