"""Rows into DuckDB and out of it, in a database that can do nothing else.

It is locked once the rows are in: no files, no network, no extensions, no settings. One thread, so that the same rows
give the same result, in the same order and with the same draws of `random()`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from math import isfinite
from pathlib import Path
from threading import Timer
from types import ModuleType
from typing import Any

from seedbed.errors import InputError, MissingExtra
from seedbed.io.arrow import Shape
from seedbed.io.rows import decode_row, encode_row, plain
from seedbed.record import Fields

BATCH = 500
_WORDS = {"bool": "BOOLEAN", "int": "BIGINT", "long": "BIGINT", "float": "DOUBLE", "text": "VARCHAR"}
_AS_THEY_ARE = {
    "varchar", "boolean", "tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger",
    "ubigint", "uhugeint", "enum",
}  # fmt: skip
_UNKNOWN = ("Referenced column", "Referenced table", "does not exist")


def duckdb_module() -> ModuleType:
    """DuckDB. Raises MissingExtra."""
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtra("SQL", "sql") from error
    module: ModuleType = duckdb
    return module


def wrong_statement(query: str) -> tuple[str, str] | None:
    """What is wrong with a query, and what would be right, as far as it can be seen without a table."""
    duckdb = duckdb_module()
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        return _said(error), "write one SELECT in DuckDB's SQL"
    if len(statements) != 1:
        return f"there are {len(statements)} statements", "write one SELECT"
    kinds = duckdb.StatementType
    if statements[0].type not in (kinds.SELECT, kinds.MULTI):  # a PIVOT is of several parts
        return "the query changes something, or tells of it", "write one SELECT; its rows become the records"
    return None


def columns_of(query: str, fields: Iterable[str]) -> list[str] | None:
    """The columns of a query's result if records have these fields; None where values or types would have to be.

    Raises InputError for a column, table or function that is not there.
    """
    if "pivot" in query.lower():
        return None  # its columns are values
    duckdb = duckdb_module()
    with _connect(":memory:", "64MB") as db:
        nulls = "".join(f", NULL AS {_quoted(name)}" for name in fields)
        try:
            db.execute(f"CREATE TABLE records AS SELECT '' AS id{nulls} WHERE false")
            _lock(db)
            found = db.execute(f"SELECT * FROM (\n{query.rstrip().rstrip(';')}\n) LIMIT 0").description
        except (duckdb.BinderException, duckdb.CatalogException) as error:
            if any(word in str(error) for word in _UNKNOWN):
                raise InputError(_said(error), hint=_candidates(error)) from error
            return None
        except duckdb.Error:
            return None
    return [str(column[0]) for column in found]


class Table:
    """The records as a table in a database on disk, in a folder that is made anew and removed."""

    def __init__(self, folder: Path, memory: str) -> None:
        self.duckdb = duckdb_module()
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.db = _connect(str(folder / "records.duckdb"), memory)

    def load(self, rows: Iterable[Fields], columns: dict[str, Shape]) -> None:
        """Fills the table, then locks the database."""
        file = self.folder / "rows.jsonl"
        longest = 0
        with file.open("wb", buffering=1 << 20) as out:
            for row in rows:
                data = encode_row(row)
                longest = max(longest, len(data))
                out.write(data + b"\n")
        typed = {name: column_type(shape) for name, shape in columns.items() if shape != "null"}
        types = ", ".join(f"{_text(name)}: {_text(kind)}" for name, kind in typed.items())
        listed = ", ".join(_quoted(name) if name in typed else f"NULL AS {_quoted(name)}" for name in columns)
        try:
            self.db.execute(
                f"CREATE TABLE records AS SELECT {listed} FROM read_json({_text(str(file))}, "
                f"format = 'newline_delimited', columns = {{{types}}}, maximum_object_size = {longest + (1 << 16)})"
            )
            _lock(self.db)
        except self.duckdb.Error as error:
            raise InputError(f"the records do not fit into a table: {_said(error)}", hint=_memory(error)) from error
        file.unlink()

    def ask(self, query: str, draw: float, timeout: float) -> Iterator[Fields]:
        """The rows of a query. `draw`, from -1 to 1, is what `random()` begins with. Raises InputError."""
        timer = Timer(timeout, self.db.interrupt)
        timer.start()
        try:
            self.db.execute("SELECT setseed(?)", [draw])
            self.db.execute(f"CREATE TABLE result AS {query}")
        except self.duckdb.InterruptException as error:
            raise InputError(f"the query takes longer than {timeout:g} seconds", hint="raise `timeout`") from error
        except self.duckdb.Error as error:
            raise InputError(f"the query fails: {_said(error)}", hint=_memory(error) or _candidates(error)) from error
        finally:
            timer.cancel()
        result = self.db.execute("SELECT * FROM result")
        names = [str(column[0]) for column in result.description]
        readers = [_reader(column[1]) for column in result.description]
        while batch := result.fetchmany(BATCH):
            for row in batch:
                yield {
                    name: value if read is None or value is None else read(value)
                    for name, read, value in zip(names, readers, row, strict=True)
                }

    def close(self) -> None:
        """Removes it."""
        self.db.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def column_type(shape: Shape) -> str:
    """DuckDB's type for a shape. What no other type holds as it is, is JSON."""
    if isinstance(shape, list):
        return f"{column_type(shape[0])}[]"
    if isinstance(shape, str):
        return _WORDS.get(shape, "JSON")
    if not shape or "" in shape or len({key.casefold() for key in shape}) < len(shape):
        return "JSON"
    return f"STRUCT({', '.join(f'{_quoted(key)} {column_type(inner)}' for key, inner in shape.items())})"


def _connect(path: str, memory: str) -> Any:
    settings = {
        "threads": 1,
        "memory_limit": memory,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
    }
    return duckdb_module().connect(path, config=settings)


def _lock(db: Any) -> None:
    db.execute("SET enable_external_access = false")
    db.execute("SET lock_configuration = true")


def _reader(kind: Any) -> Callable[[Any], Any] | None:
    """What makes a JSON value of a value of that type; None if it is one."""
    if str(kind) == "JSON":
        return lambda text: decode_row(b'{"":%b}' % text.encode())[""]
    if kind.id in _AS_THEY_ARE:
        return None
    if kind.id == "decimal":
        return lambda number: _number(number)
    if kind.id in ("double", "float"):
        return lambda number: number if isfinite(number) else None
    if kind.id in ("list", "array"):
        read = _reader(kind.children[0][1])
        return list if read is None else lambda items: [None if item is None else read(item) for item in items]
    if kind.id == "struct":
        readers = {name: read for name, inner in kind.children if (read := _reader(inner)) is not None}
        if not readers:
            return None
        return lambda value: {
            name: readers[name](item) if item is not None and name in readers else item for name, item in value.items()
        }
    return plain


def _number(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() and number.as_tuple().exponent == 0 else float(number)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _said(error: Exception) -> str:
    """DuckDB's words without the query, which the user has, and what might have been meant."""
    return str(error).partition("\n")[0].partition(" Error: ")[2].rstrip("!.") or str(error)


def _candidates(error: Exception) -> str:
    rest = str(error).partition("\n")[2]
    hints = [line for line in rest.splitlines() if line.startswith(("Candidate", "Did you mean"))]
    return hints[0][0].lower() + hints[0][1:] if hints else ""


def _memory(error: Exception) -> str:
    return "raise `memory`" if type(error).__name__ == "OutOfMemoryException" else ""
