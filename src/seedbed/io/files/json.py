"""JSON documents: a list of objects, or one object.

The list is cut into its elements by a scanner that knows only brackets and strings, so the file is never held whole,
one malformed element spoils no other, and each is decoded at full speed. An element beyond 256 MiB ends the reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, ClassVar

from seedbed.errors import RowError
from seedbed.io.compression import OutFile, reading
from seedbed.io.contract import Row
from seedbed.io.rows import UNREADABLE, decode_row, encode_row, explain, raw_text

__all__ = ["Json"]

LARGEST = 256 << 20
"""Bytes in the largest element that is read."""

_QUOTE = ord('"')
_BLANK = re.compile(rb"[ \t\r\n]*")
_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_INSIDE = re.compile(rb'(?:[^"\[\]{}]++|' + _TEXT + rb")*+", re.DOTALL)
"""What lies between two brackets, texts and what is in them included."""
_TOP = re.compile(rb'(?:[^"\[\]{},]++|' + _TEXT + rb")*+", re.DOTALL)
"""The same, up to a comma."""


class Json:
    """Reads and writes `.json`."""

    suffixes: ClassVar[tuple[str, ...]] = (".json",)
    compressed: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    needs: ClassVar[tuple[str, str] | None] = None

    def read(self, path: Path, name: str) -> Iterator[Row]:
        """One row per element of the list, or one for the whole object. `line` is where an element starts."""
        with reading(path, name) as file:
            text = _Text(file)
            try:
                first = text.skip_blank()
                if first == b"[":
                    yield from _elements(text)
                elif first:
                    yield _row(text.take(text.end_of_document()), text.line)
            except RowError as error:
                yield Row(None, text.line, f"line {text.line}: {error.message}", raw_text(text.rest()))

    def write(self, path: Path, name: str) -> JsonWriter:
        """A writer of a list with one element a line."""
        return JsonWriter(path, name)


class JsonWriter:
    """Writes rows as the elements of one list."""

    def __init__(self, path: Path, name: str) -> None:
        self._file = OutFile(path, name)
        self._before = b"[\n"

    def write(self, row: dict[str, Any]) -> None:
        """Adds an element."""
        data = encode_row(row)
        self._file.write(self._before + data)
        self._before = b",\n"

    def close(self) -> None:
        """Closes the list and brings it to the disk."""
        self._file.write(b"[]\n" if self._before == b"[\n" else b"\n]\n")
        self._file.close()

    def abort(self) -> None:
        """Lets the file go."""
        self._file.abort()


def _elements(text: _Text) -> Iterator[Row]:
    text.take(1)
    closed = text.skip_blank() == b"]"
    while not closed:
        line = text.line
        end = text.end_of_element()
        element = text.take(end)
        closed = text.take(1) == b"]"
        yield _row(element, line)
        text.skip_blank()
    text.take(1 if text.skip_blank() == b"]" else 0)
    if text.skip_blank():
        raise RowError("there is more after the end of the list")


def _row(data: bytes, line: int) -> Row:
    try:
        return Row(decode_row(data), line)
    except UNREADABLE:
        why = explain(data, line) if data.strip() else f"line {line}: an element is missing after a comma"
        return Row(None, line, why, raw_text(data))


class _Text:
    """A window on the file: what has been read and not yet taken, and the line it starts on."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file: Any = file
        self._data = b""
        self._at = 0
        self._started = False
        self.line = 1

    def skip_blank(self) -> bytes:
        """Goes to the next byte that is not blank and shows it; empty at the end."""
        while True:
            match = _BLANK.match(self._data, self._at)
            self.take((match.end() if match else self._at) - self._at)
            if self._at < len(self._data) or not self._more():
                return self._data[self._at : self._at + 1]

    def take(self, size: int) -> bytes:
        """The next bytes of the window, gone from it."""
        taken = self._data[self._at : self._at + size]
        self._at += size
        self.line += taken.count(b"\n")
        return taken

    def rest(self) -> bytes:
        """The window, for a message."""
        return self._data[self._at : self._at + 8000]

    def end_of_element(self) -> int:
        """Bytes up to the comma or bracket that ends this element of the list. Raises RowError if there is none."""
        depth = done = 0
        while True:
            at, size = self._at + done, len(self._data)
            while (at := _end(_INSIDE if depth else _TOP, self._data, at)) < size:
                mark = self._data[at]
                if mark == _QUOTE:  # a text that goes on beyond the window: scan it again with more
                    break
                if mark in b"[{":
                    depth += 1
                elif depth == 0:
                    return at - self._at
                else:
                    depth -= 1
                at += 1
            done = at - self._at
            if size - self._at > LARGEST:
                raise RowError(f"an element larger than {LARGEST >> 20} MiB, or a text that is never closed")
            if not self._more():
                raise RowError("the file ends within the list; this element is cut short")

    def end_of_document(self) -> int:
        """Bytes up to the end of the file. Raises RowError beyond the limit."""
        while self._more():
            if len(self._data) - self._at > LARGEST:
                raise RowError(f"one document larger than {LARGEST >> 20} MiB; JSON Lines has no such limit")
        return len(self._data) - self._at

    def _more(self) -> bool:
        """Reads as much again as is waiting, so that a large element costs a few scans and not many."""
        waiting = self._data[self._at :]
        block = self._file.read1(max(1 << 20, len(waiting)))
        self._data, self._at = waiting + block, 0
        if not self._started and len(self._data) >= 3:
            self._started = True
            self._data = self._data.removeprefix(b"\xef\xbb\xbf")
        return bool(block)


def _end(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    match = pattern.match(data, at)
    return match.end() if match else at
