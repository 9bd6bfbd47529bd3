"""A step context in memory, and a run of one step over a list of records that checks its counts."""

import asyncio
from pathlib import Path

import pytest

from seedbed.errors import RecordError
from seedbed.graph.contracts import WorkerStep
from seedbed.record import Record


def rank(value):
    """The order of keys that a spool promises: nulls, booleans, numbers, texts, others."""
    kinds = [type(None), bool, (int, float), str, object]
    place = next(i for i, kind in enumerate(kinds) if isinstance(value, kind))
    return place, 0 if value is None else value if place < 4 else repr(value)


class ListSpool:
    def __init__(self):
        self.rows = []

    def add(self, record, key=None):
        self.rows.append((key, record))

    def in_order(self, *, descending=False):
        ordered = sorted(self.rows, key=lambda row: rank(row[0]), reverse=descending)
        return iter([record for _, record in ordered])

    def __len__(self):
        return len(self.rows)


class DictSeen:
    def __init__(self):
        self.notes = {}

    def add(self, key, note):
        assert isinstance(key, bytes)
        if key in self.notes:
            return self.notes[key]
        self.notes[key] = note
        return None


class DictIndex:
    def __init__(self):
        self.rows = {}

    def add(self, key, record):
        self.rows.setdefault(key, []).append(record)

    def count(self, key):
        return len(self.rows.get(key, []))

    def find(self, key):
        return iter(self.rows.get(key, []))

    def get(self, key, place):
        return self.rows[key][place]


class FakeContext:
    def __init__(self, seed=0, base=Path(), params=None, name="step"):
        self.seed, self.base, self.folder, self.params, self.name = seed, base, base, params or {}, name
        self.dropped = {}
        self.failed = {}
        self.outcomes = []

    def run_blocking(self, call):
        return asyncio.to_thread(call)

    def drop(self, record, reason, detail=""):
        assert record.id not in self.dropped, "dropped twice"
        self.dropped[record.id] = reason

    def spool(self):
        return ListSpool()

    def fail(self, record, error):
        self.failed[record.id] = str(error)

    def seen(self):
        return DictSeen()

    def index(self):
        return DictIndex()


def run_step(step, records, **context):
    """The records that leave a step, and its context, which knows what was dropped and what failed."""
    fake = FakeContext(**context)
    out = []
    if isinstance(step, WorkerStep):
        asyncio.run(_work(step, records, fake, out))
        return out, fake
    run = step.open(fake)
    for record in records:
        if run.done:
            break
        before = dict(record.fields)
        try:
            out += run.take(record)
        except RecordError as error:
            fake.failed[record.id] = str(error)
        assert record.fields == before, "a step must not change the record it is given"
    out += run.finish()
    return out, fake


async def _work(step, records, fake, out):
    work = step.work(fake)
    for record in records:
        outcome = await work(record)
        fake.outcomes.append(outcome)
        if outcome.status == "dropped":
            fake.drop(record, outcome.reason)
        elif outcome.status == "failed":
            fake.failed[record.id] = str(outcome.error)
        out += outcome.records


def make_records(*rows):
    return [Record(f"r{i}", fields, (), f"seeds.jsonl:{i + 1}") for i, fields in enumerate(rows)]


@pytest.fixture(scope="session")
def run():
    return run_step


@pytest.fixture(scope="session")
def records():
    return make_records
