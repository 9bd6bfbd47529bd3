"""`target`: exactly so many, the first in source order; and what a run's exit code says."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from seedbed.testing.server import ScriptedServer

RULES = [
    {"matches": r"topic \d*[37]\b", "reply": "no", "latency": 0.001},
    {"matches": r"topic \d*[05]\b", "reply": "yes", "latency": 0.06},
    {"reply": "yes", "latency": {"uniform": [0.001, 0.03]}},
]


def write(project: Any, entry: dict[str, Any], records: int = 200, **more: Any) -> None:
    project.seeds(*[{"id": f"s{i}", "topic": f"topic {i}"} for i in range(records)])
    project.pipeline(
        **{
            "models": {"w": entry},
            "source": "seeds.jsonl",
            "steps": [
                {"type": "graph", "nodes": {"ok": {"type": "llm", "model": "w", "prompt": "Is {{ topic }} good?"}}},
                {"type": "filter", "where": "ok == 'yes'"},
            ],
            **more,
        }
    )


def wanted(count: int) -> list[str]:
    return [f"s{i}" for i in range(400) if i % 10 not in (3, 7)][:count]


@pytest.mark.parametrize("concurrency", [1, 8, 64])
def test_exactly_so_many_and_the_first_in_source_order(project: Any, model: Any, concurrency: int) -> None:
    with ScriptedServer(RULES) as server:
        write(project, model(server, limits={"concurrency": concurrency}), target={"accepted": 20})
        summary = project.go()
        assert (summary.exit_code(), summary.accepted) == (0, 20)
        assert [row["id"] for row in project.rows()] == wanted(20)
        assert server.counts.received < 120, "it does not ask for all 200"
        asked = server.counts.received
        assert project.go().untouched
        write(project, model(server), target={"accepted": 30})
        assert project.go().accepted == 30
        assert [row["id"] for row in project.rows()] == wanted(30)
        assert server.counts.received <= asked + 90
    assert len(project.runs) == 1


def test_a_smaller_target_asks_nothing(project: Any, model: Any) -> None:
    with ScriptedServer(RULES) as server:
        write(project, model(server), 40)
        project.go()
        asked = server.counts.received
        write(project, model(server), 40, target={"accepted": 10})
        assert project.go().accepted == 10
        assert [row["id"] for row in project.rows()] == wanted(10)
        assert server.counts.received == asked


@pytest.mark.parametrize(
    ("target", "records", "accepted", "taken"),
    [
        ({"accepted": 50}, 30, 24, 30),
        ({"accepted": 50, "max_candidates": 20}, 200, 16, 20),
        ({"accepted": 16, "max_candidates": 20}, 200, 16, 20),
    ],
    ids=["the source is dry", "no more candidates", "just enough"],
)
def test_too_few_is_1(
    project: Any, model: Any, target: dict[str, int], records: int, accepted: int, taken: int
) -> None:
    with ScriptedServer(RULES) as server:
        write(project, model(server), records, target=target)
        summary = project.go()
        assert (summary.accepted, summary.taken) == (accepted, taken)
        assert summary.exit_code() == (1 if accepted < target["accepted"] else 0)
        assert server.counts.received <= records
    assert [row["id"] for row in project.rows()] == wanted(accepted)


def test_a_source_that_repeats(project: Any, model: Any) -> None:
    with ScriptedServer(RULES) as server:
        source = {"path": "seeds.jsonl", "repeat": True}
        write(project, model(server), 10, source=source, target={"accepted": 30})
        assert project.go().accepted == 30
    ids = [row["id"] for row in project.rows()]
    assert ids[:9] == [*wanted(8), "s0~2"]
    assert len(set(ids)) == 30


def test_a_target_after_steps_that_make_records(project: Any, model: Any) -> None:
    with ScriptedServer([{"reply": "a b c"}]) as server:
        steps = [
            {"type": "graph", "nodes": {"words": {"type": "llm", "model": "w", "prompt": "Words on {{ topic }}"}}},
            {"type": "set", "fields": {"words": "{{ words.split(' ') }}"}},
            {"type": "explode", "field": "words"},
        ]
        write(project, model(server), 50, steps=steps, target={"accepted": 10})
        assert project.go().accepted == 10
        assert [row["words"] for row in project.rows()] == [*"abcabcabca"]
        assert server.counts.received <= 40


BROKEN = '''
from typing import Literal
from seedbed.graph.contracts import Step, StepRun

class Mended(StepRun):
    def take(self, record):
        return [record]

class Broken(Step):
    """Cannot be opened."""

    type: Literal["broken"]

    def open(self, context):
        raise ZeroDivisionError("our own fault")
'''


def test_a_bug_is_70_and_resumable(project: Any) -> None:
    """A step of a package that is installed beside us, and whose code is wrong."""
    project.file("seedbed_broken.py", BROKEN)
    info = project.folder / "seedbed_broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: seedbed-broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[seedbed.steps]\nbroken = seedbed_broken:Broken\n")
    project.environment["PYTHONPATH"] = os.pathsep.join([str(project.folder), *sys.path])
    project.pipeline(source={"count": 3}, steps=[{"type": "broken"}])
    ran = project.run()
    assert ran.code == 70, ran.err
    assert "ZeroDivisionError: our own fault" in ran.err
    assert "this is a bug of ours" in ran.err
    project.file("seedbed_broken.py", BROKEN.replace('raise ZeroDivisionError("our own fault")', "return Mended()"))
    assert project.run().code == 0
    assert len(project.runs) == 1
    assert len(project.rows()) == 3


def test_a_wrong_option_is_2(project: Any) -> None:
    project.pipeline(source={"count": 1})
    for arguments in (["--no-such-option"], ["--set", "nothing"]):
        ran = project.run(*arguments)
        assert (ran.code, "Traceback" in ran.err) == (2, False), ran.err
    assert project.end(project.start("run", "none.yaml")).code == 2
