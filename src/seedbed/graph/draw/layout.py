"""Where everything stands from left to right: boxes above each other where they can be, loops in lanes at the sides.

Works in any unit: columns of a terminal, points of a picture. Heights are the business of who draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import floor
from typing import Literal, NamedTuple

from seedbed.graph.draw.layers import Layered, Vertex
from seedbed.graph.draw.picture import Arrow, Box, Graph

SWEEPS = 8

Side = Literal["left", "right"]


class Size(NamedTuple):
    """The room around a line: to its left, to its right, and downwards."""

    left: float
    right: float
    height: float


@dataclass(slots=True)
class Lane:
    """The way of a back arrow: out of its source, up a lane beside the boxes, into its target."""

    arrow: int
    side: Side
    source: Vertex
    target: Vertex
    label: Size
    """The room that the label takes on the outer side of the lane's line."""
    leaves_free: bool
    """Whether nothing stands between the source and the lane."""
    enters_free: bool
    """Whether nothing stands between the lane and the target."""
    x: float = 0

    @property
    def layers(self) -> range:
        """The layers that it passes."""
        return range(self.target.layer, self.source.layer + 1)


@dataclass(slots=True)
class Layout:
    """A graph with its places from left to right, starting at 0."""

    graph: Graph
    layers: list[list[Vertex]]
    boxes: list[Vertex]
    ways: dict[int, list[Vertex]]
    lanes: list[Lane]
    width: float


class Ends(NamedTuple):
    """What a box must have room for."""

    into: int
    """Arrows into its top."""
    loops: int
    """Ends of loops at its sides."""
    inside: float
    """The height of a label of a loop on itself that stands between ends of other loops."""


@dataclass(frozen=True, slots=True)
class Measures:
    """How large things are."""

    box: Callable[[Box, Ends], Size]
    """A box, with what comes in and goes out."""
    label: Callable[[Arrow], Size]
    """A label to the right of its line; that of a lane on the left stands to the left of it."""
    gap: float
    """Between neighbours."""
    whole: bool = False
    """Whether places are whole numbers."""


def arrange(graph: Graph, order: Layered, measures: Measures) -> Layout:
    """The layout of a graph whose boxes are in order. Sets the places of the vertices in `order`."""
    vertices = [vertex for layer in order.layers for vertex in layer]
    for vertex in vertices:
        if vertex.kind == "box":
            size = measures.box(graph.boxes[vertex.number], _ends(graph, vertex.number, measures))
        elif vertex.kind == "label":
            size = measures.label(graph.arrows[vertex.number])
        else:
            size = Size(0, 1 if measures.whole else 0, 0)
        vertex.left, vertex.right, vertex.height = size
    _place(order.layers, measures.gap)
    if measures.whole:
        for vertex in vertices:
            vertex.x = float(floor(vertex.x + 0.5))
    lanes = _lanes(graph, order, measures)
    low = min([v.x - v.left for v in vertices] + [lane.x - lane.label.left for lane in lanes])
    for vertex in vertices:
        vertex.x -= low
    for lane in lanes:
        lane.x -= low
    high = max([v.x + v.right for v in vertices] + [lane.x + lane.label.right for lane in lanes])
    return Layout(graph, order.layers, order.boxes, order.ways, lanes, high)


def _ends(graph: Graph, box: int, measures: Measures) -> Ends:
    backs = [arrow for arrow in graph.arrows if arrow.back]
    loops = sum((arrow.source == box) + (arrow.target == box) for arrow in backs)
    own = [measures.label(arrow).height for arrow in backs if arrow.source == arrow.target == box]
    into = sum(arrow.target == box for arrow in graph.arrows)
    return Ends(into, loops, max(own) if own and loops > 2 else 0)


def _place(layers: list[list[Vertex]], gap: float) -> None:
    """Draws every vertex to the middle of its neighbours, straight lines first, and keeps all apart."""
    for layer in layers:
        _settle(layer, [0.0] * len(layer), gap)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for layer in layers[1:] if down else layers[-2::-1]:
            _settle(layer, [_middle(v, v.above if down else v.below) for v in layer], gap)
    for layer in layers:
        _settle(layer, [_middle(v, v.above + v.below) for v in layer], gap)
    for layer in layers[1:]:
        wishes = [v.above[0].x if len(v.above) == 1 and len(v.above[0].below) == 1 else v.x for v in layer]
        _settle(layer, wishes, gap)
    for layer in reversed(layers):
        _settle(layer, [v.x if v.kind == "box" else v.below[0].x for v in layer], gap)


def _middle(vertex: Vertex, near: list[Vertex]) -> float:
    return sum(other.x for other in near) / len(near) if near else vertex.x


def _settle(layer: list[Vertex], wishes: list[float], gap: float) -> None:
    """The places nearest to the wishes (least squares) that keep neighbours apart, by pooling adjacent violators.

    Bends count more than boxes, so that long arrows stay straight.
    """
    blocks: list[tuple[float, float, int]] = []
    offsets = [0.0]
    for left, right in pairwise(layer):
        offsets.append(offsets[-1] + left.right + gap + right.left)
    for vertex, wish, offset in zip(layer, wishes, offsets, strict=True):
        weight = 4.0 if vertex.kind == "bend" else 1.0
        block = (wish - offset, weight, 1)
        while blocks and blocks[-1][0] > block[0]:
            mean, others, count = blocks.pop()
            total = others + block[1]
            block = ((mean * others + block[0] * block[1]) / total, total, count + block[2])
        blocks.append(block)
    places = [mean for mean, _, count in blocks for _ in range(count)]
    for vertex, place, offset in zip(layer, places, offsets, strict=True):
        vertex.x = place + offset


def _lanes(graph: Graph, order: Layered, measures: Measures) -> list[Lane]:
    """A lane for each back arrow, on the side where less is in its way; short ones nearer to the boxes."""
    lanes: list[Lane] = []
    backs = [(number, arrow) for number, arrow in enumerate(graph.arrows) if arrow.back]
    spans = {n: order.boxes[arrow.source].layer - order.boxes[arrow.target].layer for n, arrow in backs}
    for number, arrow in sorted(backs, key=lambda back: spans[back[0]]):
        source, target = order.boxes[arrow.source], order.boxes[arrow.target]
        between = {side: [_beyond(v, order.layers[v.layer], side) for v in (source, target)] for side in _SIDES}
        side: Side = "left" if sum(between["left"]) < sum(between["right"]) else "right"
        leaves, enters = between[side]
        size = measures.label(arrow)
        room = size if side == "right" else Size(size.right, size.left, size.height)
        lane = Lane(number, side, source, target, room, not leaves, not enters)
        lane.x = _lane_place(lane, lanes, order.layers, measures.gap)
        lanes.append(lane)
    return lanes


_SIDES: tuple[Side, Side] = ("right", "left")


def _beyond(vertex: Vertex, layer: list[Vertex], side: Side) -> int:
    """How many vertices stand between one and the margin."""
    return len(layer) - 1 - vertex.place if side == "right" else vertex.place


def _lane_place(lane: Lane, lanes: list[Lane], layers: list[list[Vertex]], gap: float) -> float:
    """Beside all that stands in the layers it passes, and the lanes there."""
    passed = [vertex for layer in lane.layers for vertex in layers[layer]]
    others = [other for other in lanes if other.side == lane.side and set(other.layers) & set(lane.layers)]
    if lane.side == "right":
        edge = max([v.x + v.right for v in passed] + [other.x + other.label.right for other in others])
        return edge + gap + lane.label.left
    edge = min([v.x - v.left for v in passed] + [other.x - other.label.left for other in others])
    return edge - gap - lane.label.right
