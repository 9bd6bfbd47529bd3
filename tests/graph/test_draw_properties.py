"""Random graphs: every drawing has every node once, and following the lines of a drawing leads where the arrows do."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from seedbed.errors import SpecError
from seedbed.graph.draw.canvas import plain
from seedbed.graph.draw.flowchart import flowchart
from seedbed.graph.draw.layers import layered
from seedbed.graph.draw.layout import Measures, Size, arrange
from seedbed.graph.draw.mermaid import mermaid
from seedbed.graph.draw.picture import Graph, Picture, picture
from seedbed.graph.draw.svg import svg
from seedbed.graph.draw.terminal import drawing
from seedbed.graph.draw.words import cells
from seedbed.graph.load import load_data
from seedbed.graph.order import dominators

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def random_pipeline(rng: Random) -> dict[str, Any]:
    """Nodes in an order, edges onwards in it, and loops back to nodes that cannot be avoided."""
    names = [f"node{number}" for number in range(rng.randint(1, 12))]
    order = ["start", *names]
    pairs = [(order[rng.randint(max(0, place - 3), place)], name) for place, name in enumerate(names)]
    for _ in range(rng.randint(0, 5)):
        first, second = sorted(rng.sample(range(len(order)), 2))
        pairs.append((order[first], order[second]))
    pairs = list(dict.fromkeys(pairs))
    pairs += [(name, "end") for name in names if not any(source == name for source, _ in pairs)]
    above = dominators("start", pairs)
    words = ["id", 'id == "x"', 'id == "a rather long text" and id > 3 or id < 7']
    edges: list[dict[str, str]] = []
    for source, target in pairs:
        if rng.random() < 0.3:
            edges.append({"from": source, "to": target, "when": rng.choice(words)})
        edges.append({"from": source, "to": target})
    for name in rng.choices(names, k=rng.randint(0, 3)):
        back = rng.choice(sorted(above[name] - {"start"}))
        edges.insert(0, {"from": name, "to": back, "when": f"{rng.choice(words)} or {len(edges)}"})
    for name in rng.choices(names, k=rng.randint(0, 2)):
        edges.insert(0, {"from": name, "to": "drop", "when": f"id or {len(edges)}"})
    nodes = {name: {"type": "template", "template": rng.choice(["", "some text"])} for name in names}
    return {"name": "random", "source": {"count": 1}, "nodes": nodes, "edges": edges}


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    data = random_pipeline(Random(draw(st.integers(0, 2**32))))
    try:
        return picture(load_data(data, Path(), environment={}))
    except SpecError:
        assume(False)
        raise


def graph_of(drawn: Picture) -> Graph:
    graph = drawn.cards[1].graph
    assert graph is not None
    return graph


def nodes(graph: Graph) -> list[str]:
    return [box.name for box in graph.boxes if box.kind == "node"]


def boxes_in(text: str, name: str) -> int:
    return len(re.findall(rf"[│┤] {name} +[│├]", text))


@QUICK
@given(pictures(), st.sampled_from([24, 60, 80, 200]))
def test_the_terminal_has_every_node_once_and_straight_borders(drawn: Picture, width: int) -> None:
    lines = drawing(drawn, width)
    text = plain(lines)
    for name in nodes(graph_of(drawn)):
        assert boxes_in(text, name) == 1, text
    framed = [line for line in text.splitlines() if line.startswith(("│", "├", "╭", "╰"))]
    assert len({cells(line) for line in framed}) == 1
    assert cells(framed[0]) <= max(width, 32)


@QUICK
@given(pictures())
def test_mermaid_and_svg_have_every_node_once(drawn: Picture) -> None:
    graph = graph_of(drawn)
    root = ElementTree.fromstring(svg(drawn))
    named = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text") if "name" in text.get("class", "")]
    chart = mermaid(drawn)
    for name in nodes(graph):
        assert named.count(name) == 1
        assert chart.count(f'    step1_{name}["') == 1
    arrows = [path for path in root.iter("{http://www.w3.org/2000/svg}path") if path.get("marker-end")]
    assert len(arrows) == len(graph.arrows) + len(drawn.cards) - 1


@QUICK
@given(pictures())
def test_nothing_stands_on_anything_else(drawn: Picture) -> None:
    graph = graph_of(drawn)
    layout = arrange(graph, layered(graph), Measures(lambda box, ends: Size(7, 9, 4), lambda arrow: Size(0, 12, 2), 3))
    for layer in layout.layers:
        for left, right in pairwise(layer):
            assert left.x + left.right + 3 <= right.x - right.left + 1e-6
    for lane in layout.lanes:
        for vertex in (vertex for place in lane.layers for vertex in layout.layers[place]):
            assert not vertex.x - vertex.left <= lane.x <= vertex.x + vertex.right
    assert all(0 <= lane.x <= layout.width for lane in layout.lanes)


@QUICK
@given(pictures())
def test_every_arrow_goes_down_and_loops_go_up(drawn: Picture) -> None:
    graph = graph_of(drawn)
    order = layered(graph)
    for number, way in order.ways.items():
        assert [vertex.layer for vertex in way] == list(range(way[0].layer, way[-1].layer + 1))
        assert len(way) > 1
        assert sum(vertex.kind == "label" for vertex in way) == bool(graph.arrows[number].label)
    for arrow in graph.arrows:
        if arrow.back:
            assert order.boxes[arrow.target].layer <= order.boxes[arrow.source].layer


UP, DOWN, LEFT, RIGHT = (0, -1), (0, 1), (-1, 0), (1, 0)
JOINTS = {
    "│": (UP, DOWN), "─": (LEFT, RIGHT), "╭": (DOWN, RIGHT), "╮": (DOWN, LEFT), "╰": (UP, RIGHT), "╯": (UP, LEFT),
    "├": (UP, DOWN, RIGHT), "┤": (UP, DOWN, LEFT), "┬": (DOWN, LEFT, RIGHT), "┴": (UP, LEFT, RIGHT),
    "┼": (UP, DOWN, LEFT, RIGHT),
}  # fmt: skip


class Reader:
    """Reads a drawing back: follows the lines that leave a box, through joints and over bridges, to where they end."""

    def __init__(self, text: str, names: list[str]) -> None:
        self.cells = {(x, y): char for y, line in enumerate(text.splitlines()) for x, char in enumerate(line)}
        self.owner: dict[tuple[int, int], str] = {}
        lines = text.splitlines()
        for name in names:
            ((y, found),) = [(y, m) for y, line in enumerate(lines) if (m := re.search(rf"[│┤] ({name}) +[│├]", line))]
            left, right = found.start(), found.end() - 1
            bottom = next(row for row in range(y, len(lines)) if self.cells.get((left, row)) == "└")
            self.own(name, left, right, y - 1, bottom)
        for y, line in enumerate(lines):
            for found in re.finditer(r"\( *(start|end|drop) *\)", line):
                self.own(
                    f"{found[1]}" + (f"@{found.start()},{y}" if found[1] == "drop" else ""),
                    found.start(),
                    found.end() - 1,
                    y,
                    y,
                )

    def own(self, name: str, left: int, right: int, top: int, bottom: int) -> None:
        self.owner |= {(x, y): name for x in range(left, right + 1) for y in range(top, bottom + 1)}

    def exits(self, name: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        mine = [place for place, owner in self.owner.items() if owner == name]
        found = [((x, y), DOWN) for x, y in mine if self.cells[x, y] == "┬"]
        if name == "start":
            found = [((x, y), DOWN) for x, y in mine if self.cells.get((x, y + 1), " ") in "│┴┼├┤╰╯▼"]
        found += [((x, y), RIGHT) for x, y in mine if self.cells[x, y] == "├"]
        return found + [((x, y), LEFT) for x, y in mine if self.cells[x, y] == "┤"]

    def reached(self, name: str) -> list[str]:
        found: list[str] = []
        seen = set()
        queue = self.exits(name)
        for place, way in queue:
            x, y = place[0] + way[0], place[1] + way[1]
            char = self.cells.get((x, y), " ")
            if ((x, y), way) in seen:
                continue
            seen.add(((x, y), way))
            if char in "▼◄►":
                found.append(self.owner[x + way[0], y + way[1]])
            elif (char == "│" and way in (LEFT, RIGHT)) or (char == "─" and way in (UP, DOWN)):
                queue.append(((x, y), way))
            else:
                assert (-way[0], -way[1]) in JOINTS[char], f"the line of {name} breaks off at {x},{y}"
                queue += [((x, y), on) for on in JOINTS[char] if on != (-way[0], -way[1])]
        return sorted(name.partition("@")[0] for name in found)


@pytest.mark.parametrize("width", [76, 240])
@QUICK
@given(drawn=pictures())
def test_the_lines_of_a_drawing_lead_where_the_arrows_do(drawn: Picture, width: int) -> None:
    graph = graph_of(drawn)
    lines = flowchart(graph, width)
    assume(lines is not None)
    assert lines is not None
    text = plain(lines)
    reader = Reader(text, nodes(graph))
    for number, box in enumerate(graph.boxes):
        if box.kind in ("start", "node"):
            wanted = sorted(graph.boxes[arrow.target].name for arrow in graph.arrows if arrow.source == number)
            assert reader.reached(box.name) == wanted, f"{box.name}\n{text}"
