"""A sheet of characters on which lines join, cross and turn corners, and text stands on top."""

from __future__ import annotations

from typing import NamedTuple

from seedbed.graph.draw.words import char_cells

UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8

_JOINTS = {
    UP: "╵", DOWN: "╷", LEFT: "╴", RIGHT: "╶", UP | DOWN: "│", LEFT | RIGHT: "─", DOWN | RIGHT: "╭", DOWN | LEFT: "╮",
    UP | RIGHT: "╰", UP | LEFT: "╯", UP | DOWN | RIGHT: "├", UP | DOWN | LEFT: "┤", DOWN | LEFT | RIGHT: "┬",
    UP | LEFT | RIGHT: "┴", UP | DOWN | LEFT | RIGHT: "┼",
}  # fmt: skip

_ASCII = str.maketrans("│─╭╮╰╯├┤┬┴┼┌┐└┘╵╷╴╶▼▲◄►·…→•↺", "|-+++++++++++++||--v^<>-.>*@")


class Span(NamedTuple):
    """A piece of a line and how it is shown: a word such as `box`, `name`, `line`; "" for plain text."""

    text: str
    style: str = ""


Line = list[Span]


class Canvas:
    """Lines are drawn for a net each; where two nets cross, the one that goes down passes over."""

    def __init__(self) -> None:
        self._nets: dict[tuple[int, int], dict[int, int]] = {}
        self._loops: set[int] = set()
        self._text: dict[tuple[int, int], tuple[str, str]] = {}

    def loop(self, net: int) -> None:
        """Lines of this net close a loop."""
        self._loops.add(net)

    def down(self, x: int, top: int, bottom: int, net: int) -> None:
        """A line down the middle of the cells from `top` to `bottom`, entering the first and leaving the last."""
        for y in range(top, bottom + 1):
            self._join(x, y, UP | DOWN, net)

    def turn(self, x: int, y: int, ways: int, net: int) -> None:
        """A joint in one cell."""
        self._join(x, y, ways, net)

    def across(self, y: int, one: int, other: int, net: int) -> None:
        """A line from the middle of one cell to the middle of another in the same row."""
        left, right = min(one, other), max(one, other)
        for x in range(left, right):
            self._join(x, y, RIGHT, net)
            self._join(x + 1, y, LEFT, net)

    def write(self, x: int, y: int, text: str, style: str = "") -> None:
        """Text over whatever is there."""
        for char in text:
            width = char_cells(char)
            if width == 0:
                before = self._text.get((x - 1, y), (" ", style))
                self._text[x - 1, y] = (before[0] + char, before[1])
                continue
            self._text[x, y] = (char, style)
            if width == 2:
                self._text[x + 1, y] = ("", style)
            x += width

    def free(self, x: int, y: int, width: int) -> bool:
        """Whether nothing is in these cells."""
        return not any((column, y) in self._nets or (column, y) in self._text for column in range(x, x + width))

    def distinct(self) -> bool:
        """Whether every line can be followed: no two nets share a cell lengthwise."""
        for nets in self._nets.values():
            for ways in (UP | DOWN, LEFT | RIGHT):
                if sum(bool(net & ways) for net in nets.values()) > 1:
                    return False
        return True

    def lines(self) -> list[Line]:
        """All rows from the first, each without spaces at its end."""
        places = [*self._nets, *self._text]
        height = max((y for _, y in places), default=-1) + 1
        widths = [0] * height
        for x, y in places:
            widths[y] = max(widths[y], x + 1)
        return [self._row(y, widths[y]) for y in range(height)]

    def _row(self, y: int, width: int) -> Line:
        row: Line = []
        for x in range(width):
            char, style = self._text.get((x, y)) or self._joint(x, y)
            if row and row[-1].style == style:
                row[-1] = Span(row[-1].text + char, style)
            else:
                row.append(Span(char, style))
        return row

    def _join(self, x: int, y: int, ways: int, net: int) -> None:
        cell = self._nets.setdefault((x, y), {})
        cell[net] = cell.get(net, 0) | ways

    def _joint(self, x: int, y: int) -> tuple[str, str]:
        nets = self._nets.get((x, y))
        if not nets:
            return " ", ""
        net, ways = max(nets.items(), key=lambda item: (item[1] & (UP | DOWN)).bit_count())
        return _JOINTS[ways], "loop" if net in self._loops else "line"


def plain(lines: list[Line]) -> str:
    """The lines as text."""
    return "".join("".join(span.text for span in line).rstrip() + "\n" for line in lines)


def ascii_only(text: str) -> str:
    """The drawing for a terminal that knows no box characters."""
    return text.translate(_ASCII)
