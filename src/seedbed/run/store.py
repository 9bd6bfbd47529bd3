"""`run.db`, the truth about a run, and the thread that writes it.

What is put here is in memory until the writer's next commit, at most 100 ms later: first the calls, then the
outcomes that used them. An outcome is one row, written once and whole. Reading sees what is committed; answers still
under way to the disk are found in memory.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from seedbed.errors import StorageError
from seedbed.models.contract import Reply
from seedbed.models.ledger import Call
from seedbed.run.calls import Calls, connect

WINDOW = 0.05
"""Seconds that the writer collects before it commits."""

SOURCE = -1
"""The step number of rows that could not be read."""

_MIGRATIONS = [
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE outcomes (
        number INTEGER PRIMARY KEY,
        step INTEGER NOT NULL,
        id TEXT NOT NULL,
        status TEXT NOT NULL,
        place TEXT NOT NULL,
        body BLOB NOT NULL,
        trail BLOB
    );
    CREATE UNIQUE INDEX outcomes_id ON outcomes (step, id);
    CREATE TABLE rejects (
        number INTEGER PRIMARY KEY,
        step TEXT NOT NULL,
        id TEXT NOT NULL,
        status TEXT NOT NULL,
        body BLOB NOT NULL
    );
    CREATE INDEX rejects_id ON rejects (id);
    CREATE TABLE counters (step TEXT NOT NULL, name TEXT NOT NULL, value REAL NOT NULL, PRIMARY KEY (step, name))
        WITHOUT ROWID;
    CREATE TABLE events (number INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL);
    """,
    "CREATE INDEX outcomes_failed ON outcomes (number) WHERE status = 'failed';",
]
"""Append only: each entry brings a store one version further."""

_PUT = """INSERT INTO outcomes VALUES (NULL, ?, ?, ?, ?, ?, ?) ON CONFLICT (step, id) DO UPDATE
          SET status = excluded.status, place = excluded.place, body = excluded.body, trail = excluded.trail"""


class Stored(NamedTuple):
    """An outcome as kept: `body` is JSON, for `done` the list of [id, fields, parents]."""

    status: str
    body: bytes
    place: str
    trail: bytes | None


class RunStore:
    """A run's `run.db` and its view of `calls.db`. One per process and run; `close` writes what is left."""

    def __init__(self, folder: Path, calls: Calls, *, user_calls: Calls | None = None, fresh: bool = False) -> None:
        self.folder = folder
        self.calls = calls
        self.user_calls = user_calls
        self.fresh = fresh
        """Whether only this run's own answers count as answered before."""
        self.failed: StorageError | None = None
        self.on_failure: Callable[[StorageError], None] | None = None
        self._db = open_db(folder / "run.db")
        self._reader = connect(folder / "run.db", read_only=True)
        self._pending: dict[bytes, Reply] = {}
        self._calls: list[tuple[bool, tuple[Any, ...]]] = []
        self._statements: list[tuple[str, tuple[Any, ...]]] = []
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._closing = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._write_on, name="seedbed-store", daemon=True)
        self._thread.start()

    # the calls

    def find(self, key: bytes, mode: str) -> Reply | None:
        """The answer kept under a key (see `CallStore`)."""
        reply = self._pending.get(key)
        if reply is not None:
            return reply
        if mode == "user" and self.user_calls is not None and not self.fresh:
            return self.user_calls.find(key, own=False) or self.calls.find(key, own=False)
        return self.calls.find(key, own=self.fresh or mode == "run")

    def keep(self, call: Call) -> None:
        """Keeps a call for good, soon."""
        if call.ok:
            self._pending[call.key] = call.reply
        self._calls.append((call.shared, self.calls.row(call)))
        self._wake.set()

    # the outcomes

    def put(self, step: int, id: str, status: str, place: str, body: bytes, trail: bytes | None) -> None:
        """Keeps how a record left a worker step."""
        self._statements.append((_PUT, (step, id, status, place, body, trail)))
        self._wake.set()

    def outcome(self, step: int, id: str) -> Stored | None:
        """How a record left a worker step, if it has."""
        question = "SELECT status, body, place, trail FROM outcomes WHERE step = ? AND id = ?"
        row = self._reader.execute(question, (step, id)).fetchone()
        return None if row is None else Stored(*row)

    def outcomes(self, step: int) -> int:
        """How many outcomes of a step are kept."""
        return int(self._reader.execute("SELECT count(*) FROM outcomes WHERE step = ?", (step,)).fetchone()[0])

    def forget_failed(self) -> int:
        """Forgets the outcomes of failed records, so that they are tried again. Returns how many there were."""
        return self._db.execute("DELETE FROM outcomes WHERE status = 'failed'").rowcount

    def do(self, statement: str, values: tuple[Any, ...]) -> None:
        """Runs a statement with the next commit."""
        self._statements.append((statement, values))
        self._wake.set()

    def event(self, kind: str, **data: Any) -> None:
        """Keeps something that happened to the run."""
        self.do("INSERT INTO events VALUES (NULL, ?, ?, ?)", (time.time(), kind, json.dumps(data)))

    def set_meta(self, **values: Any) -> None:
        """Keeps facts about the run."""
        for key, value in values.items():
            self.do("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))

    @property
    def backlog(self) -> int:
        """How much waits to be written."""
        return len(self._calls) + len(self._statements)

    async def flush(self) -> None:
        """Returns once all that was put is committed. Raises StorageError if it could not be."""
        if self.failed:
            raise self.failed
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        with self._lock:
            self._waiters.append((loop, done))
            self._hurry.set()
        self._wake.set()
        await done
        if self.failed:
            raise self.failed

    def close(self) -> None:
        """Writes what is left and closes. Raises nothing: a failure stays in `failed`."""
        self._closing = True
        self._hurry.set()
        self._wake.set()
        self._thread.join()
        self._reader.close()
        self._db.close()
        self.calls.close()
        if self.user_calls is not None:
            self.user_calls.close()

    # the writer

    def _write_on(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            self._hurry.wait(WINDOW)
            # In this order: what a waiter waits for, and the calls that an outcome used, are then never left behind.
            with self._lock:
                waiters, self._waiters = self._waiters, []
                if not self._closing:
                    self._hurry.clear()
            statements, self._statements = self._statements, []
            calls, self._calls = self._calls, []
            if self.failed is None:
                try:
                    self._commit(calls, statements)
                except Exception as error:
                    self._fail(error)
            for loop, waiter in waiters:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(_settle, waiter)
            if self._closing and not self._calls and not self._statements:
                return

    def _commit(self, calls: list[tuple[bool, tuple[Any, ...]]], statements: list[tuple[str, tuple[Any, ...]]]) -> None:
        if calls:
            self.calls.write([row for _, row in calls])
            shared = [row for is_shared, row in calls if is_shared]
            if shared and self.user_calls is not None:
                number = self.user_calls.run
                self.user_calls.write([(*row[:2], number, *row[3:]) for row in shared])
            for _, row in calls:
                self._pending.pop(row[0], None)
        if statements:
            db = self._db
            db.execute("BEGIN IMMEDIATE")
            try:
                for statement, group in _grouped(statements):
                    db.executemany(statement, group)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def _fail(self, error: Exception) -> None:
        self.failed = unwritable_store(self.folder, error)
        self.failed.__cause__ = error
        if self.on_failure is not None:
            self.on_failure(self.failed)


def unwritable_store(folder: Path, error: Exception) -> StorageError:
    """The error for a run directory that cannot be written."""
    what = error.strerror if isinstance(error, OSError) and error.strerror else error
    hint = "make room or give the folder back its rights; the same command goes on where this run stopped"
    return StorageError(f"cannot write the run store in {folder}: {what}", hint=hint)


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _grouped(statements: list[tuple[str, tuple[Any, ...]]]) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """Neighbours with one statement together, in order."""
    current = ""
    group: list[tuple[Any, ...]] = []
    for statement, values in statements:
        if statement is not current and group:
            yield current, group
            group = []
        current = statement
        group.append(values)
    if group:
        yield current, group


def open_db(path: Path) -> sqlite3.Connection:
    """Opens or makes a `run.db` and brings it to the present version."""
    db = connect(path)
    version = db.execute("PRAGMA user_version").fetchone()[0]
    for number, script in enumerate(_MIGRATIONS[version:], version + 1):
        db.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")
    return db


def read_meta(folder: Path) -> dict[str, Any]:
    """The facts kept about a run; empty where there is no store that can be read."""
    try:
        db = connect(folder / "run.db", read_only=True)
    except sqlite3.Error:
        return {}
    try:
        return {key: json.loads(value) for key, value in db.execute("SELECT key, value FROM meta")}
    except sqlite3.Error:
        return {}
    finally:
        db.close()


encode = msgspec.json.Encoder().encode
"""Encodes bodies and trails."""
