"""A graph as a column of boxes, each with the ways out of it listed below: for graphs that are too wide to draw."""

from __future__ import annotations

from seedbed.graph.draw.canvas import Line, Span
from seedbed.graph.draw.picture import Arrow, Box, Graph
from seedbed.graph.draw.words import cells, cut, wrapped

LEAST = 16


def outline(graph: Graph, width: int) -> list[Line]:
    """The column, in at most `width` columns where names allow."""
    width = max(width, LEAST)
    lines: list[Line] = []
    for number, box in enumerate(graph.boxes):
        if box.kind == "drop":
            continue
        ways = [arrow for arrow in graph.arrows if arrow.source == number]
        lines += _node(box, width, bool(ways)) if box.kind == "node" else [[Span(f"( {box.name} )", "end")]]
        for arrow in ways:
            lines += _way(arrow, graph.boxes[arrow.target], width, last=arrow is ways[-1])
    return lines


def _node(box: Box, width: int, leads_on: bool) -> list[Line]:
    style = f"type {box.type}"
    texts = [box.title, *(cut(line, max(width - 4, cells(box.title))) for line in box.lines)]
    inner = max(map(cells, texts)) + 2
    lines: list[Line] = [[Span("┌" + "─" * inner + "┐", style)]]
    for row, text in enumerate(texts):
        space = " " * (inner - 1 - cells(text))
        lines.append(
            [Span("│", style), Span(" "), Span(text, "about" if row else "name"), Span(space), Span("│", style)]
        )
    joint = "┬" if leads_on else "─"
    lines.append([Span("└" + joint + "─" * (inner - 1) + "┘", style)])
    return lines


def _way(arrow: Arrow, target: Box, width: int, *, last: bool) -> list[Line]:
    """`├─► name`, and when it is taken."""
    style = "loop" if arrow.back else "line"
    head = f"{'╰' if last else '├'}─{'▲ back to ' if arrow.back else '► '}{target.name}"
    if not arrow.label:
        return [[Span(" "), Span(head, style)]]
    indent = min(cells(head) + 4, width // 2)
    first, *rest = (
        wrapped(arrow.label, width - indent)
        if indent == cells(head) + 4
        else ["", *wrapped(arrow.label, width - indent)]
    )
    stem = " " if last else "│"
    lines: list[Line] = [[Span(" "), Span(head, style), Span(f"   {first}".rstrip(), "label")]]
    lines += [[Span(" "), Span(stem, style), Span(" " * (indent - 2) + text, "label")] for text in rest]
    return lines
