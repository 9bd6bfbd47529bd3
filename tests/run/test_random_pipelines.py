"""Random pipelines through the real executor and store: every record ends once, and a cut run ends as an unbroken one.

Nothing sleeps: the model is scripted, in process. A run is cut in two ways: stopped after so many outcomes (as by
Ctrl-C), or by a store that writes no more after so many commits (as by a kill: what is in memory is gone).
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from seedbed.errors import SpecError, StorageError
from seedbed.run import store
from seedbed.run.calls import Calls
from seedbed.run.prepare import prepare
from seedbed.run.session import Options, Session, Summary
from seedbed.run.store import RunStore

QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])

HOOKS = """
from hashlib import blake2b

def _number(*values):
    return int.from_bytes(blake2b(repr(values).encode(), digest_size=2).digest(), "big")

def some(id, visits):
    number = _number(id, sorted(visits.items()))
    if number % 7 == 0:
        raise ValueError("seven")
    return number

async def half(id, topic):
    return True if _number(id, topic) % 3 else None
"""
MODEL = {
    "provider": "scripted",
    "retries": 1,
    "rules": [{"fail": [{"kind": "empty", "rate": 0.2}, {"status": 400, "rate": 0.05}]}],
}
WORDS = ["start", "draft", "judge", "mend", "check", "close"]
ONE_TO_ONE = [
    {"type": "filter", "where": "topic != 'b'"},
    {"type": "set", "fields": {"upper": "{{ topic | upper }}"}},
    {"type": "sort", "by": "topic"},
    {"type": "shuffle"},
    {"type": "sample", "fraction": 0.7},
    {"type": "limit", "n": 9},
    {"type": "dedup.exact", "field": "topic"},
    {"type": "function", "call": "./hooks.py:half"},
    {"type": "graph", "nodes": {"last": {"type": "llm", "model": "w", "prompt": "Last on {{ topic }}"}}},
]
MANY = [{"type": "set", "fields": {"part": "{{ [1, 2, 3] }}"}}, {"type": "explode", "field": "part"}]


@dataclass
class Plan:
    """A random pipeline, and the rows of its source."""

    steps: list[dict[str, Any]]
    rows: list[str]
    seed: int
    one_to_one: bool

    def data(self, concurrency: int) -> dict[str, Any]:
        return {
            "name": "random",
            "seed": self.seed,
            "models": {"w": {**MODEL, "limits": {"concurrency": concurrency}}},
            "source": "seeds.jsonl",
            "steps": self.steps,
            "sink": ["out.jsonl", "out.csv"],
        }


def random_graph(rng: Random) -> dict[str, Any]:
    """A graph from left to right, with conditions, drops, errors and loops back to a node that all pass."""
    names = WORDS[1 : rng.randint(2, len(WORDS))]
    nodes: dict[str, Any] = {}
    for number, name in enumerate(names):
        kinds: list[dict[str, Any]] = [
            {"type": "llm", "model": "w", "prompt": f"{name} {{{{ topic }}}} {{{{ visits.{name} }}}}"},
            {"type": "function", "call": "./hooks.py:some"},
            {"type": "template", "template": f"{name} {{{{ topic }}}}"},
            {"type": "sampler", "choices": {"x": 1, "y": 2}},
        ]
        later = [*names[number + 1 :], "end", "drop"]
        errors = ["fail", "drop", {"set": "mended"}, {"goto": rng.choice(later)}]
        node = {**rng.choices(kinds, [4, 2, 1, 1])[0], "on_error": rng.choice(errors)}
        nodes[name] = node if rng.random() < 0.8 else {**node, "when": "topic != 'c'"}
    lines: list[str] = []
    order = ["start", *names]
    for number, name in enumerate(order):
        later = [*order[number + 1 :], "end"]
        conditions = ["topic == 'a'", "topic != 'd'", f"visits.{names[0]} == 1"]
        for target in rng.sample([*later[1:], "drop"], min(len(later) - 1, rng.randint(0, 2))):
            lines.append(f"{name} -> {target} when {rng.choice(conditions)}")
        if name != "start" and rng.random() < 0.3:
            lines.append(f"{name} -> {names[0]} when visits.{names[0]} < 3 and topic != 'e'")
        lines.append(f"{name} -> {later[0]}")
    return {"type": "graph", "nodes": nodes, "edges": lines}


@st.composite
def plans(draw: st.DrawFn, one_to_one: bool = True) -> Plan:
    rng = Random(draw(st.integers(0, 2**32)))
    steps = [random_graph(rng)]
    others = rng.sample(ONE_TO_ONE, rng.randint(0, 3))
    if not one_to_one:
        others[rng.randint(0, len(others)) :] = MANY
    steps += others
    if rng.random() < 0.3:
        steps = [*steps[1:], steps[0]] if one_to_one else steps
    rows = [json.dumps({"id": f"r{i}", "topic": rng.choice("abcdef")}) for i in range(rng.randint(1, 25))]
    if rng.random() < 0.5:
        rows.insert(rng.randint(0, len(rows)), "{broken")
        rows.append(rows[0] if rows[0] != "{broken" else rows[1])
    return Plan(steps, rows, rng.randint(0, 9), one_to_one)


class Place:
    """A folder in which a plan is run."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan, self.last = folder, plan, folder
        (folder / "hooks.py").write_text(HOOKS)
        (folder / "seeds.jsonl").write_text("\n".join(plan.rows) + "\n")

    def run(self, concurrency: int = 8, meanwhile: Callable[[Session], None] | None = None) -> Summary:
        try:
            (self.folder / "p.yaml").write_text(json.dumps(self.plan.data(concurrency)))
            pipeline = prepare(self.folder / "p.yaml")
        except SpecError:
            assume(False)
        session = Session(pipeline, Options())
        if meanwhile is not None:
            meanwhile(session)
        self.last = session.folder
        return asyncio.run(session.run())

    @property
    def bytes(self) -> tuple[bytes, ...]:
        return tuple((self.folder / name).read_bytes() for name in ("out.jsonl", "out.csv"))

    def rejects(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.last / f"{name}.jsonl").read_text().splitlines()]

    @property
    def outcome(self) -> Any:
        """All that must not depend on what happened on the way."""
        ends = [
            sorted((line["id"], line["line"], line["where"], line["error"]) for line in self.rejects(name))
            for name in ("failed", "dropped")
        ]
        return self.bytes, ends


@contextmanager
def place(plan: Plan) -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as folder:
        yield Place(Path(folder), plan)


@contextmanager
def store_that_dies(writes: int) -> Iterator[None]:
    """A store that writes so many times, to either of its databases, and then no more."""
    left = writes

    def or_die(write: Callable[..., Any]) -> Callable[..., Any]:
        def dying(*values: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise sqlite3.OperationalError("cut")
            return write(*values)

        return dying

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Calls, "write", or_die(Calls.write))
        patch.setattr(store, "_grouped", or_die(store._grouped))
        patch.setattr(store, "WINDOW", 0.0)
        yield


@contextmanager
def stopped_after(outcomes: int) -> Iterator[Callable[[Session], None]]:
    """Stops a run, as Ctrl-C does, once so many outcomes are there."""
    session: Session | None = None
    left = outcomes
    put = RunStore.put

    def counting(self: RunStore, *values: Any) -> None:
        nonlocal left
        put(self, *values)
        left -= 1
        if left == 0 and session is not None:
            session.stop("cut")

    def meanwhile(started: Session) -> None:
        nonlocal session
        session = started

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunStore, "put", counting)
        yield meanwhile


def unanswered(here: Place) -> list[str]:
    """Calls that a kept outcome used and that are not kept themselves."""
    with closing(sqlite3.connect(here.folder / "runs" / "calls.db")) as db:
        kept = {key.hex() for (key,) in db.execute("SELECT key FROM calls WHERE ok = 1")}
    with closing(sqlite3.connect(here.last / "run.db")) as db:
        trails = [json.loads(trail) for (trail,) in db.execute("SELECT trail FROM outcomes WHERE trail IS NOT NULL")]
    used = [call for trail in trails for event in trail for call in event.get("calls", ()) if "error" not in call]
    return [call["key"] for call in used if call["key"] not in kept]


def check_counts(summary: Summary, rows: int) -> None:
    """What leaves one step enters the next, and nothing is left over in any but what a `limit` did not want."""
    counts = summary.counts
    limited = any(step["step"] == "limit" for step in counts)
    for before, after in pairwise(counts):
        assert limited or before["out"] == after["in"]
    for step in counts:
        gone = sum(step["dropped"].values()) + sum(step["failed"].values()) + step.get("waiting", 0)
        assert step["in"] + step.get("made", 0) == step["out"] + gone
        assert step["step"] == "explode" or "made" not in step
        assert limited or "waiting" not in step
        assert "merged" not in step
    assert counts[-1]["out"] == summary.accepted == rows


@QUICK
@given(plans())
def test_every_record_ends_exactly_once(plan: Plan) -> None:
    with place(plan) as here:
        summary = here.run()
        done = [json.loads(line)["id"] for line in here.bytes[0].splitlines()]
        check_counts(summary, len(done))
        ends = Counter(done)
        for name, count in (("failed", summary.failed), ("dropped", summary.dropped)):
            lines = here.rejects(name)
            assert len(lines) == count
            ends.update(line["id"] for line in lines if line["error"] not in ("DuplicateId", "RowError"))
        rows = [row for row in plan.rows if row != "{broken"]
        ids = {json.loads(row)["id"] for row in rows}
        limited = any(step["type"] == "limit" for step in plan.steps)
        assert ends.keys() <= ids if limited else ends.keys() == ids
        assert set(ends.values()) <= {1}
        assert summary.failed >= summary.taken - summary.counts[0]["out"]


@QUICK
@given(plans(one_to_one=False))
def test_the_bytes_do_not_depend_on_how_many_are_in_flight(plan: Plan) -> None:
    outcomes = []
    for concurrency in (1, 4, 64):
        with place(plan) as here:
            summary = here.run(concurrency)
            check_counts(summary, here.bytes[0].count(b"\n"))
            outcomes.append(here.outcome)
    assert outcomes[0] == outcomes[1] == outcomes[2]


@QUICK
@given(plans(one_to_one=False), st.lists(st.integers(1, 12), min_size=1, max_size=3))
def test_stopped_anywhere_and_resumed_is_as_never_stopped(plan: Plan, stops: list[int]) -> None:
    with place(plan) as unbroken:
        total = unbroken.run().total
        whole = unbroken.outcome
    with place(plan) as here:
        for outcomes in stops:
            with stopped_after(outcomes) as meanwhile:
                here.run(meanwhile=meanwhile)
        summary = here.run()
        assert summary.stop is None
        assert here.outcome == whole
        answered = summary.total.calls - summary.total.bad
        assert answered == total.calls - total.bad, "what was answered is not asked again"


@QUICK
@given(plans(one_to_one=False), st.lists(st.integers(0, 12), min_size=1, max_size=3))
def test_cut_anywhere_and_resumed_is_as_never_cut(plan: Plan, cuts: list[int]) -> None:
    with place(plan) as unbroken:
        unbroken.run()
        whole = unbroken.outcome
    with place(plan) as here:
        for writes in cuts:
            with store_that_dies(writes), suppress(StorageError):
                assert isinstance(here.run().stop, StorageError | None)
            assert unanswered(here) == [], "answers are kept before what was made of them"
        summary = here.run()
        assert summary.stop is None
        assert here.outcome == whole
        assert unanswered(here) == []
