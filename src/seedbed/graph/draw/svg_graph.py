"""A graph as SVG elements: nodes coloured by type, curved arrows, loops in lanes at the sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

from seedbed.graph.draw.layers import Vertex, layered
from seedbed.graph.draw.layout import Ends, Lane, Layout, Measures, Size, arrange
from seedbed.graph.draw.picture import Arrow, Box, Graph
from seedbed.graph.draw.svg_text import css_name, number, text, width_of
from seedbed.graph.draw.words import balanced, cut

Point = tuple[float, float]

BOX, LABEL = 230, 30
"""The widest box, in points, and the longest line of a label, in characters."""
GAP, ROW, HEAD = 26, 16, 7
BETWEEN, LABELLED = 38, 24
"""Points between two layers of boxes, and between a box and a label."""
LOOP_GAP = 12
CORNER = 12


class GraphSvg:
    """A graph with its places in a picture. `notes` are short texts by node, such as counts."""

    def __init__(self, graph: Graph, notes: Mapping[str, str], scope: str) -> None:
        self.graph = graph
        self.notes = notes
        self.scope = scope
        self.layout: Layout = arrange(graph, layered(graph), Measures(self._size, _label_size, GAP))
        self.tops: list[float] = []
        self.heights = [max(vertex.height for vertex in layer) for layer in self.layout.layers]
        y = 0.0
        for place, layer in enumerate(self.layout.layers):
            self.tops.append(y)
            y += self.heights[place]
            if place + 1 < len(self.layout.layers):
                below = self.layout.layers[place + 1]
                labelled = any(vertex.kind == "label" for vertex in (*layer, *below))
                y += (LABELLED if labelled else BETWEEN) + self._detour(place + 1)
        self.width = self.layout.width
        self.height = y + (LOOP_GAP if any(not lane.leaves_free for lane in self.layout.lanes) else 0)

    def elements(self, x: float, y: float) -> list[str]:
        """The drawing with its upper left corner at a point."""
        parts = [f'<g transform="translate({number(x)} {number(y)})">']
        parts += [self._way(arrow, way) for arrow, way in self.layout.ways.items()]
        for lane in self.layout.lanes:
            parts += self._lane(lane)
        for layer in self.layout.layers:
            for vertex in layer:
                if vertex.kind == "label":
                    parts += self._label(vertex)
                elif vertex.kind == "box":
                    parts += self._box(self.graph.boxes[vertex.number], vertex)
        return [*parts, "</g>"]

    def _detour(self, layer: int) -> float:
        """Further room above a layer for loops that come in from above, or leave the layer before downwards."""
        lanes = self.layout.lanes
        into = any(lane.target.layer == layer and not lane.enters_free for lane in lanes)
        out = any(lane.source.layer == layer - 1 and not lane.leaves_free for lane in lanes)
        return LOOP_GAP * (into + out)

    def _size(self, box: Box, ends: Ends) -> Size:
        if box.kind != "node":
            half = width_of(box.name, 12) / 2 + 16
            return Size(half, half, 28)
        lines = [(box.title, 14.0, False), *((line, 12.0, False) for line in box.lines[:1])]
        lines += [(line, 11.5, True) for line in box.lines[1:]] + [(self._note(box), 11.5, False)] * bool(
            self._note(box)
        )
        named = width_of(box.title, 14)
        wide = max(width_of(line, size, mono=mono) for line, size, mono in lines)
        half = max(min(wide, max(BOX - 28, named)) / 2 + 14, 12 * ends.into, 60)
        sides = 22 + ROW * ends.loops
        return Size(half, half, max(20 + 18 * len(lines), sides, sides - 2 * ROW + ends.inside))

    def _note(self, box: Box) -> str:
        return self.notes.get(box.name, "")

    def _box(self, box: Box, vertex: Vertex) -> list[str]:
        x, y = vertex.x - vertex.left, self.tops[vertex.layer]
        type_ = box.type or box.kind.replace("start", "end")
        style, width = css_name(type_), vertex.left + vertex.right
        radius = 9 if box.kind == "node" else 14
        rect = (f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(vertex.height)}" '
                f'rx="{radius}" class="{style}"/>')  # fmt: skip
        if box.kind != "node":
            return [rect, text(vertex.x, y + 18.5, box.name, f"about mid {style}-text")]
        parts = [rect, text(x + 14, y + 24, box.title, f"name {style}-text")]
        line = y + 42
        for row, words in enumerate(box.lines):
            mono = row > 0
            shown = cut(words, int((width - 24) / width_of("x", 11.5 if mono else 12, mono=mono)))
            parts.append(text(x + 14, line, shown, "mono" if mono else "about"))
            line += 18
        if note := self._note(box):
            parts.append(text(x + 14, line, note, "note"))
        return parts

    def _label(self, vertex: Vertex) -> list[str]:
        lines = _label_lines(self.graph.arrows[vertex.number])
        return self._words(lines, vertex.x, self.tops[vertex.layer], "mid", "label")

    def _words(self, lines: list[str], x: float, top: float, anchor: str, style: str) -> list[str]:
        """Label lines on a piece of the panel's colour, so that lines below them do not disturb."""
        width = max(width_of(line, 11.5, mono=True) for line in lines) + 8
        left = {"mid": x - width / 2, "end": x - width + 4}.get(anchor, x - 4)
        parts = [f'<rect x="{number(left)}" y="{number(top)}" width="{number(width)}" '
                 f'height="{15 * len(lines) + 3}" rx="4" class="under"/>']  # fmt: skip
        return parts + [
            text(x, top + 13 + 15 * row, line, f"{style} {anchor}".strip()) for row, line in enumerate(lines)
        ]

    def _entry(self, vertex: Vertex, rank: Callable[[list[float]], int], others: list[float]) -> float:
        """Where the line of one rank among `others` (by where they come from) enters the top of a box."""
        step = min(18.0, (vertex.left + vertex.right - 24) / max(len(others), 1))
        return vertex.x + (rank(others) - (len(others) - 1) / 2) * step

    def _way(self, arrow: int, way: list[Vertex]) -> str:
        """A forward arrow: a smooth line through its bends and its label."""
        last, target = way[-2], way[-1]
        others = sorted([vertex.x for vertex in target.above] + self._from_lanes(target))
        end = self._entry(target, lambda xs: xs.index(last.x), others)
        points: list[Point] = [(way[0].x, self.tops[way[0].layer] + way[0].height)]
        for vertex in way[1:-1]:
            top = self.tops[vertex.layer]
            points += [(vertex.x, top), (vertex.x, top + self.heights[vertex.layer])]
        points.append((end, self.tops[target.layer] - HEAD))
        return self._arrow(_curve(points), "error" if self.graph.arrows[arrow].kind == "error" else "line")

    def _from_lanes(self, target: Vertex) -> list[float]:
        return [lane.x for lane in self.layout.lanes if lane.target is target and not lane.enters_free]

    def _arrow(self, path: str, kind: str) -> str:
        return f'<path d="{path}" class="{kind}" marker-end="url(#{self.scope}-{kind})"/>'

    def _lane(self, lane: Lane) -> list[str]:
        sign = 1 if lane.side == "right" else -1
        top, bottom = self.tops[lane.target.layer], self.tops[lane.source.layer]
        if lane.leaves_free:
            out = bottom + lane.source.height - self._side(lane, "out")
            points = [(lane.source.x + sign * lane.source.right, out), (lane.x, out)]
        else:
            out = bottom + self.heights[lane.source.layer] + LOOP_GAP
            points = [(lane.source.x, bottom + lane.source.height), (lane.source.x, out), (lane.x, out)]
        if lane.enters_free:
            into = top + self._side(lane, "in")
            points += [(lane.x, into), (lane.target.x + sign * (lane.target.right + HEAD), into)]
        else:
            into = top - LOOP_GAP - HEAD - 4
            others = sorted([vertex.x for vertex in lane.target.above] + self._from_lanes(lane.target))
            end = self._entry(lane.target, lambda xs: xs.index(lane.x), others)
            points += [(lane.x, into), (end, into), (end, top - HEAD)]
        lines = _label_lines(self.graph.arrows[lane.arrow])
        middle = (into + out) / 2 - (15 * len(lines) + 3) / 2
        words = self._words(lines, lane.x + sign * 9, middle, "" if sign > 0 else "end", "label back")
        return [self._arrow(_cornered(points), "loop"), *words]

    def _side(self, lane: Lane, way: str) -> float:
        """How far from the box's top a lane comes in, or from its bottom it goes out: outermost nearest to the edge."""
        box = lane.target if way == "in" else lane.source
        free = [
            other for other in self.layout.lanes
            if other.side == lane.side and (other.target if way == "in" else other.source) is box
            and (other.enters_free if way == "in" else other.leaves_free)
        ]  # fmt: skip
        outer = sorted(free, key=lambda other: -abs(other.x - box.x))
        return 14 + ROW * outer.index(lane)


def _label_lines(arrow: Arrow) -> list[str]:
    return balanced(arrow.label, LABEL)


def _label_size(arrow: Arrow) -> Size:
    lines = _label_lines(arrow)
    width = max(width_of(line, 11.5, mono=True) for line in lines)
    if arrow.back:
        return Size(0, width + 13, 15 * len(lines) + 3)
    return Size(width / 2 + 4, width / 2 + 4, 15 * len(lines) + 3)


def _curve(points: list[Point]) -> str:
    """A line that is upright at every point."""
    path = f"M{number(points[0][0])} {number(points[0][1])}"
    for (x1, y1), (x2, y2) in pairwise(points):
        if x1 == x2:
            path += f"V{number(y2)}"
        else:
            half = (y1 + y2) / 2
            path += f"C{number(x1)} {number(half)} {number(x2)} {number(half)} {number(x2)} {number(y2)}"
    return path


def _cornered(points: list[Point]) -> str:
    """A line of straight pieces with rounded corners."""
    path = f"M{number(points[0][0])} {number(points[0][1])}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        reach = min(CORNER, _distance(before, corner) / 2, _distance(corner, after) / 2)
        near, far = _towards(corner, before, reach), _towards(corner, after, reach)
        path += f"L{number(near[0])} {number(near[1])}"
        path += f"Q{number(corner[0])} {number(corner[1])} {number(far[0])} {number(far[1])}"
    return path + f"L{number(points[-1][0])} {number(points[-1][1])}"


def _distance(one: Point, other: Point) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _towards(start: Point, goal: Point, by: float) -> Point:
    length = _distance(start, goal) or 1.0
    return start[0] + (goal[0] - start[0]) * by / length, start[1] + (goal[1] - start[1]) * by / length
