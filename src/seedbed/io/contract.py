"""What a file format is, and what a row on its way in is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

from seedbed.record import Fields


class Row(NamedTuple):
    """One row as read: its fields, or why it cannot be read. `line` counts from 1, or is the row's number."""

    fields: Fields | None
    line: int
    error: str = ""
    raw: str = ""
    """The row's own text where it could not be read, at most 2,000 characters."""


class Writer(Protocol):
    """Writes rows to one file. An OSError it raises means that the file cannot be completed."""

    def write(self, row: dict[str, Any]) -> None:
        """Adds a row, whole or not at all. Raises TypeError or RecursionError for values that JSON cannot hold."""

    def close(self) -> None:
        """Writes what is left and brings it to the disk (fsync)."""

    def abort(self) -> None:
        """Lets the file go as it is; it will be removed."""


class FileFormat(Protocol):
    """One file format: a class in `io/files/`, made without arguments.

    `path` is the file to open; `name` is what the user calls it: it stands in messages, and its ending tells the
    compression. The name `-` is standard input.
    """

    suffixes: ClassVar[tuple[str, ...]]
    """The endings it is known by, with the dot: (".jsonl", ".ndjson")."""

    compressed: ClassVar[bool]
    """Whether its files may carry a further ending `.gz` or `.zst`."""

    writes: ClassVar[bool]
    """Whether it can be written."""

    needs: ClassVar[tuple[str, str] | None]
    """The module it imports when used, and the extra that brings it."""

    def read(self, path: Path, name: str) -> Iterator[Row]:
        """The rows of a file, one by one, in flat memory. A row that cannot be read is a Row with an error and the
        rest goes on; damage that ends the file is a last Row that says so. A file that cannot be opened raises
        InputError."""

    def write(self, path: Path, name: str) -> Writer:
        """A writer to a file that does not exist yet."""


class RowFormat(Protocol):
    """The row shape a trainer expects: a class in `dataset/formats/`, made without arguments."""

    def row(self, fields: Fields) -> dict[str, Any]:
        """The row of a record. Raises RowError that says what is missing or wrong, and what would be right."""
