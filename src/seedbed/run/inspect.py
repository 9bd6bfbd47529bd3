"""Looks at a run from outside, whether it goes on or has ended. Reads `run.db` only; changes nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from seedbed.errors import InputError
from seedbed.run.calls import connect
from seedbed.run.folder import holder
from seedbed.run.store import read_meta

ENDED = ("finished", "stopped", "budget")
SAMPLE = 2000
"""Failed records that are looked at for their messages."""

_decode = msgspec.json.decode


@dataclass(slots=True)
class State:
    """How a run stands."""

    folder: Path
    meta: dict[str, Any]
    pid: int | None
    """The process that runs in it now."""

    @property
    def status(self) -> str:
        """`running`, `finished`, `stopped`, `budget`, or `killed`: it says it runs, and nobody does."""
        if self.pid is not None:
            return "running"
        said = self.meta.get("status")
        return str(said) if said in ENDED else "killed"

    @property
    def counts(self) -> list[dict[str, Any]]:
        """Counts of the source, each step and the output."""
        return list(self.meta.get("counts") or [])

    def total(self, kind: str) -> int:
        """How many records were `dropped` or `failed`."""
        return sum(sum(step[kind].values()) for step in self.counts)

    @property
    def done(self) -> int:
        """Records that reached the sinks, or will with the next ones."""
        return int(self.counts[-1]["out"]) if self.counts else 0

    def step_name(self, number: int) -> str:
        """The name of the step with that number in the store."""
        counts = self.counts
        return str(counts[number + 1]["step"]) if number + 2 < len(counts) else f"step {number + 1}"


@dataclass(frozen=True, slots=True)
class Failure:
    """Records that failed in one way."""

    where: str
    error: str
    message: str
    count: int
    example: str
    """The id of one of them."""


@dataclass(slots=True)
class Passage:
    """What one step did with one record."""

    step: str
    id: str
    status: str
    """`done`, `dropped` or `failed`."""
    place: str
    trail: list[dict[str, Any]] = field(default_factory=list)
    """Node executions in the order they ended: node, visit, status, seconds, calls, error."""
    made: list[tuple[str, dict[str, Any], list[str]]] = field(default_factory=list)
    """The records that went on: id, fields, parents."""
    reject: dict[str, Any] = field(default_factory=dict)
    """Why it did not go on: where, error, message, attempts, reply."""


def state_of(folder: Path) -> State:
    """How the run in a directory stands."""
    pid = holder(folder)
    return State(folder, read_meta(folder), pid)


@contextmanager
def _open(folder: Path) -> Iterator[sqlite3.Connection]:
    db = None
    try:
        db = connect(folder / "run.db", read_only=True)
        yield db
    except sqlite3.Error as error:
        raise InputError(f"{folder / 'run.db'} cannot be read: {error}") from error
    finally:
        if db is not None:
            db.close()


def events_of(folder: Path, most: int = 10) -> list[tuple[float, str, dict[str, Any]]]:
    """The last things that happened to a run, oldest first: when, what, and more about it."""
    with _open(folder) as db:
        rows = db.execute("SELECT at, kind, data FROM events ORDER BY number DESC LIMIT ?", (most,)).fetchall()
    return [(at, kind, json.loads(data)) for at, kind, data in reversed(rows)]


def failures_of(folder: Path) -> list[Failure]:
    """The ways in which records failed, most frequent first. Of very many failures the first ones are looked at."""
    found: dict[tuple[str, str, str], list[Any]] = {}
    with _open(folder) as db:
        for table in ("rejects", "outcomes"):
            query = f"SELECT body FROM {table} WHERE status = 'failed' LIMIT {SAMPLE}"
            for (body,) in db.execute(query):
                reject = _decode(body)
                entry = found.setdefault((reject["where"], reject["error"], reject["message"]), [0, reject["id"]])
                entry[0] += 1
    ways = [Failure(*key, count, example) for key, (count, example) in found.items()]
    return sorted(ways, key=lambda way: -way.count)


def passages_of(folder: Path, id: str) -> list[Passage]:
    """What the steps did with the record of that id, in order; empty where nothing is kept about it."""
    state = state_of(folder)
    names = {step["step"]: number for number, step in enumerate(state.counts)}
    found: list[tuple[int, Passage]] = []
    with _open(folder) as db:
        columns = "step, id, status, place, body, trail"
        for step, *row in db.execute(f"SELECT {columns} FROM outcomes WHERE {_any_step(db)} AND id = ?", (id,)):
            found.append((step + 1, _passage(state.step_name(step), *row)))
        for name, body, status in db.execute("SELECT step, body, status FROM rejects WHERE id = ?", (id,)):
            reject = _decode(body)
            passage = Passage(name, reject["id"], status, reject["place"], reject=reject)
            found.append((names.get(name, len(names)), passage))
    return [passage for _, passage in sorted(found, key=lambda item: item[0])]


def all_passages(folder: Path) -> list[Passage]:
    """What the steps did with every record, step by step: for small runs only."""
    state = state_of(folder)
    names = {step["step"]: number for number, step in enumerate(state.counts)}
    found: list[tuple[int, Passage]] = []
    with _open(folder) as db:
        for step, *row in db.execute("SELECT step, id, status, place, body, trail FROM outcomes ORDER BY number"):
            found.append((step + 1, _passage(state.step_name(step), *row)))
        for name, body, status in db.execute("SELECT step, body, status FROM rejects ORDER BY number"):
            reject = _decode(body)
            passage = Passage(name, reject["id"], status, reject["place"], reject=reject)
            found.append((names.get(name, len(names)), passage))
    return [passage for _, passage in sorted(found, key=lambda item: item[0])]


def _passage(step: str, id: str, status: str, place: str, body: bytes, trail: bytes | None) -> Passage:
    value = _decode(body)
    events = _decode(trail) if trail else []
    if status == "done":
        return Passage(step, id, status, place, events, made=[(made, fields, up) for made, fields, up in value])
    return Passage(step, id, status, place, events, reject=value)


def _any_step(db: sqlite3.Connection) -> str:
    """A condition that lets the index on step and id be used though the step is not known."""
    last = db.execute("SELECT max(step) FROM outcomes").fetchone()[0]
    return f"step IN ({', '.join(map(str, range((last or 0) + 1)))})"


def find_record(folder: Path, text: str) -> str:
    """The id of the record that a text means: an id, the beginning of one, or a source row such as `seeds.jsonl:12`.

    Raises InputError that names the nearest ids.
    """
    with _open(folder) as db:
        steps = _any_step(db)
        for table, where in (("outcomes", f"{steps} AND "), ("rejects", "")):
            if db.execute(f"SELECT 1 FROM {table} WHERE {where}id = ? LIMIT 1", (text,)).fetchone():
                return text
        if ":" in text and (at := _of_place(db, text)):
            return at
        close = _beginning(db, steps, text) if text else []
        if len(close) == 1:
            return close[0]
        near = close or _nearest(db, steps, text)
    what = f"several records begin with {text}" if close else f"nothing is kept about a record {text!r}"
    hint = f"near it: {', '.join(near)}" if near else "no step kept a record yet"
    raise InputError(what, hint=hint)


def _of_place(db: sqlite3.Connection, place: str) -> str | None:
    row = db.execute("SELECT id FROM outcomes WHERE place = ? ORDER BY number LIMIT 1", (place,)).fetchone()
    if row is not None:
        return str(row[0])
    for (body,) in db.execute("SELECT body FROM rejects"):
        if (reject := _decode(body))["place"] == place:
            return str(reject["id"])
    return None


def _beginning(db: sqlite3.Connection, steps: str, start: str, most: int = 5) -> list[str]:
    bounds = (start, start + "\U0010ffff")
    found: dict[str, None] = {}
    for table, where in (("outcomes", f"{steps} AND "), ("rejects", "")):
        query = f"SELECT DISTINCT id FROM {table} WHERE {where}id >= ? AND id < ? ORDER BY id LIMIT {most}"
        found |= dict.fromkeys(row[0] for row in db.execute(query, bounds))
    return list(found)[:most]


def _nearest(db: sqlite3.Connection, steps: str, text: str) -> list[str]:
    for length in range(len(text) - 1, 2, -1):
        if found := _beginning(db, steps, text[:length]):
            return found
    every = [row[0] for row in db.execute("SELECT id FROM rejects UNION SELECT id FROM outcomes LIMIT 3000")]
    return get_close_matches(text, every, 5, cutoff=0.5) or every[:5]


def family(folder: Path, id: str) -> tuple[list[str], list[Passage]]:
    """The ids a record was made from, nearest last, and what became of the records made from it.

    Ids tell: a record made from `a` is called `a.PART`.
    """
    parts = id.split(".")
    starts = [".".join(parts[:i]) for i in range(1, len(parts))]
    with _open(folder) as db:
        steps = _any_step(db)
        up = [start for start in starts if start in _beginning(db, steps, start, 1)]
        down = _beginning(db, steps, f"{id}.", 1000)
    return up, [passage for child in down for passage in passages_of(folder, child)]
