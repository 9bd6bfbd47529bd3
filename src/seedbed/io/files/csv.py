"""Comma- and tab-separated values after RFC 4180: a header row, then rows with as many values; values stay text.

A column without a name is called `column_N`. A row with too few or too many values, or with stray quotes, is a bad row
with its line. Written files need all columns before the first row, so rows wait in a spool beside the file; nested
values are written as JSON text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from seedbed.errors import RowError
from seedbed.io.compression import OutFile, reading, split_ending
from seedbed.io.contract import Row
from seedbed.io.rows import RAW
from seedbed.io.spool import RowSpool

__all__ = ["Csv"]

_STRAY = re.compile("[\udc80-\udcff]")
"""A byte that was not UTF-8, as the `surrogateescape` handler leaves it."""

_NEEDS_QUOTES = re.compile('[",\t\r\n\ufeff]')

csv.field_size_limit(256 << 20)  # the standard library's 128 KiB is less than one long document


class Csv:
    """Reads and writes `.csv` and, with tabs, `.tsv`."""

    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".tsv")
    compressed: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    needs: ClassVar[tuple[str, str] | None] = None

    def read(self, path: Path, name: str) -> Iterator[Row]:
        """One row per line that is not blank, keyed by the header row."""
        with reading(path, name) as file:
            text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
            lines = _Lines(text)
            try:
                yield from _rows(lines, _delimiter(name))
            except RowError as error:
                yield Row(None, lines.number + 1, f"line {lines.number + 1}: {error}")
            finally:
                if name == "-":
                    text.detach()

    def write(self, path: Path, name: str) -> CsvWriter:
        """A writer whose columns are all fields of all rows, in the order in which they first appear."""
        return CsvWriter(path, name)


class CsvWriter:
    """Writes rows as lines under a header."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name
        self._path.touch()
        self._spool = RowSpool(path)
        self._columns: dict[str, None] = {}

    def write(self, row: dict[str, Any]) -> None:
        """Adds a row."""
        self._spool.add(row)
        self._columns.update(dict.fromkeys(row))

    def close(self) -> None:
        """Writes header and rows and brings them to the disk."""
        file = OutFile(self._path, self._name)
        try:
            for line in _format_lines(self._spool.rows(), list(self._columns), _delimiter(self._name)):
                file.write(line)
        except BaseException:
            file.abort()
            raise
        file.close()
        self._spool.remove()

    def abort(self) -> None:
        """Lets the file go."""
        self._spool.remove()


class _Lines:
    """The lines of a text, counted, with those of the row under way kept for messages."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.number = 0
        self.row: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._text:
            self.number += 1
            self.row.append(line)
            yield line


def _rows(lines: _Lines, delimiter: str) -> Iterator[Row]:
    reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        lines.row.clear()
        line = lines.number + 1
        try:
            values = next(reader, None)
        except csv.Error as error:
            cut = "end of data" in str(error)
            yield _bad(lines.row, line, "a quote that opens here is never closed" if cut else str(error))
            continue
        if values is None:
            return
        if not values:
            continue
        if header is None:
            header = [value.strip() or f"column_{number}" for number, value in enumerate(values, 1)]
            problem = _header_problem(header)
            if problem:
                yield _bad(lines.row, line, problem)
                return
        elif any(map(_STRAY.search, lines.row)):
            yield _bad_bytes(lines.row, line)
        elif len(values) != len(header):
            yield _bad(lines.row, line, f"{len(values)} values for {len(header)} columns")
        else:
            yield Row(dict(zip(header, values, strict=True)), line)


def _header_problem(header: list[str]) -> str:
    if any(map(_STRAY.search, header)):
        return "the header row is not UTF-8, so no row can be read"
    twice = sorted({column for column in header if header.count(column) > 1})
    return f"two columns are called `{twice[0]}`, so no row can be read; rename one of them" if twice else ""


def _bad(row: list[str], line: int, why: str) -> Row:
    raw = "".join(row)[:RAW].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return Row(None, line, f"line {line}: {why}", raw.rstrip("\r\n"))


def _bad_bytes(row: list[str], line: int) -> Row:
    for offset, text in enumerate(row):
        if _STRAY.search(text):
            data = text.encode("utf-8", "surrogateescape")
            try:
                data.decode()
            except UnicodeDecodeError as error:
                where = f"byte {error.start + 1} of line {line + offset}"
                return _bad(row, line, f"{where}: 0x{data[error.start]:02x} is not UTF-8")
    return _bad(row, line, "not UTF-8")


def _delimiter(name: str) -> str:
    return "\t" if split_ending(name)[0].lower().endswith(".tsv") else ","


def _format_lines(rows: Iterator[dict[str, Any]], columns: list[str], delimiter: str) -> Iterator[bytes]:
    yield _line(columns, delimiter)
    for row in rows:
        yield _line([_cell(row.get(column)) for column in columns], delimiter)


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def _line(cells: list[str], delimiter: str) -> bytes:
    """One line. The standard library's writer leaves a lone `\\r` bare when lines end in `\\n`, so this is our own."""
    quoted = ['"' + cell.replace('"', '""') + '"' if _NEEDS_QUOTES.search(cell) else cell for cell in cells]
    return (delimiter.join(quoted) or '""').encode() + b"\n"
