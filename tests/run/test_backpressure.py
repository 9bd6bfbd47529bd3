"""Memory stays flat: no more is read than can be held, and a slow end holds back the beginning."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from seedbed.run import worker
from seedbed.run.executor import BATCH, LEAST_PLACES
from seedbed.run.prepare import prepare
from seedbed.run.session import Options, Session

ROWS = 4000


class Watched:
    """A run whose rows are counted when read and when written."""

    def __init__(self, project: Any, slow: float = 0.0) -> None:
        self.most = 0
        self.slow = slow
        options = Options(on_row=self.row)
        self.session = Session(prepare(project.folder / "p.yaml"), options, self)

    def row(self, *_: Any) -> None:
        if self.slow:
            time.sleep(self.slow)
        source, output = self.session.counts[0], self.session.counts[-1]
        self.most = max(self.most, source.taken - output.taken)

    def started(self, session: Session) -> None: ...

    def tick(self, session: Session) -> None: ...

    def ended(self, session: Session, summary: Any) -> None: ...


@pytest.fixture
def watched(project: Any) -> Any:
    def run(slow: float = 0.0) -> Watched:
        made = Watched(project, slow)
        assert asyncio.run(made.session.run()).accepted == ROWS
        return made

    return run


def nodes(kind: str) -> dict[str, Any]:
    if kind == "template":
        return {"text": {"type": "template", "template": "{{ id }}"}}
    return {"text": {"type": "llm", "model": "w", "prompt": "{{ id }}"}}


@pytest.mark.parametrize("kind", ["template", "llm"])
def test_a_slow_end_holds_back_the_beginning(
    project: Any, watched: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(worker, "MOST_WAITING", 300)
    project.pipeline(models={"w": {"provider": "scripted"}}, source={"count": ROWS}, nodes=nodes(kind))
    assert watched(slow=0.0001).most <= 300 + 2 * BATCH


def test_one_slow_record_lets_only_so_many_overtake(
    project: Any, watched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MOST_WAITING", 500)
    rules = [{"contains": "c0", "reply": "late", "latency": 0.5}]
    first = {"id": "c0"}
    project.seeds(first, *[{"id": f"r{i}"} for i in range(ROWS - 1)])
    project.pipeline(models={"w": {"provider": "scripted", "rules": rules}}, source="seeds.jsonl", nodes=nodes("llm"))
    assert watched().most <= 500 + 2 * BATCH
    assert project.rows()[0]["text"] == "late"


def test_the_bytes_held_are_bounded_too(project: Any, watched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MOST_BYTES", 200_000)
    rules = [{"contains": "c0", "reply": "late", "latency": 0.5}, {"reply": "x" * 2000}]
    project.seeds({"id": "c0"}, *[{"id": f"r{i}"} for i in range(ROWS - 1)])
    project.pipeline(
        models={"w": {"provider": "scripted", "rules": rules, "limits": {"concurrency": 8}}},
        source="seeds.jsonl",
        nodes=nodes("llm"),
    )
    assert watched().most <= 200 + LEAST_PLACES + 2 * BATCH
