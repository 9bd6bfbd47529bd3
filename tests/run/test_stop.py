"""Ctrl-C and SIGTERM, once and twice, and two processes on one run."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from seedbed.testing.server import ScriptedServer

IN_FLIGHT = 8


def write(project: Any, entry: dict[str, Any], records: int = 120) -> None:
    """Two graphs with a step between them: what is under way in either must be waited for."""
    project.seeds(*[{"id": f"s{i}", "topic": f"topic {i}"} for i in range(records)])
    node = {"type": "llm", "model": "w"}
    project.pipeline(
        models={"w": entry},
        source="seeds.jsonl",
        steps=[
            {"type": "graph", "nodes": {"draft": {**node, "prompt": "Write on {{ topic }}."}}},
            {"type": "filter", "where": "draft != ''"},
            {"type": "graph", "nodes": {"more": {**node, "prompt": "More on {{ draft }}"}}},
        ],
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_once_waits_for_what_is_in_flight_and_stops_resumable(
    project: Any, model: Any, until: Any, number: signal.Signals
) -> None:
    with ScriptedServer(latency=0.1) as server:
        write(project, model(server))
        process = project.start("run", "p.yaml", "--quiet")
        until(lambda: server.counts.answered >= 30)
        process.send_signal(number)
        ran = project.end(process)
        assert ran.code == 3
        assert "stopping: waiting for what is in flight; once more stops at once" in ran.err
        assert "stopped by the user; the same command goes on where this run stopped" in ran.err
        assert "Traceback" not in ran.err
        assert "never retrieved" not in ran.err
        assert server.counts.gone == 0, "every call that was made got its answer"
        asked = server.counts.received
        assert asked == server.counts.answered < 240
        assert (project.failed(), project.dropped()) == ([], [])
        assert not (project.folder / "out.jsonl").exists()
        summary = project.go()
        assert (summary.exit_code(), summary.accepted) == (0, 120)
        assert server.counts.received == 240, "no answered call is asked again"
    assert len({row["id"] for row in project.rows()}) == 120


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_twice_stops_at_once(project: Any, model: Any, until: Any, number: signal.Signals) -> None:
    with ScriptedServer([{"contains": "topic 7.", "fail": "hang"}], latency=0.02) as server:
        write(project, model(server), 40)
        process = project.start("run", "p.yaml", "--quiet")
        until(lambda: server.counts.answered >= 20)
        process.send_signal(number)
        time.sleep(0.3)
        assert process.poll() is None, "one call hangs, and is waited for"
        started = time.monotonic()
        process.send_signal(number)
        ran = project.end(process)
        assert time.monotonic() - started < 2
        assert ran.code == 3
        server.rules = []
        assert project.go().accepted == 40
        assert server.counts.received <= 80 + IN_FLIGHT + IN_FLIGHT * 5


def test_a_run_that_waits_for_a_slow_limit_stops_at_once(project: Any, model: Any, until: Any) -> None:
    with ScriptedServer() as server:
        write(project, model(server, limits={"concurrency": 64, "rpm": 6}), 40)
        process = project.start("run", "p.yaml", "--quiet")
        until(lambda: server.counts.answered >= 1)
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        assert project.end(process).code == 3
        assert time.monotonic() - started < 3


def test_a_run_that_asks_nobody_stops_too(project: Any, until: Any) -> None:
    project.pipeline(
        source={"count": 3_000_000},
        steps=[{"type": "set", "fields": {"twice": "{{ id ~ id }}"}}, {"type": "filter", "where": "twice != ''"}],
    )
    process = project.start("run", "p.yaml", "--quiet")
    until(lambda: project.runs)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    assert project.end(process).code == 3
    assert time.monotonic() - started < 3
    assert not (project.folder / "out.jsonl").exists()


def test_two_processes_never_run_one_run(project: Any, model: Any, until: Any) -> None:
    with ScriptedServer(latency=0.1) as server:
        write(project, model(server), 60)
        first = project.start("run", "p.yaml", "--quiet")
        until(lambda: server.counts.answered >= 5)
        first.send_signal(signal.SIGSTOP)
        second = project.run()
        first.send_signal(signal.SIGCONT)
        assert second.code == 2
        (run,) = project.runs
        assert f"run p/{run.name} is being run by process {first.pid}; wait for it" in second.err
        assert "Traceback" not in second.err
        assert project.end(first).code == 0
        assert server.counts.received == 120
        third = project.run()
        assert third.code == 0
        assert "nothing to do" in third.err
        assert server.counts.received == 120


def test_a_lock_of_a_process_that_is_gone_holds_nobody(project: Any, model: Any, until: Any) -> None:
    with ScriptedServer(latency=0.05) as server:
        write(project, model(server), 20)
        first = project.start("run", "p.yaml", "--quiet")
        until(lambda: server.counts.answered >= 5)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        assert project.go().accepted == 20
