"""`subgraph`: another file's graph as one node."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import SpecError
from seedbed.run.identity import fingerprint, used_models
from seedbed.run.inspect import passages_of
from seedbed.run.prepare import prepare
from seedbed.run.session import Options, Session
from seedbed.run.summary import Summary
from seedbed.testing.server import ScriptedServer


class Folder:
    """Pipeline files beside each other."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, data: Any) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(data if isinstance(data, str) else json.dumps(data, indent=1), "utf-8")
        return file

    def main(self, sub: dict[str, Any] | None = None, nodes: dict[str, Any] | None = None, **keys: Any) -> Path:
        """`p.yaml` with a node `sub`."""
        every = {**(nodes or {}), **({"sub": {"type": "subgraph", **sub}} if sub is not None else {})}
        source = keys.pop("source", [{"id": "r", "topic": "bees"}])
        return self.write("p.yaml", {"name": "p", "source": source, "nodes": every, "sink": "out.jsonl", **keys})

    def run(self, *args: Any, **keys: Any) -> tuple[list[Any], Summary]:
        summary = asyncio.run(Session(prepare(self.main(*args, **keys)), Options()).run())
        return self.rows("out.jsonl"), summary

    def rows(self, name: str) -> list[Any]:
        return [json.loads(line) for line in (self.path / name).read_text("utf-8").splitlines()]

    @property
    def newest(self) -> Path:
        return sorted(self.path.glob("runs/p/*"))[-1]

    def problems(self, *args: Any, **keys: Any) -> list[str]:
        with pytest.raises(SpecError) as caught:
            prepare(self.main(*args, **keys))
        return [str(problem).replace(f"{self.path}/", "") for problem in caught.value.problems]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def template(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "template", "template": text, **more}


def ask(prompt: str, model: str = "m", **more: Any) -> dict[str, Any]:
    return {"type": "llm", "model": model, "prompt": prompt, **more}


def at(url: str, **more: Any) -> dict[str, Any]:
    return {"provider": "openai", "model": "m", "base_url": url, "retries": 0, **more}


PLAIN = {"nodes": {"line": template("On {{ topic }}."), "loud": template("{{ line | upper }}")}}
ECHO = [{"contains": "", "echo": True}]


def test_its_value_is_a_map_of_what_is_written_inside(folder: Folder) -> None:
    folder.write("sub.yaml", PLAIN)
    rows, _ = folder.run({"file": "sub.yaml"}, {"after": template("{{ sub.loud }}")})
    assert rows[0]["sub"] == {"line": "On bees.", "loud": "ON BEES."}
    assert rows[0]["after"] == "ON BEES."


def test_the_first_graph_step_is_used_where_there_are_no_nodes(folder: Folder) -> None:
    folder.write("sub.yaml", {"steps": [{"type": "limit", "n": 1}, {"type": "graph", **PLAIN}]})
    assert folder.run({"file": "./sub.yaml"})[0][0]["sub"]["line"] == "On bees."


def test_inputs_and_outputs(folder: Folder) -> None:
    folder.write("sub.yaml", {"nodes": {"n": {"type": "expression", "expression": "many * 2"}, **PLAIN["nodes"]}})
    inputs = {"topic": "{{ topic }} and {{ other }}", "many": "{{ count + 1 }}"}
    outputs = {"text": "line", "size": "loud | length", "double": "n"}
    rows, _ = folder.run(
        {"file": "sub.yaml", "inputs": inputs, "outputs": outputs},
        {"other": template("ants"), "count": {"type": "expression", "expression": "2"}},
    )
    assert [rows[0][name] for name in ("text", "size", "double")] == ["On bees and ants.", 17, 6]
    assert "sub" not in rows[0]


def test_fields_inside_are_its_own(folder: Folder) -> None:
    folder.write("sub.yaml", {"nodes": {"note": template("{% if note %}outer{% else %}own{% endif %} {{ params.x }}")},
                              "params": {"x": "inner"}})  # fmt: skip
    rows, _ = folder.run({"file": "sub.yaml"}, {"note": template("outer {{ params.x }}")}, params={"x": "main"})
    assert rows[0]["note"] == "outer main"
    assert rows[0]["sub"] == {"note": "own inner"}


def test_paths_in_it_start_at_its_folder(folder: Folder) -> None:
    folder.write("lib/hooks.py", "def loud(topic):\n    return topic.upper()\n")
    folder.write("lib/ask.md", "Tell of {{ topic }}")
    nodes = {"loud": {"type": "function", "call": "./hooks.py:loud"}, "a": ask("./ask.md")}
    folder.write("lib/rules.yaml", ECHO)
    models = {"m": {"provider": "scripted", "rules": "./rules.yaml"}}
    folder.write("lib/sub.yaml", {"name": "topic", "models": models, "nodes": nodes})
    rows, _ = folder.run({"file": "lib/sub.yaml"})
    assert rows[0]["sub"] == {"loud": "BEES", "a": "Tell of bees"}
    before = fingerprint(prepare(folder.path / "p.yaml"))
    assert used_models(prepare(folder.path / "p.yaml")) == ["m"]
    for name in ("lib/hooks.py", "lib/ask.md", "lib/sub.yaml"):
        text = (folder.path / name).read_text("utf-8")
        folder.write(name, text.replace("topic", "id"))
        assert fingerprint(prepare(folder.path / "p.yaml")) != before, name
        folder.write(name, text)
    assert fingerprint(prepare(folder.path / "p.yaml")) == before


def test_what_is_filled_into_it_belongs_to_the_run(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write("sub.yaml", {"nodes": {"a": template("${WORD} {{ topic }}")}})
    file = folder.main({"file": "sub.yaml"})
    prints = set()
    for word in ("one", "two"):
        monkeypatch.setenv("WORD", word)
        prints.add(fingerprint(prepare(file)))
    assert len(prints) == 2


def test_models_of_here_win_and_others_come_along(folder: Folder) -> None:
    nodes = {"a": ask("a", "small"), "b": ask("b", "large"), "c": ask("c", "own")}
    models = {name: {"provider": "scripted", "rules": [{"contains": "", "reply": f"inner {name}"}]}
              for name in ("small", "large", "own", "unused")}  # fmt: skip
    models["own"]["fallback"] = "small"
    folder.write("sub.yaml", {"models": models, "nodes": nodes})
    here = {name: {"provider": "scripted", "rules": [{"contains": "", "reply": f"outer {name}"}]}
            for name in ("small", "big")}  # fmt: skip
    rows, _ = folder.run({"file": "sub.yaml", "models": {"large": "big"}}, models=here)
    assert rows[0]["sub"] == {"a": "outer small", "b": "outer big", "c": "inner own"}
    assert list(prepare(folder.path / "p.yaml").models) == ["small", "big", "own"]


def test_of_the_other_file_only_what_is_used_is_filled(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"m": at("${NOWHERE}"), "key": at("http://127.0.0.1:1/v1", api_key="${SUB_KEY}")}
    folder.write("sub.yaml", {"models": own, "source": "${NOWHERE}", "nodes": {"a": ask("a"), "b": ask("b", "key")}})
    monkeypatch.setenv("SUB_KEY", "hush-hush")
    pipeline = prepare(folder.main({"file": "sub.yaml"}, models={"m": "scripted"}))
    assert "hush-hush" in pipeline.secrets
    (problem,) = folder.problems({"file": "sub.yaml"})
    assert problem.startswith("sub.yaml:")
    assert "NOWHERE is not set" in problem


def test_two_files_that_call_two_models_by_one_name(folder: Folder) -> None:
    for name in ("one", "two"):
        models = {"m": {"provider": "scripted", "model": name}}
        folder.write(f"{name}.yaml", {"models": models, "nodes": {"a": ask("{{ topic }}")}})
    other = {"type": "subgraph", "file": "two.yaml"}
    (problem,) = folder.problems({"file": "one.yaml"}, {"other": other})
    assert problem.startswith(("one.yaml:3:", "two.yaml:3:"))
    assert "another model here" in problem
    prepare(folder.main({"file": "one.yaml"}, {"other": other}, models={"m": "scripted"}))


def test_overrides(folder: Folder) -> None:
    folder.write("sub.yaml", PLAIN)
    rows, _ = folder.run({"file": "sub.yaml", "overrides": {"line": {"template": "About {{ topic }}"}}})
    assert rows[0]["sub"]["loud"] == "ABOUT BEES"


def test_a_drop_inside_drops_the_record(folder: Folder) -> None:
    edges = ["start -> line -> loud", "loud -> drop when topic == 'ants'", "loud -> end"]
    folder.write("sub.yaml", {**PLAIN, "edges": edges})
    rows, summary = folder.run({"file": "sub.yaml"}, source=[{"topic": "ants"}, {"topic": "bees"}])
    assert [row["topic"] for row in rows] == ["bees"]
    assert summary.dropped == 1
    (dropped,) = folder.rows(f"{folder.newest.relative_to(folder.path)}/dropped.jsonl")
    assert (dropped["where"], dropped["error"]) == ("sub.loud", "loud -> drop when topic == 'ants'")


def test_a_failure_inside(folder: Folder) -> None:
    with ScriptedServer([{"contains": "bees", "fail": 400}, *ECHO]) as server:
        folder.write("sub.yaml", {"models": {"m": at(server.url)}, "nodes": {"a": ask("{{ topic }}")}})
        rows, summary = folder.run({"file": "sub.yaml"})
        assert (rows, summary.failed) == ([], 1)
        (failed,) = folder.rows(f"{folder.newest.relative_to(folder.path)}/failed.jsonl")
        assert failed["where"] == "sub.a"
        assert folder.run({"file": "sub.yaml", "on_error": {"set": "none"}})[0][0]["sub"] == "none"
    (passage,) = passages_of(folder.newest, "r")
    assert [(event["node"], event["status"]) for event in passage.trail] == [("sub.a", "failed"), ("sub", "failed")]


def test_nested_both_ways(folder: Folder) -> None:
    folder.write("leaf.yaml", {"models": {"m": "scripted"}, "nodes": {"a": ask("{{ word }} of {{ topic }}", "m")}})
    leaf = {"type": "subgraph", "file": "../leaf.yaml", "outputs": {"a": "a"}, "models": {"m": "mid"}}
    each = {"type": "for_each", "items": "words", "as": "word", "nodes": {"leaf": leaf}, "collect": "a"}
    folder.write("lib/sub.yaml", {"nodes": {"many": each}})
    sub = {"type": "subgraph", "file": "lib/sub.yaml", "models": {"mid": "m"}, "inputs": {"words": ["x", "y"]}}
    top = {"type": "for_each", "items": "[1, 2]", "nodes": {"s": sub}}
    with ScriptedServer(ECHO) as server:
        rows, summary = folder.run(None, {"top": top}, models={"m": at(server.url)})
        assert server.counts.received == 4
    assert rows[0]["top"] == [{"s": {"many": ["x of bees", "y of bees"]}}] * 2
    assert {row["node"] for row in summary.nodes} == {"top.s.many.leaf.a"}


def test_killed_and_resumed_it_asks_nothing_twice(folder: Folder) -> None:
    with ScriptedServer([{"contains": "", "echo": True, "latency": {"uniform": [0.05, 0.1]}}]) as server:
        nodes = {
            "n": {"type": "sampler", "integer": [1, 10**9]},
            "a": ask("{{ topic }} {{ n }}"),
            "b": ask("b {{ a }}"),
        }
        folder.write("sub.yaml", {"models": {"m": at(server.url, limits={"concurrency": 4})}, "nodes": nodes})
        folder.main({"file": "sub.yaml"}, source=[{"topic": f"t{i}"} for i in range(20)])
        command = [sys.executable, "-m", "seedbed", "run", "p.yaml", "--quiet"]
        with subprocess.Popen(command, cwd=folder.path) as process:
            end = time.monotonic() + 30
            while server.counts.answered < 15:
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.005)
            process.kill()
        server.rules = ECHO
        assert subprocess.run(command, cwd=folder.path, check=False).returncode == 0
        asked = Counter(request.prompt for request in server.requests)
    assert len(asked) == 40
    assert sum(asked.values()) - 40 <= 4 + 8
    assert all(row["sub"]["b"] == f"b {row['topic']} {row['sub']['n']}" for row in folder.rows("out.jsonl"))


def test_mistakes_in_the_other_file_are_told_there(folder: Folder) -> None:
    folder.write("sub.yaml", 'nodes:\n  line: {type: template, template: "{{ topc }}"}\n  a: {type: llm, prompt: x}\n')
    first, second = folder.problems({"file": "sub.yaml"})
    assert first == "sub.yaml:2:40: nothing writes the field `topc`; did you mean `topic`?"
    assert second.startswith("sub.yaml:3:6: `model` is missing")


def test_mistakes_in_overrides_are_told_here(folder: Folder) -> None:
    folder.write("sub.yaml", PLAIN)
    (problem,) = folder.problems({"file": "sub.yaml", "overrides": {"line": {"templat": "x"}}})
    assert problem.startswith("p.yaml:")
    assert "unknown key `templat`" in problem
    (problem,) = folder.problems({"file": "sub.yaml", "overrides": {"line": {"template": "{{ tpic }}"}}})
    assert problem.startswith("p.yaml:")
    assert "did you mean `topic`" in problem
    (problem,) = folder.problems({"file": "sub.yaml", "overrides": {"lin": {"template": "x"}}})
    assert problem.startswith("p.yaml:")
    assert "has no node `lin`; did you mean `line`" in problem


@pytest.mark.parametrize(
    ("sub", "said"),
    [
        ({"file": "sub.yml"}, "there is no file"),
        ({"file": "rules.yaml"}, "is no pipeline file"),
        ({"file": "empty.yaml"}, "has no graph; give it `nodes:`"),
        ({"file": "broken.yaml"}, "broken.yaml:1:"),
        ({"file": "sub.yaml", "inputs": {"topik": "x"}}, "nothing in sub.yaml reads `topik`; did you mean `topic`?"),
        ({"file": "sub.yaml", "inputs": {"line": "x"}}, "a node of sub.yaml writes `line`"),
        ({"file": "sub.yaml", "inputs": {"topic": "{{ topi }}"}}, "did you mean `topic`?"),
        ({"file": "sub.yaml", "outputs": {"x": "lin"}}, "did you mean `line`?"),
        ({"file": "sub.yaml", "outputs": {"x": "line"}, "output": "y"}, "leave out `output`"),
        ({"file": "sub.yaml", "outputs": {"visits": "line"}}, "reserved"),
        ({"file": "sub.yaml", "models": {"m": "n"}}, "no node of"),
        ({"file": "asks.yaml"}, "asks.yaml:1:31: there is no model `m`"),
        ({"file": "asks.yaml", "models": {"m": "n"}}, "there is no model `n`"),
    ],
)
def test_what_is_wrong_with_it(folder: Folder, sub: dict[str, Any], said: str) -> None:
    folder.write("sub.yaml", PLAIN)
    folder.write("rules.yaml", "[1, 2]")
    folder.write("empty.yaml", "name: empty")
    folder.write("broken.yaml", "nodes: {a: [}")
    folder.write("asks.yaml", "nodes: {a: {type: llm, model: m, prompt: x}}")
    found = folder.problems(sub)
    assert any(said in problem for problem in found), found


def test_files_that_lead_back_to_themselves_are_refused(folder: Folder) -> None:
    (problem,) = folder.problems({"file": "./p.yaml"})
    assert problem.startswith("p.yaml:")
    assert "leads back to itself: p.yaml -> p.yaml" in problem
    folder.write("a.yaml", {"nodes": {"x": {"type": "for_each", "items": "[1]", "nodes": {
        "y": {"type": "subgraph", "file": "./lib/b.yaml"}}}}})  # fmt: skip
    folder.write("lib/b.yaml", {"nodes": {"z": {"type": "subgraph", "file": "../a.yaml"}}})
    (problem,) = folder.problems({"file": "a.yaml"})
    assert problem.startswith("lib/b.yaml:5:")
    assert "leads back to itself: a.yaml -> b.yaml -> a.yaml" in problem


def test_one_file_may_be_used_twice(folder: Folder) -> None:
    folder.write("sub.yaml", PLAIN)
    again = {"type": "subgraph", "file": "sub.yaml", "inputs": {"topic": "{{ sub.line }}"}}
    assert folder.run({"file": "sub.yaml"}, {"again": again})[0][0]["again"]["line"] == "On On bees.."
