"""Working memory on disk: what steps that need all rows hold, gone when the process ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from seedbed.record import Record

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.decode
BATCH = 500


class Scratch:
    """A throw-away database beside the run store."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._tables = 0

    def _table(self, columns: str) -> tuple[sqlite3.Connection, str]:
        if self._db is None:
            self._path.unlink(missing_ok=True)
            self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = OFF")
            self._db.execute("PRAGMA synchronous = OFF")
            self._db.execute("PRAGMA cache_size = -16000")
        self._tables += 1
        name = f"t{self._tables}"
        self._db.execute(f"CREATE TABLE {name} ({columns})")
        return self._db, name

    def spool(self) -> DiskSpool:
        """An empty spool."""
        return DiskSpool(*self._table("number INTEGER PRIMARY KEY, kind INTEGER, key, body BLOB NOT NULL"))

    def seen(self) -> DiskSeen:
        """An empty set."""
        return DiskSeen(*self._table("key BLOB PRIMARY KEY, note TEXT NOT NULL"))

    def index(self) -> DiskIndex:
        """An empty index."""
        return DiskIndex(*self._table("number INTEGER PRIMARY KEY, key BLOB NOT NULL, body BLOB NOT NULL"))

    def close(self) -> None:
        """Removes it."""
        if self._db is not None:
            self._db.close()
            self._db = None
        self._path.unlink(missing_ok=True)


class DiskSpool:
    """Records on disk (see `seedbed.graph.contracts.Spool`)."""

    def __init__(self, db: sqlite3.Connection, table: str) -> None:
        self._db = db
        self._table = table
        self._buffer: list[tuple[Any, ...]] = []
        self._count = 0
        self._keyed = False

    def add(self, record: Record, key: Any = None) -> None:
        """Keeps a record."""
        kind, value = sort_key(key)
        self._keyed = self._keyed or kind > 0
        self._buffer.append((kind, value, _body(record)))
        self._count += 1
        if len(self._buffer) >= BATCH:
            self._write()

    def _write(self) -> None:
        self._db.execute("BEGIN")
        self._db.executemany(f"INSERT INTO {self._table} (kind, key, body) VALUES (?, ?, ?)", self._buffer)
        self._db.execute("COMMIT")
        self._buffer.clear()

    def in_order(self, *, descending: bool = False) -> Iterator[Record]:
        """All records, by key if any was given."""
        self._write()
        way = "DESC" if descending else "ASC"
        order = f"kind {way}, key {way}, number" if self._keyed else "number"
        cursor = self._db.cursor()
        for (body,) in cursor.execute(f"SELECT body FROM {self._table} ORDER BY {order}"):
            yield _record(body)

    def __len__(self) -> int:
        return self._count


class DiskSeen:
    """A set of byte strings on disk (see `seedbed.graph.contracts.Seen`)."""

    def __init__(self, db: sqlite3.Connection, table: str) -> None:
        self._db = db
        self._insert = f"INSERT OR IGNORE INTO {table} VALUES (?, ?)"
        self._select = f"SELECT note FROM {table} WHERE key = ?"

    def add(self, key: bytes, note: str) -> str | None:
        """Adds a key; the note of the same key added earlier, or None."""
        if self._db.execute(self._insert, (key, note)).rowcount:
            return None
        return str(self._db.execute(self._select, (key,)).fetchone()[0])

    def add_all(self, items: list[tuple[bytes, str]]) -> list[str | None]:
        """`add` for each, in one transaction."""
        self._db.execute("BEGIN")
        try:
            return [self.add(key, note) for key, note in items]
        finally:
            self._db.execute("COMMIT")


class DiskIndex:
    """Records on disk by key (see `seedbed.graph.contracts.Index`).

    The first look-up numbers the records of each key, so that none is ever counted or searched through again.
    """

    def __init__(self, db: sqlite3.Connection, table: str) -> None:
        self._db = db
        self._table = table
        self._buffer: list[tuple[bytes, bytes]] = []
        self._ready = False

    def add(self, key: bytes, record: Record) -> None:
        """Keeps a record."""
        self._buffer.append((key, _body(record)))
        if len(self._buffer) >= BATCH:
            self._write()

    def count(self, key: bytes) -> int:
        """How many records have this key."""
        found = self._look("SELECT place + 1 FROM {} WHERE key = ? ORDER BY place DESC LIMIT 1", key).fetchone()
        return int(found[0]) if found else 0

    def find(self, key: bytes) -> Iterator[Record]:
        """The records of a key, as added."""
        for (body,) in self._look("SELECT body FROM {} WHERE key = ? ORDER BY place", key):
            yield _record(body)

    def get(self, key: bytes, place: int) -> Record:
        """One of the records of a key, from 0 on."""
        return _record(self._look("SELECT body FROM {} WHERE key = ? AND place = ?", key, place).fetchone()[0])

    def _look(self, query: str, *values: Any) -> sqlite3.Cursor:
        if not self._ready:
            self._sort()
        return self._db.execute(query.format(f"{self._table}_sorted"), values)

    def _write(self) -> None:
        self._db.execute("BEGIN")
        self._db.executemany(f"INSERT INTO {self._table} (key, body) VALUES (?, ?)", self._buffer)
        self._db.execute("COMMIT")
        self._buffer.clear()

    def _sort(self) -> None:
        self._write()
        table = self._table
        columns = "key BLOB, place INTEGER, body BLOB, PRIMARY KEY (key, place)"
        self._db.execute(f"CREATE TABLE {table}_sorted ({columns}) WITHOUT ROWID")
        places = "row_number() OVER (PARTITION BY key ORDER BY number) - 1"
        self._db.execute(f"INSERT INTO {table}_sorted SELECT key, {places} AS place, body FROM {table} ORDER BY 1, 2")
        self._db.execute(f"DROP TABLE {table}")
        self._ready = True


def _body(record: Record) -> bytes:
    return _encode([record.id, record.fields, record.parents, record.place])


def _record(body: bytes) -> Record:
    id, fields, parents, place = _decode(body)
    return Record(id, fields, tuple(parents), place)


def sort_key(value: Any) -> tuple[int, Any]:
    """A value as SQLite sorts it: nulls, booleans, numbers, texts, then lists and maps by their JSON text."""
    if value is None:
        return 0, None
    if isinstance(value, bool):
        return 1, int(value)
    if isinstance(value, int | float):
        return 2, value if isinstance(value, float) or -(2**63) <= value < 2**63 else float(value)
    if isinstance(value, str):
        return 3, value
    if isinstance(value, bytes):
        return 4, value
    return 5, _encode(value)
