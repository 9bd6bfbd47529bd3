"""The shape of a graph step: edges as written, and what follows from them for walking, checking and drawing.

A flow numbers its nodes in topological order (back edges left out): 0 is `start`, the last is `end`. Sets of nodes are
bit masks over these numbers. `drop` has no number: an edge to it leaves the graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import combinations, product
from typing import Literal

from seedbed.graph.order import cycles, dominators, reachable, topological

START, END, DROP = "start", "end", "drop"


@dataclass(frozen=True, slots=True)
class Edge:
    """From a node (or `start`) to a node (or `end`, `drop`). `when` is an expression or None.

    `path` leads from the graph's mapping to where it is written, () if it was inferred. `kind` is `error` for the
    way that `on_error: {goto: …}` opens.
    """

    source: str
    target: str
    when: str | None = None
    path: tuple[str | int, ...] = ()
    kind: Literal["normal", "error"] = "normal"

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}" + (f" when {self.when}" if self.when is not None else "")


@dataclass(frozen=True, slots=True)
class FlowIssue:
    """Why a graph cannot be walked: what is wrong, what would be right, and the edge or node it is about."""

    what: str
    fix: str = ""
    edge: Edge | None = None
    node: str | None = None


@dataclass(slots=True)
class Flow:
    """A graph that can be walked. Edges are numbered as in `edges`, nodes as in `names`."""

    names: list[str]
    """`start`, the nodes in topological order, `end`."""
    edges: list[Edge]
    """All edges, also those to `end` that follow from a node having none."""
    sources: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    """Per edge its target's number; -1 is `drop`."""
    ins: list[list[int]] = field(default_factory=list)
    """Per node its in-edges, back edges left out."""
    conditional: list[list[int]] = field(default_factory=list)
    """Per node its conditional out-edges, in the order in which they are tried."""
    unconditional: list[list[int]] = field(default_factory=list)
    """Per node the out-edges that are taken together when no condition holds."""
    error: list[int | None] = field(default_factory=list)
    """Per node the edge that is taken when it fails."""
    after: list[int] = field(default_factory=list)
    """Per node the nodes it leads to by forward edges, itself left out."""
    regions: dict[int, int] = field(default_factory=dict)
    """Per back edge the nodes that run again when it is taken: its target and all that lies after it."""
    loops: list[list[int]] = field(default_factory=list)
    """Back edges in groups whose jumps are made together; see `_interfere`."""

    def number(self, name: str) -> int:
        """A node's number."""
        return self.names.index(name)

    def outcomes(self, node: int) -> Iterator[list[int]]:
        """The ways in which a node can be left, each with the edges that are then taken together."""
        for edge in self.conditional[node]:
            yield [edge]
        if self.unconditional[node]:
            yield self.unconditional[node]
        error = self.error[node]
        if error is not None:
            yield [error]

    def reaches(self, first: str, second: str) -> bool:
        """Whether a way of forward edges leads from the first node to the second."""
        return bool(self.after[self.number(first)] >> self.number(second) & 1)

    def ancestors(self, name: str) -> set[str]:
        """All nodes that may have run before this one does, those of an earlier pass of a loop included."""
        found: set[str] = set()
        queue = [name]
        for current in queue:
            fresh = {edge.source for edge in self.edges if edge.target == current} - found - {START}
            found |= fresh
            queue += sorted(fresh)
        return found

    def exclusive(self, first: str, second: str) -> bool:
        """Whether two nodes never both write in one pass.

        They may both write only if there is a way to each such that, where both ways lead through one node, they
        leave it by one outcome; a way that ends at a node asks for its success. The two ways are looked for together,
        the one that lags behind in topological order going on, so that they always meet at the nodes they share.
        """
        goals = (self.number(first), self.number(second))
        found = {(0, 0)}
        queue = [(0, 0)]
        for heads in queue:
            if heads == goals:
                return False
            for step in self._steps(heads, goals):
                if step not in found:
                    found.add(step)
                    queue.append(step)
        return True

    def _steps(self, heads: tuple[int, int], goals: tuple[int, int]) -> Iterator[tuple[int, int]]:
        """Where two ways can be next, as long as each can still reach its goal."""
        (x, y), (a, b) = heads, goals
        if x == y and x not in goals:
            for outcome in self.outcomes(x):
                for one, other in product(outcome, repeat=2):
                    if self._leads(one, a) and self._leads(other, b):
                        yield self.targets[one], self.targets[other]
            return
        error = self.error[x] if x == y else None
        if x != a and (y == b or x < y):
            yield from ((self.targets[edge], y) for edge in self._out(x) if edge != error and self._leads(edge, a))
        else:
            yield from ((x, self.targets[edge]) for edge in self._out(y) if edge != error and self._leads(edge, b))

    def _out(self, node: int) -> Iterator[int]:
        return (edge for outcome in self.outcomes(node) for edge in outcome)

    def _leads(self, edge: int, node: int) -> bool:
        target = self.targets[edge]
        return edge not in self.regions and target >= 0 and bool((self.after[target] | 1 << target) >> node & 1)


def build_flow(names: list[str], edges: list[Edge]) -> tuple[Flow | None, list[FlowIssue]]:
    """Makes the flow of a graph, or says everything that keeps it from being walked.

    A node without out-edges leads to `end`. Edges of kind `error` count as edges, but need no else.
    """
    issues: list[FlowIssue] = []
    known, whole = _resolve(names, edges, issues)
    leaving = {edge.source for edge in known if edge.kind == "normal"}
    undecided = list(_missing_else(names, known))
    issues += undecided
    if not whole:
        return None, issues
    if START not in leaving:
        fix = f"add `- start -> {names[0]}`" if names else "add `- start -> end`"
        return None, [*issues, FlowIssue("no edge leads from `start`", fix)]
    known += [Edge(name, END) for name in names if name not in leaving]
    known += [Edge(issue.node, END) for issue in undecided if issue.node is not None]
    issues += _unreached(names, known)
    reached = reachable(START, _pairs(known))
    live = [edge for edge in known if edge.source in reached]
    back = _back_edges(live)
    forward: dict[str, list[str]] = {name: [] for name in (START, *names, END)}
    for edge in live:
        if edge not in back and edge.target != DROP:
            forward[edge.source].append(edge.target)
    issues += [_two_ways_in(knot, live) for knot in cycles(forward)]
    issues += _trapped(live, back)
    if issues:
        return None, issues
    return _number(topological(forward), known, back), []


def _resolve(names: list[str], edges: list[Edge], issues: list[FlowIssue]) -> tuple[list[Edge], bool]:
    """Reports edges to and from unknown nodes, and mends them by the nearest name, so that one slip gives one issue.

    The flag says whether all could be mended.
    """
    known: list[Edge] = []
    whole = True
    for edge in edges:
        mended: Edge | None = edge
        for end, valid in (("source", [*names, START]), ("target", [*names, END, DROP])):
            name = getattr(edge, end)
            if name in valid:
                continue
            near = get_close_matches(name, valid, 1)
            fix = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(names)}"
            of = f"`on_error` of `{edge.source}`" if edge.kind == "error" else f"the edge `{edge}`"
            issues.append(FlowIssue(f"{of} names `{name}`, and there is no such node", fix, edge))
            mended = replace(mended, **{end: near[0]}) if near and mended else None
        if mended is not None:
            known.append(mended)
        whole = whole and mended is not None
    return known, whole


def _missing_else(names: list[str], edges: list[Edge]) -> Iterator[FlowIssue]:
    for name in (START, *names):
        normal = [edge for edge in edges if edge.source == name and edge.kind == "normal"]
        if normal and all(edge.when is not None for edge in normal):
            what = f"nothing says where `{name}` leads when none of its conditions holds"
            yield FlowIssue(what, f"add `- {name} -> end`", normal[-1], name)


def _unreached(names: list[str], edges: list[Edge]) -> list[FlowIssue]:
    """Nodes that no way from `start` leads to; those that only follow such a node are not named again."""
    reached = reachable(START, _pairs(edges))
    entered = {edge.target for edge in edges if edge.source != edge.target}
    issues = []
    for name in sorted(names, key=lambda name: name in entered):
        if name not in reached:
            reached |= reachable(name, _pairs(edges))
            what, fix = f"no way leads from `start` to `{name}`", f"add an edge to it, for instance `- start -> {name}`"
            issues.append(FlowIssue(what, fix, node=name))
    return issues


def _pairs(edges: list[Edge]) -> list[tuple[str, str]]:
    return [(edge.source, edge.target) for edge in edges]


def _back_edges(edges: list[Edge]) -> set[Edge]:
    """The edges whose target dominates their source: no way from `start` to the source avoids the target."""
    above = dominators(START, _pairs(edges))
    return {edge for edge in edges if edge.target in above[edge.source]}


def spoken(names: list[str]) -> str:
    """Names as one says them: `a`, `b` and `c`."""
    quoted = [f"`{name}`" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _two_ways_in(knot: list[str], edges: list[Edge]) -> FlowIssue:
    within = set(knot)
    doors = [name for name in knot if any(edge.target == name and edge.source not in within for edge in edges)]
    last = next(edge for edge in edges if edge.source == knot[-1] and edge.target == knot[0])
    way = " -> ".join([*knot, knot[0]])
    what = f"the loop `{way}` can be entered at {spoken(doors)}"
    return FlowIssue(what, "let all ways into it lead to one of its nodes first", last)


def _trapped(edges: list[Edge], back: set[Edge]) -> Iterator[FlowIssue]:
    """Loops that no condition can leave: the nodes where each way on goes back to a node that cannot finish either.

    A node can finish if one of its outcomes can: one that may come to `drop`; one that goes back to a node that can;
    one that only goes forward, to nodes that all can.
    """
    onward = _pairs([edge for edge in edges if edge not in back])
    outcomes: dict[str, list[list[Edge]]] = {}
    for edge in edges:
        if edge.when is not None or edge.kind == "error":
            outcomes.setdefault(edge.source, []).append([edge])
    for name in dict.fromkeys(edge.source for edge in edges):
        together = [e for e in edges if e.source == name and e.when is None and e.kind == "normal"]
        if together:
            outcomes.setdefault(name, []).append(together)
    dropping = {DROP, *(name for name in outcomes if DROP in reachable(name, onward))}
    can = {END, DROP}

    def finishes(outcome: list[Edge]) -> bool:
        if any(edge in back for edge in outcome):
            return any(edge.target == DROP or (edge in back and edge.target in can) for edge in outcome)
        return any(edge.target in dropping for edge in outcome) or all(edge.target in can for edge in outcome)

    growing = True
    while growing:
        fresh = {name for name, ways in outcomes.items() if name not in can and any(map(finishes, ways))}
        can |= fresh
        growing = bool(fresh)
    for name, ways in outcomes.items():
        if name not in can and all(any(edge in back for edge in way) for way in ways):
            edge = next(edge for edge in ways[-1] if edge in back)
            yield _no_exit(edge, edges, back)


def _no_exit(edge: Edge, edges: list[Edge], back: set[Edge]) -> FlowIssue:
    """Names the loop by a shortest way round."""
    came: dict[str, str] = {}
    queue = [edge.target]
    for name in queue:
        for out in edges:
            if out.source == name and out not in back and out.target not in came:
                came[out.target] = name
                queue.append(out.target)
    way = [edge.target]
    current = edge.source
    while current != edge.target:
        way.insert(0, current)
        current = came[current]
    loop = " -> ".join([edge.target, *way])
    fix = f"add a way out before it goes back, for instance `- {edge.source} -> end when EXPR`"
    return FlowIssue(f"no condition can leave the loop `{loop}`", fix, edge)


def _number(order: list[str], edges: list[Edge], back: set[Edge]) -> Flow:
    """Fills in the tables of a sound graph."""
    number = {name: place for place, name in enumerate(order)}
    number[DROP] = -1
    flow = Flow(order, edges)
    flow.sources = [number[edge.source] for edge in edges]
    flow.targets = [number[edge.target] for edge in edges]
    flow.ins = [[] for _ in order]
    flow.conditional = [[] for _ in order]
    flow.unconditional = [[] for _ in order]
    flow.error = [None] * len(order)
    flow.after = [0] * len(order)
    for place, edge in enumerate(edges):
        source, target = flow.sources[place], flow.targets[place]
        if target >= 0 and edge not in back:
            flow.ins[target].append(place)
        if edge.kind == "error":
            flow.error[source] = place
        elif edge.when is not None:
            flow.conditional[source].append(place)
        else:
            flow.unconditional[source].append(place)
    for node in reversed(range(len(order))):
        for edge_in in flow.ins[node]:
            flow.after[flow.sources[edge_in]] |= flow.after[node] | 1 << node
    for place, edge in enumerate(edges):
        if edge in back:
            flow.regions[place] = flow.after[flow.targets[place]] | 1 << flow.targets[place]
    flow.loops = _together(flow)
    return flow


def _together(flow: Flow) -> list[list[int]]:
    """Back edges in groups: the transitive closure of those that interfere."""
    groups = [[edge] for edge in flow.regions]
    for a, b in combinations(flow.regions, 2):
        if _interfere(flow, a, b):
            first, second = (next(group for group in groups if edge in group) for edge in (a, b))
            if first is not second:
                first += second
                groups.remove(second)
    return groups


def _interfere(flow: Flow, a: int, b: int) -> bool:
    """Whether two loops share a node that can run before both are left.

    Were their jumps made apart, how often that node runs would depend on which jump comes first.
    """
    after_both = flow.after[flow.sources[a]] & flow.after[flow.sources[b]]
    end = 1 << len(flow.names) - 1
    return bool(flow.regions[a] & flow.regions[b] & ~after_both & ~end)
