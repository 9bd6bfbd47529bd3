"""The rows between two layers of a drawing in characters: which line turns in which row, and where lines enter boxes.

A net is all the lines that leave one vertex downwards. Lines of one net share their way; those of two nets never share
a cell lengthwise, they only cross.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from seedbed.graph.draw.layers import Vertex
from seedbed.graph.draw.layout import Lane


@dataclass(slots=True)
class Net:
    """One vertex's lines through a channel, or the last piece of a lane."""

    number: int
    above: list[int]
    """Columns in which it comes from above."""
    below: list[int]
    """Columns in which it goes on downwards."""
    loop: bool = False
    row: int = 0
    """The row of the channel in which it turns."""

    @property
    def straight(self) -> bool:
        """Whether it needs no row to turn in."""
        return self.above == self.below and len(self.above) == 1

    @property
    def span(self) -> tuple[int, int]:
        """The columns between which it turns."""
        columns = self.above + self.below
        return min(columns), max(columns)


@dataclass(slots=True)
class Channel:
    """The rows below one layer."""

    nets: list[Net] = field(default_factory=list)
    rows: int = 0
    """Rows in which lines turn."""
    exits: dict[int, int] = field(default_factory=dict)
    """For each vertex of the layer above, by its place, the column at which its lines leave it."""
    entries: dict[tuple[int, int], int] = field(default_factory=dict)
    """For each line, by the places of its ends, the column at which it enters the vertex below."""
    lane_entries: dict[int, int] = field(default_factory=dict)
    """For each lane that ends here, by its arrow, the column at which it enters its target."""


def channel(upper: list[Vertex], lower: list[Vertex], leaving: list[Lane], entering: list[Lane]) -> Channel:
    """The channel between two layers. `leaving` lanes start in it, coming out of the upper layer's boxes from below;
    `entering` ones end in it, going into the lower layer's boxes from above."""
    made = Channel()
    for vertex in upper:
        if vertex.below or any(lane.source is vertex for lane in leaving):
            made.exits[vertex.place] = _exit(vertex)
    taken = [*made.exits.values(), *(int(lane.x) for lane in leaving)]
    for vertex in lower:
        _enter(vertex, entering, taken, made)
    for vertex in upper:
        if vertex.place not in made.exits:
            continue
        net = Net(vertex.place, [made.exits[vertex.place]], [])
        net.below = [made.entries[vertex.place, target.place] for target in vertex.below]
        net.above += [int(lane.x) for lane in leaving if lane.source is vertex]
        net.loop = not net.below
        made.nets.append(net)
    for lane in entering:
        number = len(upper) + lane.arrow
        made.nets.append(Net(number, [], [int(lane.x), made.lane_entries[lane.arrow]], True))
    made.rows = _rows(made.nets)
    return made


def _exit(vertex: Vertex) -> int:
    """Where lines leave a vertex: straight above a single target, if that is below it; else in the middle."""
    x = int(vertex.x)
    if vertex.kind != "box" or len(vertex.below) != 1:
        return x
    target = vertex.below[0]
    low, high = x - int(vertex.left) + 1, x + int(vertex.right) - 2
    if target.kind != "box" and low <= int(target.x) <= high:
        return int(target.x)
    if target.kind == "box":
        low = max(low, int(target.x - target.left) + 1)
        high = min(high, int(target.x + target.right) - 2)
        if low <= high:
            return min(max(x, low), high)
    return x


def _enter(vertex: Vertex, entering: list[Lane], taken: list[int], made: Channel) -> None:
    """Spreads the lines into a vertex over its top, each as near as can be to where it comes from."""
    x = int(vertex.x)
    lines = [(made.exits[source.place], source.place, -1) for source in vertex.above]
    lines += [(int(lane.x), -1, lane.arrow) for lane in entering if lane.target is vertex]
    lines.sort()
    low, high = (x, x) if vertex.kind != "box" else (x - int(vertex.left) + 1, x + int(vertex.right) - 2)
    step = 2 if high - low >= 2 * (len(lines) - 1) else 1
    places: list[int] = []
    for wish, place, _ in lines:
        column = min(max(wish, low), high)
        if vertex.kind == "box" and wish != column and len(lines) == 1:
            column = x
        places.append(max(column, places[-1] + step) if places else column)
        if places[-1] != wish or place < 0:
            while places[-1] in taken and places[-1] < high:
                places[-1] += 1
    limit = high
    for number in range(len(places) - 1, -1, -1):
        places[number] = min(places[number], limit)
        limit = places[number] - step
    for (_, place, arrow), column in zip(lines, places, strict=True):
        if place >= 0:
            made.entries[place, vertex.place] = column
        else:
            made.lane_entries[arrow] = column


def _rows(nets: list[Net]) -> int:
    """Gives each net that turns a row, and says how many rows that takes.

    A net that comes from above in a column in which another goes on below turns before it, where that can be; of two
    others that one does with which there are fewer crossings.
    """
    waiting = [net for net in nets if not net.straight]
    above = {column: net for net in waiting for column in net.above}
    earlier = {net.number: [above[c] for c in net.below if c in above and above[c] is not net] for net in waiting}
    placed: list[Net] = []
    while waiting:
        free = [net for net in waiting if all(other in placed for other in earlier[net.number])] or waiting
        chosen = min(free, key=lambda net: (sum(_rather_second(net, other) for other in waiting), net.span))
        waiting.remove(chosen)
        bound = [other.row for other in placed if _meet(chosen, other) or other in earlier[chosen.number]]
        chosen.row = max(bound, default=-1) + 1
        placed.append(chosen)
    return max((net.row for net in placed), default=-1) + 1


def _rather_second(one: Net, other: Net) -> int:
    """How many more crossings there are if the first net turns above the other than the other way round."""
    return _crossings(one, other) - _crossings(other, one)


def _crossings(upper: Net, lower: Net) -> int:
    """Crossings of two nets of which one turns above the other."""
    (left, right), (start, end) = upper.span, lower.span
    return sum(left < column < right for column in lower.above) + sum(start < column < end for column in upper.below)


def _meet(one: Net, other: Net) -> bool:
    return one.span[0] <= other.span[1] and other.span[0] <= one.span[1]
