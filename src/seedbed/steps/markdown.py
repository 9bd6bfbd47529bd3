"""The structure of a Markdown text: sections under their headings, made of blocks, as offsets into the text.

A block is what stands between blank lines; a heading and a code fence are blocks of their own. Inline markup, lists and
tables are not looked into. A fence is found at any indentation and in quotes and lists; one that is never closed runs
to the end of the text, but for an indented one, which is no fence then. Front matter belongs to no section.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

_FENCE = re.compile(r"(?P<indent>[ \t>]*)(?:(?:[-*+]|\d+[.)])[ \t]+)?(?P<mark>`{3,}(?!.*`)|~{3,})")
_CLOSE = re.compile(r"[ \t>]*(`{3,}|~{3,})[ \t\r]*$")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t\r]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t\r]*$")
_NOT_A_PARAGRAPH = re.compile(r" {0,3}([>#|]|[-+*][ \t]|\d+[.)][ \t])| {4}|\t")
_FRONT_MATTER = re.compile(r"---[ \t\r]*\n(?:.*\n)*?(?:---|\.\.\.)[ \t\r]*(?:\n|\Z)")


class Block(NamedTuple):
    """Lines that belong together, text[start:end]."""

    start: int
    end: int
    fence: bool = False
    """Whether it is code between fences, which is never cut."""


@dataclass(slots=True)
class Section:
    """What stands under one heading, up to the next one; the heading is its first block."""

    headings: list[str] = field(default_factory=list)
    """The headings above, outermost first, its own last; none before the first heading."""
    blocks: list[Block] = field(default_factory=list)
    titled: bool = False
    """Whether its first block is a heading."""


class _Line(NamedTuple):
    start: int
    end: int
    text: str


def sections(text: str) -> Iterator[Section]:
    """The sections of a text, in order, those that hold nothing but a heading left out."""
    front = _FRONT_MATTER.match(text)
    lines = _lines(text, front.end() if front else 0)
    fences = _fences(lines)
    reader = _Reader()
    number = 0
    while number < len(lines):
        if number in fences:
            last = fences[number]
            reader.flush()
            reader.section.blocks.append(Block(lines[number].start, lines[last].end, fence=True))
            number = last
        else:
            yield from reader.take(lines[number])
        number += 1
    yield from reader.close()


class _Reader:
    """Takes lines outside fences and puts blocks and sections together."""

    def __init__(self) -> None:
        self.section = Section()
        self.block: list[_Line] = []
        self.path: list[tuple[int, str]] = []

    def take(self, line: _Line) -> Iterator[Section]:
        """Takes a line; gives the section that it ends."""
        if not line.text.strip():
            self.flush()
            return
        heading = _HEADING.match(line.text)
        under = _UNDERLINE.match(line.text)
        if heading:
            self.flush()
            yield from self._begin(len(heading[1]), heading[2] or "", Block(line.start, line.end))
        elif under and self.block and not any(_NOT_A_PARAGRAPH.match(above.text) for above in self.block):
            title = " ".join(above.text.strip() for above in self.block)
            block = Block(self.block[0].start, line.end)
            self.block.clear()
            yield from self._begin(1 if under[1][0] == "=" else 2, title, block)
        else:
            self.block.append(line)

    def flush(self) -> None:
        """Ends the block."""
        if self.block:
            self.section.blocks.append(Block(self.block[0].start, self.block[-1].end))
            self.block.clear()

    def close(self) -> Iterator[Section]:
        """The last section."""
        self.flush()
        if len(self.section.blocks) > self.section.titled:
            yield self.section

    def _begin(self, level: int, title: str, block: Block) -> Iterator[Section]:
        yield from self.close()
        while self.path and self.path[-1][0] >= level:
            self.path.pop()
        self.path.append((level, title))
        self.section = Section([name for _, name in self.path], [block], titled=True)


def _lines(text: str, start: int) -> list[_Line]:
    found = []
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        found.append(_Line(start, end, text[start:end]))
        start = end + 1
    return found


def _fences(lines: list[_Line]) -> dict[int, int]:
    """The numbers of the lines that open fences, each with that of the line that closes it."""
    closers = {"`": _Closers(), "~": _Closers()}
    for number, line in enumerate(lines):
        close = _CLOSE.match(line.text)
        if close:
            closers[close[1][0]].marks.append((number, len(close[1])))
    found: dict[int, int] = {}
    number = 0
    while number < len(lines):
        opened = _FENCE.match(lines[number].text)
        if opened:
            last = closers[opened["mark"][0]].after(number, len(opened["mark"]))
            if last is None and len(opened["indent"].expandtabs(4)) <= 3:
                last = len(lines) - 1
            if last is not None:
                found[number] = last
                number = last
        number += 1
    return found


class _Closers:
    """The lines that may close a fence of one sign: their numbers and how many signs they have."""

    def __init__(self) -> None:
        self.marks: list[tuple[int, int]] = []
        self.next = 0
        self.none: float = inf
        """From so many signs on, no line that is left closes a fence."""

    def after(self, number: int, length: int) -> int | None:
        """The first line after `number` that closes a fence of so many signs. Asked with rising numbers."""
        while self.next < len(self.marks) and self.marks[self.next][0] <= number:
            self.next += 1
        if length < self.none:
            for place in range(self.next, len(self.marks)):
                if self.marks[place][1] >= length:
                    return self.marks[place][0]
            self.none = length
        return None
