"""Plain text: one record per file, with the fields `text` and `path`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from seedbed.io.contract import Row, Writer
from seedbed.io.documents import no_writer, read_document

__all__ = ["Text"]


class Text:
    """Reads `.txt`."""

    suffixes: ClassVar[tuple[str, ...]] = (".txt",)
    compressed: ClassVar[bool] = True
    writes: ClassVar[bool] = False
    needs: ClassVar[tuple[str, str] | None] = None

    def read(self, path: Path, name: str) -> Iterator[Row]:
        """The one row of the file."""
        yield read_document(path, name)

    def write(self, path: Path, name: str) -> Writer:
        """Refused: many records do not fit one text."""
        raise no_writer("text")
