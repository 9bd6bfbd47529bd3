"""A graph drawn in characters from top to bottom: boxes, forks and joins between them, loops up the sides."""

from __future__ import annotations

from dataclasses import dataclass

from seedbed.graph.draw.canvas import DOWN, LEFT, RIGHT, UP, Canvas, Line
from seedbed.graph.draw.channels import Channel, channel
from seedbed.graph.draw.layers import Layered, Vertex, layered
from seedbed.graph.draw.layout import Ends, Lane, Layout, Measures, Size, arrange
from seedbed.graph.draw.picture import Arrow, Box, Graph
from seedbed.graph.draw.words import balanced, cells, cut

GAP = 3


@dataclass(frozen=True, slots=True)
class _Room:
    """How many columns a box may take, and a label."""

    box: int
    label: int

    @property
    def roominess(self) -> tuple[int, int]:
        """Of two rooms of one sum, the one with the longer labels comes first."""
        return self.box + self.label, self.label

    def size(self, box: Box, ends: Ends) -> Size:
        texts = self.texts(box)
        width = max(max(map(cells, texts)) + 4, 2 * ends.into + 3)
        rows = max(len(texts), ends.loops, ends.loops - 2 + int(ends.inside))
        height = 1 if box.kind != "node" else 2 + rows
        return Size(width // 2, width - width // 2, height)

    def texts(self, box: Box) -> list[str]:
        """What stands in a box. A name is never cut."""
        return [box.title, *(cut(line, max(self.box - 4, cells(box.title))) for line in box.lines)]

    def label_size(self, arrow: Arrow) -> Size:
        lines = balanced(arrow.label, self.label)
        return Size(0, 2 + max(map(cells, lines)), len(lines))


TRIES = sorted(
    (_Room(box, label) for box in (38, 32, 28, 24, 20) for label in (34, 28, 22, 18, 14)),
    key=lambda room: room.roominess,
    reverse=True,
)
"""From roomy to narrow; the first that fits is drawn."""

MANY = 60
"""Boxes from which on not every room is tried, for that would take seconds."""


def flowchart(graph: Graph, width: int) -> list[Line] | None:
    """The drawing in at most `width` columns; None where it has no room, or a line could not be told from another."""
    order = layered(graph)
    if _arranged(graph, order, TRIES[-1]).width > width:
        return None
    for room in TRIES if len(graph.boxes) < MANY else TRIES[::8]:
        layout = _arranged(graph, order, room)
        if layout.width <= width and (drawing := _Drawing(layout, room)).draw():
            return drawing.canvas.lines()
    return None


def _arranged(graph: Graph, order: Layered, room: _Room) -> Layout:
    return arrange(graph, order, Measures(room.size, room.label_size, GAP, whole=True))


class _Drawing:
    def __init__(self, layout: Layout, room: _Room) -> None:
        self.layout = layout
        self.room = room
        self.canvas = Canvas()
        self.rows = self._side_rows()
        self.tops: list[int] = []
        self.channels: list[Channel] = []
        y = 0
        for place in range(len(layout.layers)):
            self.tops.append(y)
            y += self._height(place)
            made = self._channel(place)
            self.channels.append(made)
            y += made.rows + self._heads(place + 1)

    def draw(self) -> bool:
        """Draws everything, texts last. Says whether every line can be followed."""
        for place, layer in enumerate(self.layout.layers):
            for vertex in layer:
                self._vertex(vertex)
            self._turns(place)
        for lane in self.layout.lanes:
            self._lane(lane)
        return all(self._lane_label(lane) for lane in self.layout.lanes) and self.canvas.distinct()

    def _height(self, layer: int) -> int:
        return int(max(vertex.height for vertex in self.layout.layers[layer]))

    def _heads(self, layer: int) -> int:
        """The row for arrow heads above a layer."""
        layers = self.layout.layers
        return int(layer < len(layers) and any(vertex.kind == "box" for vertex in layers[layer]))

    def _channel(self, place: int) -> Channel:
        layers, lanes = self.layout.layers, self.layout.lanes
        lower = layers[place + 1] if place + 1 < len(layers) else []
        leaving = [lane for lane in lanes if lane.source.layer == place and not lane.leaves_free]
        entering = [lane for lane in lanes if lane.target.layer == place + 1 and not lane.enters_free]
        return channel(layers[place], lower, leaving, entering)

    def _side_rows(self) -> dict[tuple[int, str], int]:
        """For each lane that touches a box's side, by its arrow and `in` or `out`, the row counted from the box's top.

        Into a box the outermost lane comes highest, out of it lowest, so that lanes of one box do not cross.
        """
        rows: dict[tuple[int, str], int] = {}
        for side in ("left", "right"):
            lanes = sorted((lane for lane in self.layout.lanes if lane.side == side), key=lambda lane: abs(lane.x))
            outer = lanes if side == "left" else lanes[::-1]
            for box in self.layout.boxes:
                into = [lane for lane in outer if lane.target is box and lane.enters_free]
                out = [lane for lane in outer if lane.source is box and lane.leaves_free]
                rows |= {(lane.arrow, "in"): 1 + row for row, lane in enumerate(into)}
                rows |= {(lane.arrow, "out"): int(box.height) - 2 - row for row, lane in enumerate(out)}
        return rows

    def _vertex(self, vertex: Vertex) -> None:
        canvas, x, y = self.canvas, int(vertex.x), self.tops[vertex.layer]
        bottom = y + self._height(vertex.layer) - 1
        if vertex.kind == "box":
            self._box(self.layout.graph.boxes[vertex.number], vertex, y)
            exits = self.channels[vertex.layer].exits
            if vertex.place in exits:
                canvas.down(exits[vertex.place], y + int(vertex.height), bottom, vertex.place)
            return
        canvas.down(x, y, bottom, vertex.place)
        if vertex.kind == "label":
            for row, text in enumerate(balanced(self.layout.graph.arrows[vertex.number].label, self.room.label)):
                canvas.write(x + 2, y + row, text, "label")

    def _box(self, box: Box, vertex: Vertex, y: int) -> None:
        left, width = int(vertex.x - vertex.left), int(vertex.left + vertex.right)
        if box.kind != "node":
            self.canvas.write(left, y, f"({box.name.center(width - 2)})", "drop" if box.kind == "drop" else "end")
            return
        style = f"type {box.type}"
        inside = self.room.texts(box)
        inside += [""] * (int(vertex.height) - 2 - len(inside))
        self.canvas.write(left, y, "┌" + "─" * (width - 2) + "┐", style)
        for row, text in enumerate(inside, 1):
            self.canvas.write(left, y + row, "│", style)
            self.canvas.write(left + 1, y + row, " " * (width - 2))
            self.canvas.write(left + 2, y + row, text, "name" if row == 1 else "about")
            self.canvas.write(left + width - 1, y + row, "│", style)
        self.canvas.write(left, y + int(vertex.height) - 1, "└" + "─" * (width - 2) + "┘", style)
        column = self.channels[vertex.layer].exits.get(vertex.place)
        if column is not None:
            self.canvas.write(column, y + int(vertex.height) - 1, "┬", style)

    def _turns(self, place: int) -> None:
        """The lines of a channel, and the arrow heads below it."""
        canvas, made = self.canvas, self.channels[place]
        top = self.tops[place] + self._height(place)
        end = top + made.rows + self._heads(place + 1) - 1
        for net in made.nets:
            if net.loop:
                canvas.loop(net.number + 1000 * place)
            number = net.number + 1000 * place
            if net.straight:
                canvas.down(net.above[0], top, end, number)
                continue
            turn = top + net.row
            for column in net.above:
                canvas.down(column, top, turn - 1, number)
                canvas.turn(column, turn, UP, number)
            for column in net.below:
                canvas.turn(column, turn, DOWN, number)
                canvas.down(column, turn + 1, end, number)
            canvas.across(turn, *net.span, number)
        for (_, place_below), column in made.entries.items():
            if self.layout.layers[place + 1][place_below].kind == "box":
                canvas.write(column, end, "▼", "line")
        for column in made.lane_entries.values():
            canvas.write(column, end, "▼", "loop")

    def _lane(self, lane: Lane) -> None:
        canvas, x, net = self.canvas, int(lane.x), -1 - lane.arrow
        canvas.loop(net)
        top, bottom = self._ends(lane)
        right = lane.side == "right"
        if lane.enters_free:
            head = int(lane.target.x + lane.target.right if right else lane.target.x - lane.target.left - 1)
            canvas.across(top, head, x, net)
            canvas.turn(x, top, DOWN, net)
            canvas.write(head, top, "◄" if right else "►", "loop")
            top += 1
        if lane.leaves_free:
            edge = int(lane.source.x + lane.source.right if right else lane.source.x - lane.source.left - 1)
            canvas.across(bottom, edge, x, net)
            canvas.turn(edge, bottom, LEFT if right else RIGHT, net)
            canvas.turn(x, bottom, UP, net)
            canvas.write(edge - 1 if right else edge + 1, bottom, "├" if right else "┤",
                         f"type {self.layout.graph.boxes[lane.source.number].type}")  # fmt: skip
            bottom -= 1
        canvas.down(x, top, bottom, net)

    def _ends(self, lane: Lane) -> tuple[int, int]:
        """The first and the last row of a lane's own line."""
        top, bottom = self.tops[lane.target.layer], self.tops[lane.source.layer]
        top += self.rows[lane.arrow, "in"] if lane.enters_free else 0
        bottom += self.rows[lane.arrow, "out"] if lane.leaves_free else self._height(lane.source.layer) - 1
        return top, bottom

    def _lane_label(self, lane: Lane) -> bool:
        """The label beside the lane, as near to its middle as there is room. Says whether there is any."""
        texts = balanced(self.layout.graph.arrows[lane.arrow].label, self.room.label)
        top, bottom = self._ends(lane)
        width = max(map(cells, texts))
        x = int(lane.x) + 2 if lane.side == "right" else int(lane.x) - 1 - width
        middle = (top + bottom + 1 - len(texts)) // 2
        tries = sorted(range(max(top - len(texts), 0), bottom + 1), key=lambda y: abs(y - middle))
        free = (y for y in tries if all(self.canvas.free(x - 1, y + row, width + 2) for row in range(len(texts))))
        start = next(free, None)
        for row, text in enumerate(texts if start is not None else ()):
            self.canvas.write(x, (start or 0) + row, text, "label")
        return start is not None
