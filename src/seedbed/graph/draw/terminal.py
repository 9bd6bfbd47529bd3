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
    step = 0
    for card in picture.cards:
        if card.kind != "source":
            lines.append([Span(" " * (width // 2 - 1)), Span("▼", "line")])
        step += card.kind == "step"
        lines += _card(card, width, step, opened.get(card.place, []))
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


def _card(card: Card, width: int, step: int, opened: list[Line]) -> list[Line]:
    number = f"{step} " if card.kind == "step" else ""
    mark = "" if card.kind != "step" else WHOLE if card.whole else STREAMS
    title = cut(card.title, width - 6 - len(number) - len(mark) - 3)
    rule = width - 4 - cells(number + title) - 1 - (len(mark) + 2 if mark else 0)
    top: Line = [Span("╭ ", "frame"), Span(number, "frame"), Span(title, "name"), Span(" " + "─" * rule, "frame")]
    if mark:
        top += [Span(" "), Span(mark, "whole" if card.whole else "about"), Span(" ", "frame")]
    top.append(Span("╮", "frame"))
    body: list[Line] = [[Span(text)] for line in card.lines for text in wrapped(line, width - 4)]
    if opened:
        indent = (width - 4 - max(map(_width, opened))) // 2
        body += [[Span(" " * indent), *line] for line in opened]
    lines = [top]
    for line in body:
        space = " " * (width - 4 - _width(line))
        lines.append([Span("│ ", "frame"), *line, Span(space), Span(" │", "frame")])
    lines.append([Span("╰" + "─" * (width - 2) + "╯", "frame")])
    return lines
