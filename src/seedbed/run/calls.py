"""`calls.db`: every reply of an endpoint, kept for good, shared by all runs and processes under one `runs/`."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import msgspec

from seedbed.models.contract import Reply
from seedbed.models.ledger import Call, Totals

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS calls (
    number INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    ok INTEGER NOT NULL,
    run INTEGER NOT NULL,
    node TEXT NOT NULL,
    model TEXT NOT NULL,
    record TEXT NOT NULL,
    at REAL NOT NULL,
    input INTEGER NOT NULL, cached_input INTEGER NOT NULL, output INTEGER NOT NULL,
    usd REAL NOT NULL, seconds REAL NOT NULL,
    error TEXT,
    asked BLOB NOT NULL,
    reply BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS calls_key ON calls (key, ok, run);
CREATE INDEX IF NOT EXISTS calls_run ON calls (run);
"""

_INSERT = "INSERT INTO calls VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Reply).decode


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection that may be shared between threads, one user at a time, in WAL mode."""
    if read_only:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False, timeout=60)
    else:
        db = sqlite3.connect(path, check_same_thread=False, timeout=60)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
    db.isolation_level = None
    return db


class Calls:
    """One `calls.db`, for one run."""

    def __init__(self, path: Path, run: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.writer = connect(path)
        self.writer.executescript(_SCHEMA)
        self.writer.execute("INSERT OR IGNORE INTO runs (id) VALUES (?)", (run,))
        self.run: int = self.writer.execute("SELECT number FROM runs WHERE id = ?", (run,)).fetchone()[0]
        self._reader = connect(path, read_only=True)

    def row(self, call: Call) -> tuple[Any, ...]:
        """A call as it is written."""
        reply, usage = call.reply, call.reply.usage
        return (
            call.key, call.ok, self.run, call.node, call.model, call.record, time.time(),
            usage.input, usage.cached_input, usage.output, call.usd, reply.seconds,
            call.error or None, call.asked, _encode(reply),
        )  # fmt: skip

    def write(self, rows: list[tuple[Any, ...]]) -> None:
        """Writes rows in one transaction."""
        self.writer.execute("BEGIN IMMEDIATE")
        try:
            self.writer.executemany(_INSERT, rows)
            self.writer.execute("COMMIT")
        except BaseException:
            if self.writer.in_transaction:
                self.writer.execute("ROLLBACK")
            raise

    def find(self, key: bytes, *, own: bool) -> Reply | None:
        """The newest answer under a key; with `own`, of this run only."""
        if own:
            question = "SELECT reply FROM calls WHERE key = ? AND ok = 1 AND run = ? ORDER BY number DESC LIMIT 1"
            row = self._reader.execute(question, (key, self.run)).fetchone()
        else:
            row = self._reader.execute(
                "SELECT reply FROM calls WHERE key = ? AND ok = 1 ORDER BY number DESC LIMIT 1", (key,)
            ).fetchone()
        return None if row is None else _decode(row[0])

    def spent(self) -> dict[tuple[str, str], Totals]:
        """What this run's calls were so far, per node and model."""
        question = """SELECT node, model, count(*), sum(1 - ok), sum(input), sum(cached_input), sum(output),
                      sum(usd), sum(seconds) FROM calls WHERE run = ? GROUP BY node, model"""
        found: dict[tuple[str, str], Totals] = {}
        for node, model, calls, bad, given, cached, made, usd, seconds in self._reader.execute(question, (self.run,)):
            found[node, model] = Totals(
                calls=calls, bad=bad, input=given, cached_input=cached, output=made, usd=usd, seconds=seconds
            )
        return found

    def close(self) -> None:
        """Closes both connections."""
        self._reader.close()
        self.writer.close()


def of_record(path: Path, run: str, keys: list[bytes], record: str) -> list[dict[str, Any]]:
    """All that was asked and answered under some keys, for `seedbed trace`, oldest first."""
    db = connect(path, read_only=True)
    try:
        own = db.execute("SELECT number FROM runs WHERE id = ?", (run,)).fetchone()
        marks = ", ".join("?" * len(keys)) or "NULL"
        question = f"""SELECT key, ok, node, model, usd, seconds, input, output, error, asked, reply, run FROM calls
                       WHERE key IN ({marks}) OR (run = ? AND record = ?) ORDER BY number"""
        if not keys and own is None:
            return []
        found = []
        for row in db.execute(question, (*keys, own[0] if own else -1, record)):
            key, ok, node, model, usd, seconds, given, made, error, asked, reply, number = row
            found.append(
                {
                    "key": key.hex(),
                    "ok": bool(ok),
                    "node": node,
                    "model": model,
                    "usd": usd,
                    "seconds": seconds,
                    "input": given,
                    "output": made,
                    "error": error,
                    "messages": msgspec.json.decode(asked),
                    "reply": msgspec.to_builtins(_decode(reply)),
                    "own": own is not None and number == own[0],
                }
            )
        return found
    finally:
        db.close()
