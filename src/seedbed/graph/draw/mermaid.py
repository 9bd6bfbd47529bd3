"""A pipeline as a Mermaid flowchart, for Markdown pages that draw it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from seedbed.graph.draw.colours import LIGHT, colours
from seedbed.graph.draw.picture import Arrow, Box, Card, Graph, Picture
from seedbed.graph.draw.words import cut

_PLAIN = re.compile(r"[A-Za-z0-9 ,./=!+'→·…-]|(?<=[A-Za-z0-9])_(?=[A-Za-z0-9])|[^\x00-\x7f]")
"""Characters that stand for themselves in a quoted label. Mermaid reads labels as Markdown and HTML, so that stars,
backquotes, angle brackets and underscores at the edge of a word would do something else."""

_LIST = re.compile(r"^(\d+)\.|^([-+])(?= )")
"""A label that starts like a Markdown list is refused by Mermaid."""

LONGEST = 60


def mermaid(picture: Picture) -> str:
    """The flowchart. Every step is a node; a graph step is a box with its nodes in it."""
    lines = ["flowchart TD"]
    before = ""
    types: dict[str, list[str]] = {}
    for number, card in enumerate(picture.cards):
        name = card.kind if card.kind != "step" else f"step{number}"
        if card.graph is None:
            lines.append(f"  {name}{_shape(card.kind, _card_label(card, number))}")
        else:
            lines += _subgraph(name, card, number)
            for place, box in enumerate(card.graph.boxes):
                types.setdefault(box.type or box.kind.replace("start", "end"), []).append(_id(name, card.graph, place))
        if before:
            lines.append(f"  {before} --> {name}")
        before = name
    lines += _classes(types)
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """`text` for use between double quotes in Mermaid: what is not plain becomes `#code;`."""
    shown = "".join(
        char if _PLAIN.match(text, place) else f"#{ord(char)};" for place, char in enumerate(text) if char != "\n"
    )
    return _LIST.sub(lambda found: f"{found[1]}#46;" if found[1] else f"#{ord(found[2])};", shown)


def _label(*lines: str) -> str:
    return "<br/>".join(escaped(cut(line, LONGEST)) for line in lines if line)


def _card_label(card: Card, number: int) -> str:
    head = f"{number} · {card.title}" if card.kind == "step" else card.title
    return _label(head, *card.lines, "needs all rows" if card.whole else "")


def _shape(kind: str, label: str) -> str:
    return f'[("{label}")]' if kind in ("source", "sink") else f'["{label}"]'


def _subgraph(name: str, card: Card, number: int) -> Iterator[str]:
    graph = card.graph
    assert graph is not None
    yield f'  subgraph {name}["{_card_label(card, number)}"]'
    yield "    direction TB"
    for place, box in enumerate(graph.boxes):
        yield f"    {_id(name, graph, place)}{_box(box)}"
    for arrow in graph.arrows:
        yield f"    {_id(name, graph, arrow.source)} {_link(arrow)} {_id(name, graph, arrow.target)}"
    yield "  end"
    yield f"  style {name} fill:none,stroke:#8a93a3"


def _id(name: str, graph: Graph, place: int) -> str:
    """Never a word of Mermaid's own, since it starts with the step's."""
    box = graph.boxes[place]
    return f"{name}_{place}_{box.name}" if box.kind == "drop" else f"{name}_{box.name}"


def _box(box: Box) -> str:
    label = _label(box.title, *box.lines)
    return f'["{label}"]' if box.kind == "node" else f'(["{label}"])'


def _link(arrow: Arrow) -> str:
    line = "-.->" if arrow.kind == "error" else "-->"
    return f'{line}|"{_label(*arrow.label.splitlines())}"|' if arrow.label else line


def _classes(types: dict[str, list[str]]) -> Iterator[str]:
    for number, (type_, members) in enumerate(types.items()):
        look = colours(type_, LIGHT)
        yield f"  classDef type{number} fill:{look.fill},stroke:{look.line},color:{look.text}"
        yield f"  class {','.join(members)} type{number}"
