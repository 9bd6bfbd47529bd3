"""What is drawn of a pipeline: cards for its parts, boxes and arrows for its graphs. Knows no place and no size."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Literal

from seedbed.graph.contracts import Node, Step
from seedbed.graph.draw.words import counted, node_words, one_line, settings, sink_words, source_words
from seedbed.graph.flow import DROP, END, START, Edge
from seedbed.graph.plan import GraphPlan, HoldsGraph
from seedbed.graph.spec import Pipeline

Place = tuple[str, ...]
"""A part of a pipeline: ("source",), (step,), (step, node), ("output",) or ("sink",)."""


@dataclass(frozen=True, slots=True)
class Box:
    """A node of a graph, or one of its ends."""

    name: str
    kind: Literal["node", "start", "end", "drop"] = "node"
    type: str = ""
    """The node's type, empty for ends."""
    writes: str = ""
    """The field it writes, where that is not its name."""
    lines: tuple[str, ...] = ()
    """What to say about it: first its type and models."""

    @property
    def title(self) -> str:
        """Its name, and what it writes if that is called otherwise."""
        return f"{self.name} → {self.writes}" if self.writes else self.name


@dataclass(frozen=True, slots=True)
class Arrow:
    """A way between two boxes, given by their numbers."""

    source: int
    target: int
    label: str = ""
    """When it is taken, in one or two lines; empty for always."""
    kind: Literal["normal", "error"] = "normal"
    back: bool = False
    """Whether it closes a loop."""


@dataclass(slots=True)
class Graph:
    """The boxes of a graph step in topological order, and their arrows."""

    boxes: list[Box]
    arrows: list[Arrow]


@dataclass(slots=True)
class Card:
    """A part of the pipeline: source, step, output or sink."""

    place: Place
    kind: Literal["source", "step", "output", "sink"]
    title: str
    type: str = ""
    lines: list[str] = field(default_factory=list)
    whole: bool = False
    """Whether it needs all rows before it lets the first one go."""
    graph: Graph | None = None


@dataclass(slots=True)
class Picture:
    """A whole pipeline, from source to sink."""

    name: str
    facts: list[tuple[str, str]]
    """Settings of the pipeline as a whole, name and value."""
    cards: list[Card]


def picture(pipeline: Pipeline) -> Picture:
    """What is to be drawn of a pipeline."""
    secrets = pipeline.secrets
    cards = [Card(("source",), "source", "source", lines=[source_words(source) for source in pipeline.sources])]
    cards += [_step(step, secrets) for step in pipeline.steps]
    if pipeline.output is not None or pipeline.schema is not None:
        lines = [", ".join(pipeline.output)] if pipeline.output else []
        if pipeline.schema is not None:
            lines.append("checked against the schema")
        cards.append(Card(("output",), "output", "output", lines=lines))
    sinks = [sink_words(sink) for sink in pipeline.sinks] or ["none: records stay in the run"]
    cards.append(Card(("sink",), "sink", "sink", lines=sinks))
    for card in cards:
        card.lines = [one_line(line, secrets) for line in card.lines]
    facts = [(name, one_line(value, secrets)) for name, value in _facts(pipeline)]
    return Picture(one_line(pipeline.name), facts, cards)


def _facts(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    yield "file", pipeline.file
    if pipeline.seed:
        yield "seed", str(pipeline.seed)
    for name, value in pipeline.params.items():
        yield f"params.{name}", str(value)
    for name, model in pipeline.models.items():
        known = "/".join(part for part in (model.provider, model.model) if part)
        yield f"models.{name}", known
    if pipeline.target is not None:
        most = pipeline.target.max_candidates
        drawn = f" from at most {counted(most, 'candidate')}" if most else ""
        yield "target", counted(pipeline.target.accepted, "record") + drawn
    if pipeline.budget is not None:
        limits = pipeline.budget.model_dump(exclude_none=True)
        yield "budget", ", ".join(f"{value:,} {'USD' if unit == 'usd' else unit}" for unit, value in limits.items())


def _step(step: Step, secrets: Collection[str]) -> Card:
    graph = _graph(step.plan, secrets) if isinstance(step, HoldsGraph) else None
    models = [name for name, _ in step.models()] if graph is None else []
    lines = [*settings(step), *(f"model: {name}" for name in dict.fromkeys(models))]
    return Card((step.name,), "step", step.name, step.type, lines, step.whole, graph)


def _graph(plan: GraphPlan, secrets: Collection[str]) -> Graph:
    edges = plan.flow.edges if plan.flow is not None else plan.edges
    order = plan.flow.names if plan.flow is not None else _walked(list(plan.nodes), edges)
    boxes = [Box(START, "start"), *(_box(plan.nodes[name], secrets) for name in order if name in plan.nodes)]
    if any(edge.target == END for edge in edges):
        boxes.append(Box(END, "end"))
    number = {box.name: place for place, box in enumerate(boxes)}
    drops: dict[int, int] = {}
    arrows = []
    for edge in edges:
        source = number.get(edge.source)
        if source is None or (edge.target != DROP and edge.target not in number):
            continue
        if edge.target == DROP and source not in drops:
            drops[source] = len(boxes)
            boxes.append(Box(DROP, "drop"))
        target = drops[source] if edge.target == DROP else number[edge.target]
        label = one_line(_label(edge, edges), secrets)
        if target <= source:
            label = f"{label}\nat most {counted(plan.nodes[edge.target].max_visits, 'visit')}".strip()
        arrows.append(Arrow(source, target, label, edge.kind, target <= source))
    return Graph(boxes, arrows)


def _box(node: Node, secrets: Collection[str]) -> Box:
    writes = node.writes()[0]
    lines = tuple(one_line(line, secrets) for line in node_words(node))
    return Box(node.name, "node", node.type, "" if writes == node.name else writes, lines)


def _walked(names: list[str], edges: list[Edge]) -> list[str]:
    """An order for a graph that was not made sure of: an edge that leads back in it closes a loop.

    It is the reverse postorder of a search in depth.
    """
    ended: list[str] = []
    met: set[str] = set()
    stack = [(name, False) for name in (*names, START)]
    while stack:
        name, done = stack.pop()
        if done:
            ended.append(name)
        elif name not in met:
            met.add(name)
            stack.append((name, True))
            stack += [(edge.target, False) for edge in edges if edge.source == name and edge.target in names]
    return ended[::-1]


def _label(edge: Edge, edges: list[Edge]) -> str:
    """When an edge is taken. Several conditions of one node are numbered: the first that holds is followed."""
    if edge.kind == "error":
        return "on error"
    siblings = [other for other in edges if other.source == edge.source and other.kind == "normal"]
    tried = [other for other in siblings if other.when is not None]
    if edge.when is None:
        return "else" if tried else ""
    return f"{tried.index(edge) + 1}. {edge.when}" if len(tried) > 1 else edge.when
