"""Rows kept in a file beside the one being made, for formats that must see all rows before they write the first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from seedbed.io.rows import decode_row, encode_row


class RowSpool:
    """A pile of rows on disk."""

    def __init__(self, beside: Path) -> None:
        self.path = beside.with_name(beside.name + ".rows")
        self._file = self.path.open("wb", buffering=1 << 20)

    def add(self, row: dict[str, Any]) -> bytes:
        """Keeps a row, whole or not at all, and returns it as JSON."""
        data = encode_row(row)
        self._file.write(data + b"\n")
        return data

    def rows(self) -> Iterator[dict[str, Any]]:
        """All rows, in the order in which they came; none can be added any more."""
        for batch in self.batches(1, 1):
            yield from batch

    def batches(self, most_bytes: int, most_rows: int) -> Iterator[list[dict[str, Any]]]:
        """All rows in lists that end with the row that reaches one of the limits."""
        self._file.close()
        with self.path.open("rb", buffering=1 << 20) as file:
            batch: list[dict[str, Any]] = []
            size = 0
            for line in file:
                batch.append(decode_row(line))
                size += len(line)
                if size >= most_bytes or len(batch) >= most_rows:
                    yield batch
                    batch, size = [], 0
            if batch:
                yield batch

    def remove(self) -> None:
        """Deletes the pile."""
        with suppress(OSError):  # a full disk: what could not be written is thrown away here anyway
            self._file.close()
        self.path.unlink(missing_ok=True)
