"""`kill -9` at random points: nothing lost, nothing twice, nothing paid twice, the same bytes."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from seedbed.testing.server import ScriptedServer

IN_FLIGHT, LATENCY = 12, 0.06
KILLS, TRIALS = 5, 4
MOST_EXTRA = IN_FLIGHT + round(IN_FLIGHT * 0.1 / LATENCY)
"""Calls that one kill may cost: those in flight, and those answered in one commit window of 100 ms."""

STEPS = [
    {
        "type": "graph",
        "nodes": {
            "lens": {"type": "sampler", "choices": {"short": 3, "long": 1}},
            "draft": {
                "type": "llm",
                "model": "writer",
                "prompt": "Write {{ lens }} on {{ topic }}{% if verdict %}, try {{ visits.draft + 1 }}{% endif %}",
            },
            "verdict": {
                "type": "llm",
                "model": "writer",
                "prompt": "Judge {{ draft }}",
                "schema": {"score": "int 1..6"},
            },
            "size": {"type": "function", "call": "./hooks.py:size"},
        },
        "edges": [
            "start -> lens -> draft -> verdict -> size",
            "size -> draft when verdict.score < 3 and visits.draft < 2",
            "size -> drop when verdict.score == 6",
            "size -> end",
        ],
    },
    {"type": "filter", "where": "verdict.score >= 3"},
    {"type": "set", "fields": {"word": "{{ draft.split(' ') }}"}},
    {"type": "explode", "field": "word"},
    {"type": "dedup.exact", "field": "word"},
    {"type": "sort", "by": "word"},
    {"type": "graph", "nodes": {"rhyme": {"type": "llm", "model": "writer", "prompt": "A rhyme on {{ word }}"}}},
]
HOOKS = """
def size(draft, topic):
    if topic == "topic 13":
        raise ValueError("thirteen")
    return len(draft)
"""


def prepare(project: Any, model: Any, server: ScriptedServer) -> None:
    server.rules = [{"contains": "on topic 7", "reply": ""}]
    project.file("hooks.py", HOOKS)
    project.seeds(*[{"id": f"s{i}", "topic": f"topic {i}"} for i in range(30)], "{broken")
    project.pipeline(
        models={"writer": model(server, limits={"concurrency": IN_FLIGHT}, retries=1)},
        source="seeds.jsonl",
        steps=STEPS,
        sink=[{"path": "out.jsonl"}, {"path": "out.csv"}],
    )


def outcome(project: Any) -> dict[str, Any]:
    """All that a run leaves behind and that must not depend on what happened to it on the way."""
    (run,) = project.runs
    folder: Path = project.folder
    rejects = {}
    for name in ("failed.jsonl", "dropped.jsonl"):
        lines = [json.loads(line) for line in (run / name).read_text("utf-8").splitlines()]
        rejects[name] = sorted((r["id"], r["line"], r["where"], r["error"], r["reply"] or "") for r in lines)
    return {
        "jsonl": (folder / "out.jsonl").read_bytes(),
        "csv": (folder / "out.csv").read_bytes(),
        **rejects,
    }


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, project_in: Any, model: Any) -> tuple[dict[str, Any], int]:
    project = project_in(tmp_path_factory.mktemp("unbroken"))
    with ScriptedServer(latency=LATENCY) as server:
        prepare(project, model, server)
        ran = project.run("--max-failed", "100")
        assert ran.code == 0, ran.err
        requests = server.counts.received
    whole = outcome(project)
    assert len(whole["failed.jsonl"]) == 3
    reasons = Counter(reject[3] for reject in whole["dropped.jsonl"])
    assert len(reasons) >= 3, reasons
    assert len(project.rows()) > 30
    return whole, requests


@pytest.mark.parametrize("trial", range(TRIALS))
def test_killed_at_random_points(trial: int, project: Any, model: Any, until: Any, unbroken: Any) -> None:
    whole, requests = unbroken
    random = Random(f"kill {trial}")
    kills = 0
    with ScriptedServer(latency=LATENCY) as server:
        prepare(project, model, server)
        while kills < KILLS:
            before = server.counts.received
            process = project.start("run", "p.yaml", "--quiet", "--max-failed", "100")
            if random.random() < 0.8:
                until(
                    lambda before=before, process=process: server.counts.received > before or process.poll() is not None
                )
                time.sleep(random.uniform(0.0, 0.15))
            else:
                time.sleep(random.uniform(0.1, 0.6))
            if process.poll() is not None:
                break
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        ran = project.run("--max-failed", "100")
        assert ran.code == 0, ran.err
        until(lambda: server.counts.in_flight == 0)
        assert kills >= KILLS - 2, "the run was over before it could be killed often enough"
        assert server.counts.received <= requests + kills * MOST_EXTRA
    assert outcome(project) == whole
    ids = [row["id"] for row in project.rows()]
    assert len(ids) == len(set(ids))


def test_no_more_than_a_window_of_answers_is_lost(project: Any, model: Any, until: Any) -> None:
    with ScriptedServer(latency=0.05) as server:
        project.pipeline(
            models={"w": model(server, limits={"concurrency": 4})},
            source={"count": 200},
            nodes={"text": {"type": "llm", "model": "w", "prompt": "On {{ id }}"}},
        )
        process = project.start("run", "p.yaml", "--quiet")
        until(lambda: server.counts.answered >= 60)
        process.send_signal(signal.SIGKILL)
        process.wait()
        until(lambda: server.counts.in_flight == 0)
        answered = server.counts.answered
    with closing(sqlite3.connect(project.folder / "runs" / "calls.db")) as calls:
        (kept,) = calls.execute("SELECT count(*) FROM calls").fetchone()
    assert answered - kept <= 4 + 2 * 8, "eight are answered in 100 ms; twice that, since machines are busy"
