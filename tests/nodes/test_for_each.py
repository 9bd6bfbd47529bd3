"""`for_each`: a graph over each item, in parallel, results in order."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedbed import Pipeline
from seedbed.errors import InputError, SpecError
from seedbed.graph.load import load_data
from seedbed.record import Record
from seedbed.run.inspect import passages_of
from seedbed.run.prepare import prepare
from seedbed.run.session import Options, Session
from seedbed.run.summary import Summary
from seedbed.testing.server import ScriptedServer

ASK: dict[str, Any] = {"type": "llm", "model": "m", "prompt": "{{ title }}: {{ item }}"}
ECHO = [{"contains": "", "echo": True, "latency": {"uniform": [0, 0.05]}}]


def written(folder: Path, each: dict[str, Any], rows: list[Any], url: str = "", **keys: Any) -> Path:
    model = {"provider": "openai", "model": "m", "base_url": url, "retries": 0, "limits": {"concurrency": 16}}
    models = {"m": model} if url else {}
    nodes = keys.pop("nodes", {}) | {"each": {"type": "for_each", "items": "items", **each}}
    whole = {"name": "p", "models": models, "source": rows, "nodes": nodes, "sink": "out.jsonl", **keys}
    (folder / "p.yaml").write_text(json.dumps(whole, indent=1), "utf-8")
    return folder / "p.yaml"


def ran(folder: Path, *args: Any, **keys: Any) -> tuple[list[Any], Summary]:
    summary = asyncio.run(Session(prepare(written(folder, *args, **keys)), Options()).run())
    return lines(folder / "out.jsonl"), summary


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def problems(each: dict[str, Any], **nodes: Any) -> list[str]:
    whole = {"type": "for_each", "items": "items", **each}
    data = {"name": "p", "source": [{"items": [1], "title": "t"}], "nodes": nodes | {"each": whole}}
    with pytest.raises(SpecError) as caught:
        load_data(data, Path(), environment={}, peek=lambda *_: {"items", "title"})
    return [f"{problem.what}; {problem.fix}" for problem in caught.value.problems]


def template(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "template", "template": text, **more}


def test_results_come_in_the_order_of_the_items_whoever_was_faster(tmp_path: Path) -> None:
    with ScriptedServer(ECHO) as server:
        rows, _ = ran(
            tmp_path, {"nodes": {"a": ASK}, "collect": "a"}, [{"title": "t", "items": [*range(30)]}], server.url
        )
    assert rows[0]["each"] == [f"t: {i}" for i in range(30)]
    assert server.counts.max_in_flight > 4


def test_the_default_is_a_map_of_all_that_was_written(tmp_path: Path) -> None:
    each = {"as": "word", "nodes": {"n": {"type": "expression", "expression": "word | length"},
                                    "t": template("{{ index }} {{ word }} {{ n }}", when="n > 1")}}  # fmt: skip
    rows, _ = ran(tmp_path, each, [{"items": ["a", "bb"]}, {"items": []}])
    assert [row["each"] for row in rows] == [[{"n": 1, "t": None}, {"n": 2, "t": "1 bb 2"}], []]


def test_the_edges_around_it_follow_from_what_is_read_inside(tmp_path: Path) -> None:
    nodes = {"after": template("{{ each }}"), "before": template("b")}
    each = {"nodes": {"t": template("{{ before }}{{ item }}")}, "collect": "t"}
    rows, _ = ran(tmp_path, each, [{"items": [1, 2]}], nodes=nodes)
    assert rows[0]["after"] == '["b1", "b2"]'


def test_what_is_written_inside_begins_as_null_and_is_not_seen_outside(tmp_path: Path) -> None:
    each = {"nodes": {"title": template("{% if title %}outer{% else %}own{% endif %}")}, "collect": "title"}
    rows, _ = ran(tmp_path, each, [{"title": "kept", "items": [1, 2]}])
    assert rows[0]["each"] == ["own", "own"]
    assert rows[0]["title"] == "kept"


def test_a_drop_inside_leaves_the_item_out(tmp_path: Path) -> None:
    each = {
        "nodes": {"t": template("{{ item }}")},
        "edges": ["start -> t", "t -> drop when item == 2", "t -> end"],
        "collect": "t",
    }
    rows, summary = ran(tmp_path, each, [{"items": [1, 2, 3]}])
    assert rows[0]["each"] == ["1", "3"]
    assert summary.dropped == 0


BAD = [{"contains": "item 3", "fail": 400, "latency": 0.05}, {"contains": "item 6", "fail": 400}, *ECHO]


@pytest.mark.parametrize(
    ("decision", "expected"),
    [("drop", ["0", "1", "2", "4", "5"]), ("keep_null", ["0", "1", "2", None, "4", "5", None])],
)
def test_a_failed_item(tmp_path: Path, decision: str, expected: list[Any]) -> None:
    ask = {**ASK, "prompt": "item {{ item }}"}
    each = {"nodes": {"a": ask}, "collect": "a | replace('item ', '')", "on_item_error": decision}
    with ScriptedServer(BAD) as server:
        rows, summary = ran(tmp_path, each, [{"items": [*range(7)]}], server.url)
    assert rows[0]["each"] == expected
    assert summary.failed == 0


def test_the_first_failed_item_of_the_list_fails_the_node(tmp_path: Path) -> None:
    each = {"nodes": {"a": {**ASK, "prompt": "item {{ item }}"}}}
    with ScriptedServer(BAD) as server:
        rows, summary = ran(tmp_path, each, [{"id": "r", "items": [*range(7)]}, {"id": "s", "items": [1]}], server.url)
    assert [row["id"] for row in rows] == ["s"]
    (run,) = tmp_path.glob("runs/p/*")
    (failed,) = lines(run / "failed.jsonl")
    assert failed["where"] == "each.a"
    (passage,) = passages_of(run, "r")
    by_node = {event["node"]: event for event in passage.trail}
    assert by_node["each[3].a"]["status"] == "failed"
    assert by_node["each[2].a"]["status"] == "done"
    assert by_node["each"]["notes"] == ["item 3 failed"]
    assert summary.failed == 1


def test_its_own_on_error_decides_about_the_record(tmp_path: Path) -> None:
    each = {"nodes": {"a": {**ASK, "prompt": "item {{ item }}"}}, "on_error": {"set": []}}
    with ScriptedServer(BAD) as server:
        rows, _ = ran(tmp_path, each, [{"items": [3]}], server.url)
    assert rows[0]["each"] == []


def test_what_is_no_list_fails_the_record(tmp_path: Path) -> None:
    rows, summary = ran(tmp_path, {"nodes": {"t": template("")}}, [{"items": None}, {"items": "text"}, {"items": [1]}])
    assert len(rows) == 1
    assert summary.failed == 2


def test_no_more_items_at_once_than_allowed(tmp_path: Path) -> None:
    with ScriptedServer(ECHO) as server:
        each = {"nodes": {"a": ASK}, "concurrency": 3}
        ran(tmp_path, each, [{"title": "t", "items": [*range(20)]}], server.url)
    assert 1 < server.counts.max_in_flight <= 3


def test_items_that_ask_the_same_get_answers_and_draws_of_their_own(tmp_path: Path) -> None:
    nodes = {"n": {"type": "sampler", "integer": [1, 10**9]}, "a": {**ASK, "prompt": "Say something."}}
    with ScriptedServer() as server:
        rows, _ = ran(tmp_path, {"nodes": nodes}, [{"items": [1, 1, 1]}, {"items": [1, 1, 1]}], server.url)
        assert server.counts.received == 6
    assert len({item["n"] for row in rows for item in row["each"]}) == 6


def test_each_visit_of_a_loop_asks_anew(tmp_path: Path) -> None:
    nodes = {"n": {"type": "expression", "expression": "visits.each"}}
    edges = ["start -> each -> n", "n -> each when n < 2", "n -> end"]
    with ScriptedServer() as server:
        each = {"nodes": {"a": {**ASK, "prompt": "Say something."}}}
        ran(tmp_path, each, [{"items": [1, 2]}], server.url, nodes=nodes, edges=edges)
        assert server.counts.received == 4


def test_nested_and_counted_by_the_way_to_the_node(tmp_path: Path) -> None:
    inner = {"type": "for_each", "items": "item", "as": "letter", "nodes": {"a": {**ASK, "prompt": "{{ letter }}"}}}
    each = {"nodes": {"deep": {**inner, "collect": "a + title"}}, "collect": "deep"}
    with ScriptedServer(ECHO) as server:
        rows, summary = ran(tmp_path, each, [{"title": "!", "items": [["a", "b"], ["c"]], "id": "r"}], server.url)
    assert rows[0]["each"] == [["a!", "b!"], ["c!"]]
    assert "each.deep.a" in {row["node"] for row in summary.nodes}
    (run,) = tmp_path.glob("runs/p/*")
    (passage,) = passages_of(run, "r")
    assert [event["node"] for event in passage.trail] == [
        "each[0].deep[0].a", "each[0].deep[1].a", "each[0].deep", "each[1].deep[0].a", "each[1].deep", "each",
    ]  # fmt: skip


def test_killed_and_resumed_it_asks_nothing_twice(tmp_path: Path) -> None:
    nodes = {"n": {"type": "sampler", "integer": [1, 10**9]}, "a": {**ASK, "prompt": "{{ title }} {{ item }} {{ n }}"},
             "b": {**ASK, "prompt": "again {{ a }}"}}  # fmt: skip
    rows = [{"title": f"t{i}", "items": [*range(12)]} for i in range(4)]
    with ScriptedServer([{"contains": "", "echo": True, "latency": {"uniform": [0.05, 0.15]}}]) as server:
        file = written(tmp_path, {"nodes": nodes}, rows, server.url)
        command = [sys.executable, "-m", "seedbed", "run", file.name, "--quiet"]
        with subprocess.Popen(command, cwd=tmp_path) as process:
            end = time.monotonic() + 30
            while server.counts.answered < 40:
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.005)
            process.kill()
        before = server.counts.received
        server.rules = [{"contains": "", "echo": True}]
        assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
        asked = Counter(request.prompt for request in server.requests)
    assert before < 96
    # Those in flight and those of one commit window, at most, are asked again.
    again = sum(count - 1 for count in asked.values())
    assert again <= 16 + 32
    assert len(asked) == 96
    made = lines(tmp_path / "out.jsonl")
    assert all(
        item["b"] == f"again t{i} {k} {item['n']}" for i, row in enumerate(made) for k, item in enumerate(row["each"])
    )


def test_from_python(tmp_path: Path) -> None:
    def doubled(item: int) -> int:
        return item * 2

    built = Pipeline("p", base=tmp_path).source([{"items": [1, 2]}])
    built.for_each("each", "items", nodes={"d": {"type": "function", "call": doubled}}, collect="d").sink("out.jsonl")
    assert [record["each"] for record in built.run(out=tmp_path).records()] == [[2, 4]]
    with pytest.raises(InputError, match="doubled"):
        built.to_yaml()


def test_what_is_wrong_with_it() -> None:
    good = {"nodes": {"t": template("{{ item }}")}}
    assert problems({**good, "items": "itemss"}) == ["nothing writes the field `itemss`; did you mean `items`?"]
    assert "did you mean `item`" in problems({"nodes": {"t": template("{{ itm }}")}})[0]
    assert "did you mean `title`" in problems({"nodes": {"t": template("{{ titel }}")}})[0]
    assert problems({**good, "collect": "u"})[0].startswith("nothing writes the field `u`")
    assert "`index` is the item's place" in problems({**good, "as": "index"})[0]
    assert "`item` is the item" in problems({"nodes": {"item": template("x")}})[0]
    assert "there is no model `m`" in problems({"nodes": {"a": ASK}})[0]
    assert "there is no such node" in problems({**good, "edges": ["start -> tt"]})[0]
    assert "reserved" in problems({"nodes": {"t": template("x", output="tags")}})[0]
    assert "both write `t`" in problems({"nodes": {"t": template("x"), "u": template("y", output="t")}})[0]
    assert "there is no node `templat`" in problems({"nodes": {"t": {"type": "templat"}}})[0]
    assert "a graph needs a node" in problems({"nodes": {}})[0]
    assert problems({**good}, u=template("{{ t }}"))[0].startswith("nothing writes the field `t`")
    assert "`on_item_error` must be" in problems({**good, "on_item_error": "ignore"})[0]


def test_mistakes_inside_are_told_with_their_line(tmp_path: Path) -> None:
    text = "name: p\nsource: [{items: [1]}]\nnodes:\n  each:\n    type: for_each\n    items: items\n    nodes:\n"
    text += '      t: {type: template, template: "{{ itm }}"}\n'
    (tmp_path / "p.yaml").write_text(text, "utf-8")
    with pytest.raises(SpecError) as caught:
        prepare(tmp_path / "p.yaml")
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (8, 41)


INNER: dict[str, Any] = {
    "nodes": {
        "n": {"type": "expression", "expression": "item * 3 + index + visits.n"},
        "odd": template("{{ n }} is odd", when="n % 2 == 1"),
        "m": {"type": "expression", "expression": "(m or n) + 1"},
        "last": {"type": "expression", "expression": "m"},
    },
    "edges": [
        "start -> n",
        "n -> drop when n % 5 == 0",
        "n -> [odd, m] -> last",
        "last -> n when m < 4 and visits.n < 3",
        "last -> end",
    ],
}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-9, 9), max_size=8))
def test_it_equals_as_many_single_walks(items: list[int]) -> None:
    each = {"type": "for_each", "items": "items", **INNER}
    made = load_data({"name": "p", "source": [{"items": [1]}], "nodes": {"each": each}}, Path(), environment={})
    single = load_data({"name": "p", "source": [{"item": 1, "index": 0}], **INNER}, Path(), environment={})
    context: Any = SimpleNamespace(seed=0, params={}, base=Path(), folder=Path(), background=set(), wanted=True)

    async def run() -> tuple[Any, list[Any]]:
        outcome = await made.steps[0].work(context)(Record("r", {"items": items}))  # type: ignore[attr-defined]
        work = single.steps[0].work(context)  # type: ignore[attr-defined]
        walked = [await work(Record(f"r{i}", {"item": item, "index": i})) for i, item in enumerate(items)]
        kept = [record.fields for one in walked for record in one.records]
        return outcome.records[0].fields["each"], [{k: f[k] for k in ("n", "odd", "m", "last")} for f in kept]

    value, expected = asyncio.run(run())
    assert value == expected
