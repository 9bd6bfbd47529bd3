"""A whole pipeline in characters: a card for each step, graphs opened, one below the other."""

from __future__ import annotations

from itertools import groupby

from seedbed.graph.draw.canvas import Line, Span
from seedbed.graph.draw.flowchart import flowchart
from seedbed.graph.draw.outline import outline
from seedbed.graph.draw.picture import Card, Graph, Picture
from seedbed.graph.draw.words import cells, cut, wrapped

LEAST, MOST = 24, 100
"""Columns that are taken at least, and at most unless a graph needs more."""

STREAMS, WHOLE = "streams", "needs all rows"


def drawing(picture: Picture, width: int) -> list[Line]:
    """The pipeline in at most `width` columns (unless names are longer). Spans carry a style word each."""
    width = max(width, LEAST)
    opened = {card.place: _opened(card.graph, width) for card in picture.cards if card.graph is not None}
    needed = max((_width(line) for lines in opened.values() for line in lines), default=0) + 4
    width = max(needed, min(width, MOST))
    lines = [*_head(picture, width), []]
    for number, card in enumerate(picture.cards):
        lines += _card(card, width, number, opened.get(card.place, []))
    lines.append([Span("╰" + "─" * (width - 2) + "╯", "frame")])
    return lines


def _opened(graph: Graph, width: int) -> list[Line]:
    return flowchart(graph, width - 4) or outline(graph, width - 4)


def _width(line: Line) -> int:
    return sum(cells(span.text) for span in line)


def _head(picture: Picture, width: int) -> list[Line]:
    """The pipeline's name and its settings, those of one kind (`models.…`) under one word."""
    lines: list[Line] = [[Span(cut(picture.name, width), "title")]]
    groups = [(kind, list(facts)) for kind, facts in groupby(picture.facts, key=lambda fact: fact[0].partition(".")[0])]
    column = max((len(kind) for kind, _ in groups), default=0) + 2
    for kind, facts in groups:
        names = [name.partition(".")[2] for name, _ in facts]
        inner = max(map(cells, names))
        for row, (name, (_, value)) in enumerate(zip(names, facts, strict=True)):
            text = f"{name.ljust(inner)}  {value}" if name else value
            lines.append([Span((kind if row == 0 else "").ljust(column), "about"), Span(cut(text, width - column))])
    return lines


def _card(card: Card, width: int, number: int, opened: list[Line]) -> list[Line]:
    """A card without its lower edge, which is the upper edge of the next one."""
    head = "├─▼ " if number else "╭ "
    count = f"{number} " if card.kind == "step" else ""
    mark = f" {WHOLE if card.whole else STREAMS} " if card.kind == "step" else ""
    title = cut(card.title, width - cells(head + count + mark) - 3)
    rule = "─" * (width - cells(head + count + title + mark) - 2)
    lines: list[Line] = [
        [Span(head + count, "frame"), Span(title, "name"), Span(f" {rule}", "frame"),
         Span(mark, "whole" if card.whole else "about"), Span("┤" if number else "╮", "frame")]
    ]  # fmt: skip
    texts = (
        [" · ".join(card.lines)] if card.kind == "step" and cells(" · ".join(card.lines)) <= width - 4 else card.lines
    )
    body: list[Line] = [[Span(text)] for line in texts if line for text in wrapped(line, width - 4)]
    if opened:
        indent = (width - 4 - max(map(_width, opened))) // 2
        body += [[Span(" " * indent), *line] for line in opened]
    for line in body:
        lines.append([Span("│ ", "frame"), *line, Span(" " * (width - 4 - _width(line))), Span(" │", "frame")])
    return lines
