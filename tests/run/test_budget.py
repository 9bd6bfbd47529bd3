"""Budgets and prices: a hard stop, resumable, counted over all processes of a run."""

from __future__ import annotations

import time
from typing import Any

import pytest

from seedbed.errors import BudgetReached
from seedbed.testing.server import ScriptedServer

IN_FLIGHT = 8
USAGE = {"input": 1000, "output": 200, "cached_input": 600}
PRICE = {"input": 2.5, "cached_input": 1.25, "output": 10.0}
USD = 400 * 2.5e-6 + 600 * 1.25e-6 + 200 * 10e-6
RULES = [{"reply": "Text number {{ asked }} on {{ prompt }}", "usage": USAGE}]


def write(project: Any, entry: dict[str, Any], records: int = 40, **more: Any) -> None:
    project.seeds(*[{"id": f"s{i}", "topic": f"topic {i}"} for i in range(records)])
    node = {"type": "llm", "model": "w", "prompt": "Write on {{ topic }}"}
    project.pipeline(models={"w": entry}, source="seeds.jsonl", nodes={"text": node}, **more)


@pytest.mark.parametrize(
    ("budget", "larger", "calls"),
    [
        ({"calls": 12}, {"calls": 25}, (12, 25)),
        ({"usd": 12 * USD - 1e-9}, {"usd": 25 * USD - 1e-9}, (12, 25)),
        ({"tokens": 12 * 1200}, {"tokens": "30k"}, (12, 25)),
    ],
    ids=["calls", "usd", "tokens"],
)
def test_a_budget_stops_and_a_larger_one_goes_on(
    project: Any, model: Any, budget: dict[str, Any], larger: dict[str, Any], calls: tuple[int, int]
) -> None:
    with ScriptedServer(RULES, latency=0.01) as server:
        entry = model(server, price=PRICE)
        for given, reached in zip((budget, larger), calls, strict=True):
            write(project, entry, budget=given)
            summary = project.go()
            assert isinstance(summary.stop, BudgetReached)
            assert (summary.exit_code(), summary.status) == (4, "budget")
            assert "raise `budget` and run the same command to go on" in str(summary.stop)
            assert reached <= server.counts.received <= reached + IN_FLIGHT, "no more than those in flight beyond it"
            assert summary.total.calls == server.counts.received
            assert summary.total.usd == pytest.approx(USD * server.counts.received)
            assert project.failed() == []
            assert not (project.folder / "out.jsonl").exists()
        write(project, entry)
        summary = project.go()
        assert (summary.exit_code(), summary.accepted) == (0, 40)
        assert server.counts.received == 40
        assert summary.total.usd == pytest.approx(40 * USD)
        assert summary.total.input == server.counts.input_tokens
        assert summary.total.output == server.counts.output_tokens
    assert len(project.runs) == 1


def test_the_option_and_its_exit_code(project: Any, model: Any) -> None:
    with ScriptedServer(RULES, latency=0.01) as server:
        write(project, model(server, price=PRICE))
        ran = project.run("--budget", f"{10 * USD - 1e-6:.6f}")
        assert ran.code == 4
        assert "is spent" in ran.err
        assert 10 <= server.counts.received <= 10 + IN_FLIGHT
        assert project.run("--budget", "5").code == 0
        assert server.counts.received == 40


def test_minutes(project: Any, model: Any) -> None:
    with ScriptedServer(RULES, latency=0.1) as server:
        write(project, model(server), 400, budget={"minutes": 0.5 / 60})
        started = time.monotonic()
        summary = project.go()
        assert time.monotonic() - started < 3
        assert summary.exit_code() == 4
        asked = server.counts.received
        assert project.go().exit_code() == 4, "the minutes of all processes count"
        assert server.counts.received <= asked + IN_FLIGHT
        write(project, model(server, limits={"concurrency": 64}), 400, budget={"minutes": 5})
        assert project.go().accepted == 400
        assert server.counts.received == 400


def test_kept_answers_cost_nothing(project: Any, model: Any) -> None:
    with ScriptedServer(RULES) as server:
        entry = model(server, price=PRICE)
        write(project, entry)
        assert project.go().total.usd == pytest.approx(40 * USD)
        write(project, entry, name="another", budget={"usd": 1e-9})
        summary = project.go()
        assert (summary.exit_code(), summary.total.usd, summary.total.cached) == (0, 0.0, 40)
        assert server.counts.received == 40


def test_a_budget_that_is_just_enough_is_enough(project: Any, model: Any) -> None:
    with ScriptedServer(RULES, latency=0.3) as server:
        write(project, model(server), 16, budget={"calls": 16})
        assert project.go().exit_code() == 0
        assert server.counts.received == 16


def test_bad_replies_are_paid_too(project: Any, model: Any) -> None:
    rules = [{"contains": "topic 3", "reply": "", "usage": {"input": 1000}}, *RULES]
    with ScriptedServer(rules) as server:
        write(project, model(server, price=PRICE, retries=1), 5)
        summary = project.go()
        assert summary.total.usd == pytest.approx(4 * USD + 2 * 1000 * 2.5e-6)
        assert (summary.total.calls, summary.total.bad) == (6, 2)
    (node,) = summary.nodes
    assert (node["node"], node["model"], node["calls"]) == ("text", "w", 6)
