"""`llm` nodes of all kinds in whole runs: the same rows each time, and nothing paid for twice."""

from __future__ import annotations

import base64
import signal
from typing import Any

from seedbed.testing.server import ScriptedServer

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
).ljust(400)
TOOL = {"name": "send", "parameters": {"to": "str"}}
RULES = [
    {"contains": "Send", "tool_calls": [{"name": "send", "arguments": {"to": "Ada"}}]},
    {"reply": "{{ model }} {{ random }}"},
]


def nodes() -> dict[str, Any]:
    specs: dict[str, dict[str, Any]] = {
        "both": {"model": ["a", "b"], "n": 2, "params": {"temperature": {"uniform": [0.2, 1]}}},
        "turns": {"model": ["a", "b"], "pick": "round_robin", "save": ["model"]},
        "drawn": {"model": ["a", "b"], "weights": {"a": 3}, "save": ["model", "params"]},
        "seen": {"model": "a", "attach": "{{ photo }}"},
        "sent": {"model": "a", "tools": [TOOL]},
    }
    verbs = {"sent": "Send"}
    return {
        name: {"type": "llm", "prompt": f"{verbs.get(name, name)} {{{{ n }}}}.", **spec} for name, spec in specs.items()
    }


def write(project: Any, model: Any, server: Any, rows: int) -> None:
    models = {name: model(server, model=name) for name in ("a", "b")}
    (project.folder / "a.png").write_bytes(PNG)
    project.seeds(*({"id": f"r{i}", "n": i, "photo": "a.png"} for i in range(rows)))
    project.pipeline(models=models, source="seeds.jsonl", nodes=nodes())


def test_a_run_is_the_same_again_and_asks_nothing_twice(project: Any, model: Any) -> None:
    with ScriptedServer(RULES) as server:
        write(project, model, server, 8)
        project.go()
        rows, asked = project.rows(), len(server.requests)
        assert asked == 8 * (4 + 1 + 1 + 1 + 1)
        places = [row["turns_model"] for row in rows]
        assert places in (["a", "b"] * 4, ["b", "a"] * 4)
        assert {row["drawn_model"] for row in rows} == {"a", "b"}
        assert all(row["sent"]["tool_calls"] == [{"name": "send", "arguments": {"to": "Ada"}}] for row in rows)
        assert all(len(row["both"]) == 4 for row in rows)
        project.pipeline(
            models={name: model(server, model=name) for name in ("a", "b")},
            source="seeds.jsonl",
            nodes=nodes(),
            params={"another": "run"},
        )
        project.go()
        assert len(server.requests) == asked
        assert len(project.runs) == 2
    assert project.rows() == rows
    stored = next(project.folder.rglob("calls.db"))
    assert base64.b64encode(PNG)[:60] not in stored.read_bytes(), "of an image its hash is kept"


def test_killed_and_resumed(project: Any, model: Any, until: Any) -> None:
    with ScriptedServer([{"latency": 0.02, **rule} for rule in RULES]) as server:
        write(project, model, server, 40)
        process = project.start("run", "p.yaml", "--quiet")
        until(lambda: len(server.requests) > 60)
        process.send_signal(signal.SIGKILL)
        project.end(process)
        ended = project.run()
        assert ended.code == 0, ended.err
        assert len(project.rows()) == 40
        whole = 40 * 8
        assert whole <= len(server.requests) <= whole + 40, "only what was in flight is asked again"


def test_records_whose_attachment_is_none_fail_alone(project: Any, model: Any) -> None:
    with ScriptedServer(RULES) as server:
        write(project, model, server, 3)
        (project.folder / "page.png").write_text("<html>")
        photos = ("a.png", "gone.png", "page.png")
        project.seeds(*({"id": photo, "n": 1, "photo": photo} for photo in photos))
        summary = project.go()
    assert (summary.exit_code(), [row["id"] for row in project.rows()]) == (1, ["a.png"])
    failed = {line["id"]: line["message"] for line in project.failed()}
    assert "gone.png is not there" in failed["gone.png"]
    assert "page.png is no image" in failed["page.png"]
