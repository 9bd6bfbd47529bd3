"""A layered order of a graph: which layer each box is in, and its place there. Knows no sizes.

After Sugiyama, Tagawa and Toda (1981): layers by longest path, back edges left out; edges over several layers bend in
each; places by barycentres, swept down and up, the order with the fewest crossings kept. A label has a place of its
own on its edge, in a layer between two layers of boxes, so that labels never meet.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from seedbed.graph.draw.picture import Graph

SWEEPS = 12


@dataclass(slots=True)
class Vertex:
    """Something with a place in a layer: a box, an arrow's label, or a bend of an arrow."""

    kind: Literal["box", "label", "bend"]
    number: int
    """The box's, or the arrow's."""
    layer: int
    above: list[Vertex] = field(default_factory=list)
    below: list[Vertex] = field(default_factory=list)
    place: int = 0
    """Its position in the layer, from 0."""
    x: float = 0
    """Where its line runs; `left` and `right` is the room that it takes on both sides."""
    left: float = 0
    right: float = 0
    height: float = 0


@dataclass(slots=True)
class Layered:
    """All vertices by layer, boxes by number, and for each forward arrow the vertices from its source to its target."""

    layers: list[list[Vertex]]
    boxes: list[Vertex]
    ways: dict[int, list[Vertex]]


def layered(graph: Graph) -> Layered:
    """Puts a graph's boxes, labels and bends into layers, with few crossings."""
    ranks = [0] * len(graph.boxes)
    for box in range(len(ranks)):
        for arrow in graph.arrows:
            if arrow.source == box and not arrow.back:
                ranks[arrow.target] = max(ranks[arrow.target], ranks[box] + 2)
    forward = [(number, arrow) for number, arrow in enumerate(graph.arrows) if not arrow.back]
    used = sorted({*ranks, *(ranks[arrow.source] + 1 for _, arrow in forward if arrow.label)})
    layer = {rank: place for place, rank in enumerate(used)}
    boxes = [Vertex("box", number, layer[rank]) for number, rank in enumerate(ranks)]
    layers: list[list[Vertex]] = [[] for _ in used]
    for vertex in boxes:
        layers[vertex.layer].append(vertex)
    ways = {}
    for number, arrow in forward:
        source, target = boxes[arrow.source], boxes[arrow.target]
        way = [source]
        for between in range(source.layer + 1, target.layer):
            labelled = arrow.label and used[between] == ranks[arrow.source] + 1
            way.append(Vertex("label" if labelled else "bend", number, between))
            layers[between].append(way[-1])
        way.append(target)
        for upper, lower in pairwise(way):
            upper.below.append(lower)
            lower.above.append(upper)
        ways[number] = way
    _order(layers)
    return Layered(layers, boxes, ways)


def _order(layers: list[list[Vertex]]) -> None:
    """Orders every layer: the order as declared at first, then the best that sweeping finds."""
    _number(layers)
    best, order = _all_crossings(layers), [list(layer) for layer in layers]
    for sweep in range(SWEEPS):
        if best == 0:
            break
        for layer in layers[1:] if sweep % 2 == 0 else layers[-2::-1]:
            _by_barycentre(layer, down=sweep % 2 == 0)
        _swap_neighbours(layers)
        crossings = _all_crossings(layers)
        if crossings < best:
            best, order = crossings, [list(layer) for layer in layers]
    for layer, kept in zip(layers, order, strict=True):
        layer[:] = kept
    _number(layers)


def _number(layers: list[list[Vertex]]) -> None:
    for layer in layers:
        for place, vertex in enumerate(layer):
            vertex.place = place


def _by_barycentre(layer: list[Vertex], *, down: bool) -> None:
    def centre(vertex: Vertex) -> float:
        near = vertex.above if down else vertex.below
        return sum(other.place for other in near) / len(near) if near else vertex.place

    layer.sort(key=centre)
    _number([layer])


def _swap_neighbours(layers: list[list[Vertex]]) -> None:
    """Swaps neighbours as long as that takes crossings away."""
    for layer in layers:
        for place in range(len(layer) - 1):
            one, two = layer[place], layer[place + 1]
            here = _pair(one.above, two.above) + _pair(one.below, two.below)
            swapped = _pair(two.above, one.above) + _pair(two.below, one.below)
            if swapped < here:
                layer[place], layer[place + 1] = two, one
                one.place, two.place = place + 1, place


def _pair(left: list[Vertex], right: list[Vertex]) -> int:
    """Crossings between the edges of two neighbours."""
    return sum(one.place > two.place for one in left for two in right)


def _all_crossings(layers: list[list[Vertex]]) -> int:
    return sum(map(_crossings, layers))


def _crossings(layer: list[Vertex]) -> int:
    """Crossings between a layer and the next one: the inversions among the lower ends of the edges."""
    seen: list[int] = []
    found = 0
    for vertex in layer:
        ends = sorted(other.place for other in vertex.below)
        found += sum(len(seen) - bisect_right(seen, end) for end in ends)
        for end in ends:
            insort(seen, end)
    return found
