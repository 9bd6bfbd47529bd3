"""JSON Lines: one JSON object a line, in UTF-8.

Blank lines are skipped, `\\r\\n` and a missing last newline are fine, a byte-order mark is not data. A line that is not
an object is a bad row and the next line goes on; a line beyond 256 MiB is one bad row, never held whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, ClassVar

from seedbed.errors import RowError
from seedbed.io.compression import OutFile, reading
from seedbed.io.contract import Row
from seedbed.io.rows import UNREADABLE, decode_row, encode_row, explain, raw_text

__all__ = ["Jsonl"]

LONGEST = 256 << 20
"""Bytes in the longest line that is read."""


class Jsonl:
    """Reads and writes `.jsonl` and `.ndjson`."""

    suffixes: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson")
    compressed: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    needs: ClassVar[tuple[str, str] | None] = None

    def read(self, path: Path, name: str) -> Iterator[Row]:
        """One row per line that is not blank."""
        with reading(path, name) as file:
            number = 0
            try:
                for number, line in _lines(file):
                    try:
                        yield Row(decode_row(line), number)
                    except UNREADABLE:
                        if line.strip():
                            yield _bad(line, number)
            except RowError as error:
                yield Row(None, number + 1, f"line {number + 1}: {error}")

    def write(self, path: Path, name: str) -> JsonlWriter:
        """A writer of one line per row."""
        return JsonlWriter(path, name)


class JsonlWriter:
    """Writes rows as lines."""

    def __init__(self, path: Path, name: str) -> None:
        self._file = OutFile(path, name)
        self._write = self._file.write

    def write(self, row: dict[str, Any]) -> None:
        """Adds a line."""
        self._write(encode_row(row) + b"\n")

    def close(self) -> None:
        """Brings all lines to the disk."""
        self._file.close()

    def abort(self) -> None:
        """Lets the file go."""
        self._file.abort()


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers; of a line that is too long, only its beginning."""
    number = 1
    line = file.readline(LONGEST).removeprefix(b"\xef\xbb\xbf")
    while line:
        yield number, line
        if len(line) >= LONGEST:
            while line and not line.endswith(b"\n"):
                line = file.readline(1 << 20)
        number += 1
        line = file.readline(LONGEST)


def _bad(line: bytes, number: int) -> Row:
    if len(line) >= LONGEST:
        return Row(None, number, f"line {number}: longer than {LONGEST >> 20} MiB", raw_text(line))
    why = explain(line, number)
    if number == 1 and line.strip() in (b"[", b"{"):
        why += "; if this is one JSON document and not one object a line, say `format: json`"
    return Row(None, number, why, raw_text(line))
