"""Runs SQL on a database in memory: tables and a script first, then the query, whose rows are told.

The sandbox around it is what keeps it from the machine. Beyond that SQLite may attach no database, and DuckDB is
locked away from files and extensions, so that no query even tries.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from typing import Any, Protocol

from seedbed.nodes.sandbox.inside.reply import Reply, message_of

Rows = tuple[list[str], Iterator[tuple[Any, ...]]]
"""The names of columns, and the rows."""


class Refused(Exception):
    """A statement that is not allowed here."""


class Database(Protocol):
    """What both databases can do."""

    def load(self, name: str, columns: list[str], rows: list[list[Any]]) -> None:
        """Makes a table."""

    def script(self, text: str) -> Rows | None:
        """Runs any statements. Returns the rows of the last one, where it has any."""

    def query(self, text: str) -> Rows | None:
        """Runs one statement that only reads."""


def run(job: dict[str, Any], reply: Reply) -> None:
    """Tells `rows` with columns and rows, and `end` with the error, if any."""
    if job["packages"]:
        sys.path.append(job["packages"])
    what = "SetupError"
    try:
        database: Database = _opened(job)
        for name, (columns, rows) in job["tables"].items():
            database.load(name, columns, rows)
        if job["setup"]:
            database.script(job["setup"])
        what = ""
        found = database.query(job["code"]) if job["read_only"] else database.script(job["code"])
        if found is not None and not _tell(found, reply, int(job["limits"]["output_kb"] * 1024)):
            reply("end", "OutputLimit", f"the rows are more than {job['limits']['output_kb']:g} kB", None)
            return
    except Exception as error:
        kind = type(error).__name__
        reply("end", what or kind, f"{kind}: {message_of(error)}" if what else message_of(error), None)
        return
    reply("end", None, None, None)


def _opened(job: dict[str, Any]) -> Database:
    if job["language"] == "duckdb":
        from seedbed.nodes.sandbox.inside.duck import Duck

        return Duck(job["limits"]["memory_mb"])
    from seedbed.nodes.sandbox.inside.lite import Lite

    return Lite()


def _tell(found: Rows, reply: Reply, most: int) -> bool:
    """Tells columns and rows. Returns False, having told nothing, if they are too much."""
    columns, rows = found
    encoded, size = [], 0
    for row in rows:
        line = json.dumps([plain(value) for value in row], ensure_ascii=True)
        size += len(line)
        if size > most:
            return False
        encoded.append(line)
    reply.encoded("rows", f"{json.dumps(columns)},[{','.join(encoded)}]")
    return True


def plain(value: Any) -> Any:
    """A value of a database as JSON has it: dates, times and bytes are text, and so are numbers that JSON lacks."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if type(value).__name__ == "Decimal":
        return plain(float(value))
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)
