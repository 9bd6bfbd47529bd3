"""Markdown: one record per file, with the fields `text`, `path` and `title`, which is the first heading or null."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from seedbed.io.contract import Row, Writer
from seedbed.io.documents import no_writer, read_document

__all__ = ["Markdown"]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_NOT_A_PARAGRAPH = re.compile(r" {0,3}([>#]|[-+*][ \t]|\d+[.)][ \t])| {4}|\t|[ \t]*$")


class Markdown:
    """Reads `.md`."""

    suffixes: ClassVar[tuple[str, ...]] = (".md", ".markdown")
    compressed: ClassVar[bool] = True
    writes: ClassVar[bool] = False
    needs: ClassVar[tuple[str, str] | None] = None

    def read(self, path: Path, name: str) -> Iterator[Row]:
        """The one row of the file."""
        row = read_document(path, name)
        if row.fields is not None:
            row.fields["title"] = _title(row.fields["text"])
        yield row

    def write(self, path: Path, name: str) -> Writer:
        """Refused: many records do not fit one text."""
        raise no_writer("Markdown")


def _title(text: str) -> str | None:
    """The first heading outside code and front matter, `# so` or underlined."""
    lines = text.split("\n")
    fence, before = "", ""
    for line in lines[_front_matter(lines) :]:
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip(" `~"):
                fence = ""
            continue
        if mark:
            fence, before = mark[1], ""
            continue
        heading = _HEADING.match(line)
        if heading and heading[1]:
            return heading[1]
        if before and _UNDERLINE.match(line):
            return before
        before = "" if _NOT_A_PARAGRAPH.match(line) else line.strip()
    return None


def _front_matter(lines: list[str]) -> int:
    if lines[0].rstrip() == "---":
        for number, line in enumerate(lines[1:], 2):
            if line.rstrip() in ("---", "..."):
                return number
    return 0
