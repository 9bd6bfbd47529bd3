"""The same command again, and almost the same: what is asked, and which run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seedbed.testing.server import ScriptedServer

NODES = {
    "draft": {"type": "llm", "model": "w", "prompt": "Write on {{ topic }}."},
    "more": {"type": "llm", "model": "w", "prompt": "More on {{ draft }}"},
}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


class Asker:
    """A project with a server, which knows how much each run asked."""

    def __init__(self, project: Any, model: Any, server: ScriptedServer) -> None:
        self.project, self.model, self.server = project, model, server
        self.keys: dict[str, Any] = {
            "models": {"w": model(server)},
            "source": "seeds.jsonl",
            "nodes": {name: dict(node) for name, node in NODES.items()},
        }
        self.seeds(10)

    def seeds(self, records: int) -> None:
        self.project.seeds(*[{"id": f"s{i}", "topic": f"topic {i}"} for i in range(records)])

    def asks(self, **options: Any) -> int:
        """Runs, and says how many requests that took."""
        self.project.pipeline(**self.keys)
        before = self.server.counts.received
        self.summary = self.project.go(**options)
        assert self.summary.stop is None
        return self.server.counts.received - before

    @property
    def runs(self) -> int:
        return len(self.project.runs)


@pytest.fixture
def asker(project: Any, model: Any, server: ScriptedServer) -> Asker:
    return Asker(project, model, server)


def test_a_finished_run_asks_nothing_and_writes_missing_sinks(asker: Asker) -> None:
    out: Path = asker.project.folder / "out.jsonl"
    assert asker.asks() == 20
    first = out.read_bytes()
    written = out.stat().st_mtime_ns
    assert (asker.asks(), asker.summary.untouched, asker.summary.exit_code()) == (0, True, 0)
    assert out.stat().st_mtime_ns == written
    out.unlink()
    assert (asker.asks(), asker.summary.untouched, asker.summary.exit_code()) == (0, False, 0)
    assert out.read_bytes() == first
    assert asker.runs == 1


def test_an_edited_later_node_asks_only_itself(asker: Asker) -> None:
    asker.asks()
    asker.keys["nodes"]["more"]["prompt"] = "Yet more on {{ draft }}"
    assert asker.asks() == 10
    assert asker.runs == 2
    asker.keys["nodes"]["draft"]["prompt"] = "Write much on {{ topic }}."
    assert asker.asks() == 20


def test_a_renamed_node_asks_nothing(asker: Asker) -> None:
    asker.asks()
    nodes = asker.keys["nodes"]
    asker.keys["nodes"] = {"text": nodes["draft"], "more": {**nodes["more"], "prompt": "More on {{ text }}"}}
    assert asker.asks() == 0
    assert asker.runs == 2


def test_another_pipeline_of_the_project_asks_nothing_twice(asker: Asker) -> None:
    asker.asks()
    asker.keys["name"] = "another"
    assert asker.asks() == 0
    assert asker.summary.total.cached == 20
    assert asker.summary.total.usd == 0


def test_fresh_asks_all_and_what_it_asked_goes_on(asker: Asker) -> None:
    asker.asks()
    assert asker.asks(fresh=True) == 20
    assert asker.runs == 2
    assert asker.asks() == 0
    (asker.project.folder / "out.jsonl").unlink()
    assert asker.asks() == 0


@pytest.mark.parametrize(
    "edit",
    [
        {"models": {"w": {"base_url": "OTHER"}}},
        {"models": {"w": {"limits": {"concurrency": 3, "rpm": 600000}}}},
        {"models": {"w": {"price": {"input": 3.0}}}},
        {"models": {"w": {"timeout": 5, "retries": 1, "api_key": "other", "headers": {"X-A": "b"}}}},
        {"budget": {"usd": 100}},
        {"sink": "other.jsonl"},
        {"sink": ["out.jsonl", "out.csv"]},
    ],
    ids=str,
)
def test_what_makes_no_other_run(asker: Asker, server: ScriptedServer, edit: dict[str, Any]) -> None:
    asker.asks()
    with ScriptedServer() as other:
        for key, value in edit.items():
            if key == "models":
                url = value["w"].get("base_url")
                asker.keys["models"]["w"] |= {**value["w"], **({"base_url": other.url} if url else {})}
            else:
                asker.keys[key] = value
        assert asker.asks() == 0
        assert other.counts.received == 0
    assert asker.runs == 1
    for sink in asker.summary.sinks:
        assert (asker.project.folder / sink).is_file()


def test_comments_and_layout_make_no_other_run(asker: Asker) -> None:
    asker.asks()
    path: Path = asker.project.folder / "p.yaml"
    path.write_text("# a comment\n\n" + path.read_text("utf-8").replace(",\n", " , # another\n"), "utf-8")
    assert asker.project.go().untouched
    assert asker.runs == 1


@pytest.mark.parametrize(
    ("edit", "asks"),
    [
        ({"seed": 1}, 0),
        ({"params": {"unused": 1}}, 0),
        ({"output": {"text": "{{ more }}"}}, 0),
        ({"schema": {"id": "str", "topic": "str", "draft": "str", "more": "str"}}, 0),
        ({"models": {"w": {"model": "n"}}}, 20),
        ({"models": {"w": {"params": {"temperature": 0.5}}}}, 20),
        ({"models": {"w": {"extra_body": {"top_k": 3}}}}, 20),
        ({"models": {"w": {"cache_key": "other"}}}, 20),
    ],
    ids=str,
)
def test_what_makes_another_run(asker: Asker, edit: dict[str, Any], asks: int) -> None:
    asker.asks()
    for key, value in edit.items():
        if key == "models":
            asker.keys["models"]["w"] |= value["w"]
        else:
            asker.keys[key] = value
    assert asker.asks() == asks
    assert asker.runs == 2


def test_an_edited_hook_makes_another_run(asker: Asker) -> None:
    asker.keys["nodes"]["size"] = {"type": "function", "call": "./hooks.py:size"}
    asker.project.file("hooks.py", "def size(draft):\n    return len(draft)\n")
    assert asker.asks() == 20
    asker.project.file("hooks.py", "def size(draft):\n    return -len(draft)\n")
    assert asker.asks() == 0
    assert asker.runs == 2
    assert all(row["size"] < 0 for row in asker.project.rows())


def test_more_records_ask_for_themselves_only(asker: Asker) -> None:
    asker.seeds(40)
    assert asker.asks(limit=10) == 20
    assert len(asker.project.rows()) == 10
    assert asker.asks(limit=20) == 20
    assert asker.asks(limit=20) == 0
    assert asker.asks() == 40
    assert [row["id"] for row in asker.project.rows()] == [f"s{i}" for i in range(40)]
    assert asker.asks(limit=5) == 0
    assert len(asker.project.rows()) == 5
    assert asker.runs == 1


def test_a_source_limit_that_is_raised_extends_the_run(asker: Asker) -> None:
    asker.keys["source"] = {"path": "seeds.jsonl", "limit": 4}
    assert asker.asks() == 8
    asker.keys["source"]["limit"] = 7
    assert asker.asks() == 6
    assert asker.runs == 1


def test_a_source_that_grew_extends_the_run(asker: Asker) -> None:
    assert asker.asks() == 20
    asker.seeds(13)
    assert asker.asks() == 6
    assert len(asker.project.rows()) == 13
    assert asker.runs == 1


def test_only_failed_records_are_tried_again(asker: Asker) -> None:
    asker.keys["models"]["w"]["retries"] = 0
    asker.server.rules = [{"contains": ["Write", "topic 3."], "reply": ""}, {"contains": "topic 5.", "fail": 400}]
    assert asker.asks() == 18
    assert (asker.summary.failed, asker.summary.exit_code()) == (2, 1)
    assert (asker.asks(), asker.summary.untouched, asker.summary.exit_code()) == (0, True, 1)
    assert asker.asks(retry_failed=True) == 2
    assert [line["id"] for line in asker.project.failed()] == ["s3", "s5"]
    asker.server.rules = []
    assert asker.asks(retry_failed=True) == 4
    assert (asker.summary.failed, asker.summary.exit_code(), asker.project.failed()) == (0, 0, [])
    assert [row["id"] for row in asker.project.rows()] == [f"s{i}" for i in range(10)]


def test_seedbed_retry_tries_only_them(asker: Asker) -> None:
    asker.keys["models"]["w"]["retries"] = 0
    asker.server.rules = [{"contains": ["Write", "topic 3."], "reply": ""}]
    asker.asks()
    asker.server.rules = []
    before = asker.server.counts.received
    ran = asker.project.end(asker.project.start("retry", asker.project.runs[0].name))
    assert ran.code == 0, ran.err
    assert asker.server.counts.received == before + 2
    assert asker.project.failed() == []
    assert len(asker.project.rows()) == 10


def test_a_hundred_records_without_data_get_a_hundred_answers(project: Any, model: Any, server: ScriptedServer) -> None:
    server.rules = [{"reply": "Answer {{ asked }}"}]
    node = {"type": "llm", "model": "w", "prompt": "Say something."}
    project.pipeline(models={"w": model(server)}, source={"count": 100}, nodes={"text": node})
    assert project.go().accepted == 100
    assert server.counts.received == 100
    assert len({row["text"] for row in project.rows()}) == 100


def test_at_temperature_0_they_share_one(project: Any, model: Any, server: ScriptedServer) -> None:
    server.rules = [{"reply": "Answer {{ asked }}", "latency": 0.05}]
    node = {"type": "llm", "model": "w", "prompt": "Say something.", "params": {"temperature": 0}}
    project.pipeline(models={"w": model(server)}, source={"count": 100}, nodes={"text": node})
    assert project.go().accepted == 100
    assert server.counts.received == 1
    assert {row["text"] for row in project.rows()} == {"Answer 1"}


@pytest.mark.parametrize(("cache", "again"), [("project", 0), ("run", 20), ("off", 20)])
def test_whose_answers_are_shared(asker: Asker, cache: str, again: int) -> None:
    asker.keys["models"]["w"]["cache"] = cache
    assert asker.asks() == 20
    asker.keys["name"] = "another"
    assert asker.asks() == again
    (asker.project.folder / "out.jsonl").unlink()
    assert asker.asks() == 0, "what a record became is kept, whatever the cache"


def test_answers_of_the_user_are_shared_between_projects(
    asker: Asker, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, project_in: Any, model: Any
) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    asker.keys["models"]["w"]["cache"] = "user"
    assert asker.asks() == 20
    assert list(home.rglob("calls.db"))
    other = Asker(project_in(tmp_path_factory.mktemp("elsewhere")), model, asker.server)
    other.keys["models"]["w"]["cache"] = "user"
    assert other.asks() == 0
    stranger = Asker(project_in(tmp_path_factory.mktemp("stranger")), model, asker.server)
    assert stranger.asks() == 20


def test_an_answer_read_in_another_way_is_asked_again_once(asker: Asker) -> None:
    """The way a reply is read is no part of the question; an answer that cannot be read so is asked again, once."""
    asker.keys["nodes"] = {"tag": {"type": "llm", "model": "w", "prompt": "Write on {{ topic }}."}}
    asker.server.rules = [{"replies": ["plain", "<a>tagged</a>"]}]
    assert asker.asks() == 10
    asker.keys["nodes"]["tag"]["parse"] = {"tag": "a"}
    assert asker.asks() == 10
    asker.keys["name"] = "another"
    assert asker.asks() == 0
