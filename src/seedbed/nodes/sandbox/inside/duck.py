"""DuckDB for a sandboxed query."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

from seedbed.nodes.sandbox.inside.sql import Refused, Rows

_LOCKED = """
SET python_enable_replacements = false;
SET autoinstall_known_extensions = false;
SET autoload_known_extensions = false;
SET enable_external_access = false;
SET lock_configuration = true;
"""
_READING = ("SELECT", "EXPLAIN")


class Duck:
    """A database in memory, on one thread. It is locked once its tables are loaded."""

    def __init__(self, memory_mb: float) -> None:
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": 1,
            "memory_limit": f"{int(memory_mb)}MB",
            "temp_directory": "",
        }
        self._db = duckdb.connect(":memory:", config=config)
        self._locked = False

    def load(self, name: str, columns: list[str], rows: list[list[Any]]) -> None:
        """Makes a table; its types are those that fit the values."""
        if not rows:
            self._db.execute(f"CREATE TABLE {_quoted(name)} ({', '.join(f'{_quoted(c)} VARCHAR' for c in columns)})")
            return
        file, longest = Path("table.jsonl"), 1 << 16
        with file.open("w", encoding="utf-8") as out:
            for row in rows:
                longest = max(longest, 2 * out.write(json.dumps(dict(zip(columns, row, strict=True))) + "\n"))
        read = f"read_json('{file}', format = 'newline_delimited', sample_size = -1, maximum_object_size = {longest})"
        self._db.execute(f"CREATE TABLE {_quoted(name)} AS SELECT * FROM {read}")
        file.unlink()

    def script(self, text: str) -> Rows | None:
        """Runs all statements; the rows of the last."""
        self._lock()
        found: Rows | None = None
        for statement in self._db.extract_statements(text):
            found = self._run(statement)
        return found

    def query(self, text: str) -> Rows | None:
        """Runs one statement that only reads."""
        self._lock()
        statements = self._db.extract_statements(text)
        if len(statements) != 1:
            raise Refused(f"{len(statements)} statements where one is wanted")
        kind = statements[0].type.name
        if kind not in _READING:
            raise Refused(f"{kind} is refused: only reading is allowed")
        return self._run(statements[0])

    def _run(self, statement: Any) -> Rows | None:
        result = self._db.execute(statement)
        if not result.description:
            return None
        rows = iter(result.fetchone, None)
        return [column[0] for column in result.description], rows

    def _lock(self) -> None:
        if not self._locked:
            self._db.execute(_LOCKED)
            self._locked = True


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
