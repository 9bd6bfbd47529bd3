"""Parquet, through pyarrow (the extra `parquet`), a few megabytes at a time.

Reading gives JSON values: dates as ISO text, decimals as text, bytes as base64, NaN and Infinity as null. Writing lets
rows wait in a spool beside the file until the schema that holds all of them is known (see `seedbed.io.arrow`), then
converts them in batches.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from seedbed.errors import InputError, MissingExtra
from seedbed.io.arrow import Shape, arrow_type, fit, is_json, needs_fit, widen
from seedbed.io.contract import Row
from seedbed.io.rows import decode_row, plain
from seedbed.io.spool import RowSpool

__all__ = ["Parquet"]

BATCH = 16 << 20
"""Bytes of data that are in memory as Python objects at once, roughly; also the size of a row group when writing."""

ROWS = 8192
"""The most rows that are in memory at once."""


class Parquet:
    """Reads and writes `.parquet`."""

    suffixes: ClassVar[tuple[str, ...]] = (".parquet",)
    compressed: ClassVar[bool] = False
    writes: ClassVar[bool] = True
    needs: ClassVar[tuple[str, str] | None] = ("pyarrow", "parquet")

    def read(self, path: Path, name: str) -> Iterator[Row]:
        """The rows; `line` is the row's number."""
        arrow, parquet = _pyarrow()
        if name == "-":
            raise InputError("Parquet cannot be read from standard input", hint="give a file")
        number = 0
        try:
            with parquet.ParquetFile(path) as file:
                ready = all(is_json(arrow, field.type) for field in file.schema_arrow)
                for batch in _batches(file):
                    for fields in batch.to_pylist() if ready else plain(batch.to_pylist(maps_as_pydicts="lossy")):
                        number += 1
                        yield Row(fields, number)
        except (arrow.ArrowException, ValueError, TypeError, OSError) as error:
            if isinstance(error, OSError) and error.errno:
                raise InputError(f"{name} cannot be read: {os.strerror(error.errno)}") from error
            why = str(error).strip().partition("\n")[0].rstrip(".")
            yield Row(None, number + 1, f"not Parquet, or damaged ({why}); what comes after row {number} is lost")

    def write(self, path: Path, name: str) -> ParquetWriter:
        """A writer whose columns are all fields of all rows."""
        _pyarrow()
        return ParquetWriter(path)


class ParquetWriter:
    """Spools rows and learns their schema, then writes them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._path.touch()
        self._spool = RowSpool(path)
        self._columns: dict[str, Shape] = {}

    def write(self, row: dict[str, Any]) -> None:
        """Adds a row."""
        widen(self._columns, decode_row(self._spool.add(row)))

    def close(self) -> None:
        """Converts all rows and brings the file to the disk."""
        arrow, parquet = _pyarrow()
        schema = arrow.schema([(name, arrow_type(arrow, shape)) for name, shape in self._columns.items()])
        mixed = {name: shape for name, shape in self._columns.items() if needs_fit(shape)}
        with self._path.open("wb") as file:
            with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
                for batch in self._spool.batches(BATCH, ROWS):
                    for row in batch:
                        row.update({name: fit(row[name], shape) for name, shape in mixed.items() if name in row})
                    writer.write_table(arrow.Table.from_pylist(batch, schema=schema))
            file.flush()
            os.fsync(file.fileno())
        self._spool.remove()

    def abort(self) -> None:
        """Lets the file go."""
        self._spool.remove()


def _batches(file: Any) -> Iterator[Any]:
    for number in range(file.num_row_groups):
        group = file.metadata.row_group(number)
        rows = BATCH * group.num_rows // max(group.total_byte_size, 1)
        yield from file.iter_batches(batch_size=max(1, min(rows, ROWS)), row_groups=[number])


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("Parquet", "parquet") from error
    return pyarrow, pyarrow.parquet
