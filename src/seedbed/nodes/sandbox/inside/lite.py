"""SQLite for a sandboxed query."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from seedbed.nodes.sandbox.inside.sql import Refused, Rows

_READING = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
_OUTSIDE = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}


class Lite:
    """A database in memory."""

    def __init__(self) -> None:
        self._db = sqlite3.connect(":memory:", isolation_level=None)
        self._db.text_factory = lambda text: text.decode("utf-8", "replace")
        self._allow(writing=True)

    def load(self, name: str, columns: list[str], rows: list[list[Any]]) -> None:
        """Makes a table; lists and maps are kept as JSON text."""
        names = ", ".join(_quoted(column) for column in columns)
        self._db.execute(f"CREATE TABLE {_quoted(name)} ({names})")
        holes = ", ".join("?" * len(columns))
        self._db.execute("BEGIN")
        values = ([_kept(value) for value in row] for row in rows)
        self._db.executemany(f"INSERT INTO {_quoted(name)} VALUES ({holes})", values)
        self._db.execute("COMMIT")

    def script(self, text: str) -> Rows | None:
        """Runs all statements; the rows of the last."""
        found: Rows | None = None
        for statement in _statements(text):
            found = self._run(statement)
        return found

    def query(self, text: str) -> Rows | None:
        """Runs one statement that only reads."""
        statements = list(_statements(text))
        if len(statements) != 1:
            raise Refused(f"{len(statements)} statements where one is wanted")
        self._allow(writing=False)
        return self._run(statements[0])

    def _run(self, statement: str) -> Rows | None:
        cursor = self._db.execute(statement)
        if cursor.description is None:
            return None
        return [column[0] for column in cursor.description], cursor

    def _allow(self, *, writing: bool) -> None:
        def authorize(action: int, first: str | None, second: str | None, *_: Any) -> int:
            if action == sqlite3.SQLITE_FUNCTION and second == "load_extension":
                return sqlite3.SQLITE_DENY
            allowed = action not in _OUTSIDE if writing else action in _READING
            return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

        self._db.set_authorizer(authorize)


def _statements(text: str) -> Iterator[str]:
    """The statements of a script; a semicolon in a text, comment or trigger ends none."""
    begun = ""
    for piece in text.split(";"):
        begun += piece + ";"
        if sqlite3.complete_statement(begun):
            if not _empty(begun[:-1]):
                yield begun
            begun = ""
    if not _empty(begun.removesuffix(";")):
        yield begun.removesuffix(";")


def _empty(text: str) -> bool:
    """Whether nothing but white space and comments is left of a statement."""
    while True:
        text = text.strip()
        if text.startswith("--"):
            text = text.partition("\n")[2]
        elif text.startswith("/*"):
            text = text.partition("*/")[2]
        else:
            return not text


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _kept(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
