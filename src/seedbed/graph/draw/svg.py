"""A whole pipeline as one SVG that stands by itself: no script, no font, nothing to fetch; for light and dark pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise

from seedbed.graph.draw.picture import Card, Picture, Place
from seedbed.graph.draw.svg_graph import GraphSvg
from seedbed.graph.draw.svg_text import css_name, escaped, number, style_sheet, text, width_of
from seedbed.graph.draw.words import balanced, cut

MARGIN, GAP, PAD = 28, 34, 24
LEAST, CARD, TALL = 720, 270, 58
"""Points: how wide the picture is at least, a card at most, and how tall a card is."""

SMALL, LINES = 11.5, 4
"""Size of the small print, and how many lines of it a card has room for."""

BADGE = "needs all rows"


@dataclass(slots=True)
class _Block:
    """A card or a panel with a graph in it, and its place."""

    card: Card
    number: int
    note: str
    width: float
    height: float
    graph: GraphSvg | None = None
    x: float = 0
    y: float = 0

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


def svg(picture: Picture, *, notes: Mapping[Place, str] | None = None, scope: str = "seedbed") -> str:
    """The picture. `notes` are short texts to write on parts of it, such as counts: on a step by ("filter",), on a node
    by ("graph", "draft"), on the source by ("source",). Two pictures on one page need different `scope` words."""
    notes = notes or {}
    blocks = [_block(card, place, notes, scope) for place, card in enumerate(picture.cards)]
    width = max([LEAST, *(block.width + 2 * MARGIN for block in blocks)])
    for block in blocks:
        if block.graph is not None:
            block.width = width - 2 * MARGIN
    rows = _rows(blocks, width - 2 * MARGIN)
    y = 70.0
    for row in rows:
        y = _set_row(row, width, y) + GAP
    boxes = [box for card in picture.cards if card.graph is not None for box in card.graph.boxes]
    types = list(dict.fromkeys(box.type for box in boxes if box.type))
    legend, bottom = _legend(types, width, y - 4)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width)} {number(bottom)}" '
        f'width="{number(width)}" height="{number(bottom)}" class="{scope}" role="img" '
        f'aria-label="{escaped(picture.name)}">',
        f"<style>{style_sheet([*types, 'end', 'drop'], scope)}</style>",
        "<defs>", *(_head(kind, scope) for kind in ("line", "loop", "error")), "</defs>",
        f'<rect width="{number(width)}" height="{number(bottom)}" rx="16" class="page"/>',
        text(MARGIN, 42, picture.name, "title"),
    ]  # fmt: skip
    for upper, lower in pairwise(blocks):
        parts.append(_link(upper, lower, scope))
    for block in blocks:
        parts += _panel(block) if block.graph else _card(block)
    return "\n".join([*parts, *legend, "</svg>"]) + "\n"


def _block(card: Card, place: int, notes: Mapping[Place, str], scope: str) -> _Block:
    note = notes.get(card.place, "")
    if card.graph is not None:
        inner = {place[-1]: words for place, words in notes.items() if len(place) == 2 and place[:1] == card.place}
        graph = GraphSvg(card.graph, inner, scope)
        head = width_of(card.title + note, 14) + 80
        return _Block(card, place, note, max(graph.width, head) + 2 * PAD, graph.height + 2 * PAD + 26, graph)
    title = width_of(f"{place} {card.title}", 14) + 34 + (width_of(BADGE, 11) + 24 if card.whole else 0)
    lines = _shown(card)
    about = max((width_of(line, SMALL, mono=True) for line in lines), default=0)
    height = TALL + 16 * (max(len(lines), 1) - 1) + (18 if note else 0)
    return _Block(card, place, note, max(title, about + 34, width_of(note, SMALL) + 34, 120), height)


def _shown(card: Card) -> list[str]:
    """The lines of a card, as many as it has room for."""
    room = int((CARD - 34) / width_of("x", SMALL, mono=True))
    fitting = (" ".join(cut(word, room) for word in line.split(" ")) for line in card.lines)
    lines = [part for line in fitting for part in balanced(line, room)]
    return lines if len(lines) <= LINES else [*lines[: LINES - 1], f"… and {len(lines) - LINES + 1} more lines"]


def _rows(blocks: list[_Block], room: float) -> list[list[_Block]]:
    """Cards side by side as far as there is room, in rows of about one length; a graph has a row of its own."""
    rows: list[list[_Block]] = []
    for is_graph, members in groupby(blocks, key=lambda block: block.graph is not None):
        group = list(members)
        rows += [[block] for block in group] if is_graph else _even_rows(group, room)
    return rows


def _even_rows(cards: list[_Block], room: float) -> list[list[_Block]]:
    rows = _broken(cards, room)
    while 1 < len(rows) < len(cards) and len(tighter := _broken(cards, room - 10)) == len(rows):
        rows, room = tighter, room - 10
    return rows


def _broken(cards: list[_Block], room: float) -> list[list[_Block]]:
    rows: list[list[_Block]] = []
    for card in cards:
        if rows and sum(other.width + GAP for other in rows[-1]) + card.width <= room:
            rows[-1].append(card)
        else:
            rows.append([card])
    return rows


def _set_row(row: list[_Block], width: float, y: float) -> float:
    """Puts a row in the middle and says where it ends."""
    x = (width - sum(block.width for block in row) - GAP * (len(row) - 1)) / 2
    tall = max(block.height for block in row)
    for block in row:
        block.x, block.y, block.height = x, y, tall
        x += block.width + GAP
    return y + tall


def _link(upper: _Block, lower: _Block, scope: str) -> str:
    """The arrow between two parts: to the right in a row, down to the next row; straight into and out of a panel."""
    if upper.y == lower.y:
        y = upper.y + upper.height / 2
        path = f"M{number(upper.x + upper.width)} {number(y)}H{number(lower.x - 8)}"
    else:
        start, end = upper.y + upper.height, lower.y - 8
        one = lower.middle if upper.graph else upper.middle
        two = upper.middle if lower.graph else lower.middle
        half, bow = (start + end) / 2, 12 if one != two else 0
        path = f"M{number(one)} {number(start)}"
        path += f"C{number(one)} {number(half + bow)} {number(two)} {number(half - bow)} {number(two)} {number(end)}"
    return f'<path d="{path}" class="line" marker-end="url(#{scope}-line)"/>'


def _frame(block: _Block, style: str, radius: int) -> str:
    return (f'<rect x="{number(block.x)}" y="{number(block.y)}" width="{number(block.width)}" '
            f'height="{number(block.height)}" rx="{radius}" class="{style}"/>')  # fmt: skip


def _title(block: _Block) -> list[str]:
    card, x, y = block.card, block.x + 16, block.y + 25
    parts = []
    if card.kind == "step":
        parts.append(text(x, y, str(block.number), "name number"))
        x += width_of(f"{block.number} ", 14) + 2
    parts.append(text(x, y, card.title, "name"))
    if card.whole:
        wide = width_of(BADGE, 11) + 14
        left = block.x + block.width - wide - 12
        parts.append(
            f'<rect x="{number(left)}" y="{number(y - 15)}" width="{number(wide)}" height="20" rx="10" class="wash"/>'
        )
        parts.append(text(left + wide / 2, y - 1, BADGE, "badge mid whole"))
    return parts


def _card(block: _Block) -> list[str]:
    parts = [_frame(block, "card", 10), *_title(block)]
    y = block.y + 44
    for line in _shown(block.card):
        parts.append(text(block.x + 16, y, line, "mono"))
        y += 16
    if block.note:
        parts.append(text(block.x + 16, y + 2, block.note, "note"))
    return parts


def _panel(block: _Block) -> list[str]:
    graph = block.graph
    assert graph is not None
    parts = [_frame(block, "panel", 14), *_title(block)]
    if block.note:
        parts.append(text(block.x + block.width - 16, block.y + 25, block.note, "note end"))
    return parts + graph.elements(block.middle - graph.width / 2, block.y + PAD + 20)


def _legend(types: list[str], width: float, y: float) -> tuple[list[str], float]:
    """A dot and a word for each type of node, and where the picture ends."""
    if not types:
        return [], y
    parts = []
    x, y = float(MARGIN), y + 8
    for type_ in types:
        wide = 18 + width_of(type_, 12) + 18
        if x + wide > width - MARGIN and x > MARGIN:
            x, y = float(MARGIN), y + 20
        parts.append(f'<circle cx="{number(x + 5)}" cy="{number(y - 4)}" r="5" class="{css_name(type_)}-dot"/>')
        parts.append(text(x + 16, y, type_, "about"))
        x += wide
    return parts, y + 20


def _head(kind: str, scope: str) -> str:
    return (f'<marker id="{scope}-{kind}" viewBox="0 0 8 8" refX="1" refY="4" markerWidth="8" markerHeight="8" '
            'markerUnits="userSpaceOnUse" orient="auto">'
            f'<path d="M0 0L8 4L0 8Z" class="head-{kind}"/></marker>')  # fmt: skip
