"""`seedbed schema` and `seedbed check` agree on all that can be said of one place in a file."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from seedbed.errors import InputError, SpecError
from seedbed.graph.load import load_data
from seedbed.graph.schema import pipeline_schema
from seedbed.graph.yaml import read_yaml
from seedbed.io.sinks import check_sinks
from seedbed.registry.plugins import find

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent / "schema_examples"
SCHEMA = pipeline_schema()
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)

BETWEEN = re.compile(
    "nothing writes|no edge leads|there is no such node|there is no model|tells no format|no way leads|both write|"
    "written twice|template:|expression:|is not a day|not a valid JSON Schema|has no group|ends before|only ever|"
    "nothing says where|embedded model|there is no file (?!format)|has no graph|is no pipeline file|leads back to|"
    "nothing in .* reads|a node of .* writes|has no node|no node of|is the item|is the place of the item"
)
"""Problems between two places of a file, or between a file and what lies outside it: no business of a schema."""


def problems(data: Any) -> list[str]:
    """What check finds wrong with the form of a file."""
    try:
        load_data(copy.deepcopy(data), HERE, environment={}, check_sinks=check_sinks)
    except SpecError as error:
        return [problem.what for problem in error.problems if not BETWEEN.search(problem.what)]
    except InputError as error:
        return [str(error)]
    return []


def violations(data: Any) -> list[str]:
    return [f"{error.instance_path}: {error.message}" for error in VALIDATOR.iter_errors(data)]


def yaml(text: str) -> Any:
    document = read_yaml(text, "test")
    assert not document.problems
    return document.data


def test_it_is_a_json_schema_of_its_dialect() -> None:
    meta = jsonschema_rs.validator_for({"$ref": SCHEMA["$schema"]})
    meta.validate(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def test_the_command_prints_it() -> None:
    result = CliRunner().invoke(find("command", "schema"))
    assert result.exit_code == 0
    assert json.loads(result.output) == SCHEMA


def test_every_reference_leads_to_a_definition_and_every_definition_is_used() -> None:
    used = {name.removeprefix("#/$defs/") for name in re.findall(r'"\$ref": "([^"]*)"', json.dumps(SCHEMA))}
    assert used == SCHEMA["$defs"].keys()


def test_definitions_say_what_a_form_needs() -> None:
    llm = SCHEMA["$defs"]["Node_llm"]
    assert llm["title"] == "llm"
    assert llm["description"].startswith("Asks a model")
    assert "```" not in llm["description"]
    assert llm["examples"][0]["model"] == "judge"
    assert llm["properties"]["max_visits"]["default"] == 10
    assert llm["properties"]["n"]["description"].startswith("How many answers")
    for name, definition in SCHEMA["$defs"].items():
        if name.startswith(("Node_", "Step_", "Provider_")):
            assert definition["description"], name
            for key, written in definition["properties"].items():
                assert key in ("type", "provider") or written.get("description"), f"{name}.{key} says nothing"


def example_files() -> list[Path]:
    return [*sorted((ROOT / "examples").glob("*.yaml")), *sorted(HERE.glob("*.yaml"))]


@pytest.mark.parametrize("file", example_files(), ids=lambda file: file.name)
def test_it_accepts_every_example(file: Path) -> None:
    data = yaml(file.read_text("utf-8"))
    assert violations(data) == []


def test_it_accepts_every_pipeline_in_the_docs() -> None:
    found = 0
    for page in sorted((ROOT / "docs").rglob("*.md")):
        for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE):
            data = read_yaml(block, page.name).data
            if isinstance(data, dict) and "name" in data and "source" in data:
                assert violations(data) == [], f"{page.name}:\n{block}"
                found += 1
    assert found


RIGHT = """
{}
steps: []
steps: null
params: null
sink: null
target: null
source: seeds.jsonl
source: []
source: [a.jsonl, {path: b.csv, format: csv}]
source: [{q: a}, {q: b}]
source: {records: [{path: x, answer: y}]}
source: [{path: x, answer: y}]
source: {path: null, count: 3}
source: {count: "${N:-3}"}
source: "${params.source}"
sink: out.jsonl
sink: [out.jsonl, {path: b.parquet, mode: replace}]
models: {m: local, n: local/./my.gguf, o: openai/a/b, p: scripted}
models: {m: "openai/${NAME:-x}"}
models: {m: {provider: scripted, cache_key: 3}}
models: {m: {provider: scripted, timeout: 1, limits: {concurrency: 3}}}
models: {m: {provider: scripted, fallback: null, price: null}}
models: {m: {provider: openai, model: 4, limits: "${params.limits}"}}
params: {limits: {rpm: 3}, source: a.jsonl}
budget: {tokens: 1.5M, calls: 10}
budget: {}
target: {accepted: 2}
seed: "${params.seed}"
output: {id: a, tags: {}, n: 3}
schema: {a: str, b: int?, c: "[float 0..1]", d: x|y, e: {f: [any]}, g: messages}
schema: {type: object, properties: {a: {type: string}}}
schema: {type: str, format: int}
schema: {type: [string, "null"]}
schema: {a: {enum: [1, 2]}, b: {type: integer, minimum: 1}}
schema: {a: "str ..200", b: "int -5..", c: "[[str] 1..2]?", d: "[a|b]", e: " int 1 .. 5 "}
schema: "[str]"
nodes: {a: {type: template, template: x}}
nodes: {a: {type: template, template: x, when: null, output: b}}
nodes: {a: {type: sampler, integer: null, choices: [1]}}
nodes: {a: {type: template, template: x, on_error: {set: {b: 1}}}}
nodes: {a: {type: template, template: x}}
edges: ["[a] -> end"]
edges: [a -> end, start->a]
edges: ["start -> a when x == '->' and y", "start -> end"]
edges: [{from: start, to: [a]}, {from: a, to: end}]
edges: ["a -> ${params.next}"]
steps: [{type: sample, n: null, fraction: 1}]
steps: [{type: dedup.exact}]
steps: [{type: sort, by: [a, {by: b}]}]
steps: [{type: limit, n: "${N:-3}"}]
steps: [{type: join, with: [{a: 1}], on: a}]
steps: [{type: join, with: {records: [{a: 1}], limit: 3}, on: {b: a}, how: left, prefix: o_}]
steps: [{type: join, with: [{a: 1}], how: random, n: 3}]
steps: [{type: chunk}]
steps: [{type: chunk, by: headings, size: null}]
steps: [{type: split, shares: {a: 0.5, b: 0.5}, group: [x, y], exact: true}]
steps: [{type: sql, query: SELECT 1 AS a, memory: 512MB, timeout: 3}]
steps: [{type: pair, candidates: a, score: s, strategy: margin, min_margin: 1}]
steps: [{type: pair, candidates: a, rank: r, by: [q]}]
nodes: {a: {type: verify, of: x, unit_tests: assert f(), sql: SELECT 1}}
nodes: {a: {type: verify, of: x, unit_tests: {tests: [assert f()], language: python, limits: {seconds: 0.5}}}}
nodes: {a: {type: verify, of: x, sql: {reference: a, engine: duckdb, setup: [a, b], ordered: null, tolerance: 0}}}
"""

WRONG = """
nmae: x
name: null
name: a b
name: 3
version: 2
seed: 1.5
seed: "7"
seed: true
params: []
params: {a b: 1}
models: []
models: {m: null}
models: {m: 3}
models: {m: opnai/x}
models: {m: openai}
models: {m: {model: x}}
models: {m: {provider: nothing}}
models: {m: {provider: openai}}
models: {m: {provider: openai, model: ''}}
models: {m: {provider: openai, model: x, temperature: 1}}
models: {m: {provider: scripted, timeout: 0}}
models: {m: {provider: scripted, cache: always}}
models: {m: {provider: scripted, limits: {rpm: 0}}}
models: {m: {provider: scripted, limits: {concurrency: fast}}}
models: {m: {provider: scripted, price: {input: -1}}}
models: {m: {provider: scripted, rules: [{}]}}
models: {m: {provider: scripted, rules: [{reply: a, echo: true}]}}
models: {m: {provider: scripted, rules: [{reply: a, fail: 200}]}}
models: {m: {provider: scripted, latency: {mean: 1}}}
source: null
source: 3
source: ''
source: {}
source: {path: a, count: 3}
source: {count: 0}
source: {path: a, format: xml}
source: {path: '-', repeat: true}
source: {path: a, lines: 3}
source: [{path: a, limit: 0}]
source: [a.jsonl, {q: 1}]
steps: {}
steps: [filter]
steps: [{where: x}]
steps: [{type: filtr, where: x}]
steps: [{type: filter}]
steps: [{type: filter, where: 3}]
steps: [{type: filter, where: x, reson: y}]
steps: [{type: limit, n: -1}]
steps: [{type: limit, n: "${N:-3} rows"}]
steps: [{type: sample}]
steps: [{type: sample, n: 1, fraction: 0.5}]
steps: [{type: select, fields: []}]
steps: [{type: set, fields: {visits: 1}}]
steps: [{type: rename, fields: {a: id}}]
steps: [{type: explode, field: a, into: b c}]
steps: [{type: group, by: a, collect: {b: {median: c}}}]
steps: [{type: group, by: a, collect: {b: {max: c, min: d}}}]
steps: [{type: dedup.exact, field: a, fields: [b]}]
steps: [{type: join, with: [{a: 1}]}]
steps: [{type: join, on: a}]
steps: [{type: join, with: [{a: 1}], on: a, how: outer}]
steps: [{type: join, with: {path: a, count: 2}, on: a}]
steps: [{type: join, with: [{a: 1}], on: a, how: cross}]
steps: [{type: join, with: [{a: 1}], how: concat, suffix: b}]
steps: [{type: join, with: [{a: 1}], on: a, n: 2}]
steps: [{type: chunk, size: 0}]
steps: [{type: chunk, size: null}]
steps: [{type: chunk, by: pages}]
steps: [{type: chunk, into: end}]
steps: [{type: split, shares: {}}]
steps: [{type: split, shares: {a: 0, b: 1}}]
steps: [{type: sql}]
steps: [{type: sql, query: SELECT 1, memory: lots}]
steps: [{type: sql, query: SELECT 1, timeout: 0}]
steps: [{type: pair, candidates: a}]
steps: [{type: pair, candidates: a, score: s, rank: r}]
steps: [{type: pair, candidates: a, score: s, strategy: best}]
steps: [{type: pair, candidates: a, score: s, min_margin: -1}]
steps: [{type: graph}]
steps: [{type: graph, nodes: {}}]
nodes: null
nodes: {}
nodes: {start: {type: template, template: x}}
nodes: {a-b: {type: template, template: x}}
nodes: {a: {template: x}}
nodes: {a: {type: tempalte, template: x}}
nodes: {a: {type: template, template: x, output: tags}}
nodes: {a: {type: template, template: x, max_visits: 0}}
nodes: {a: {type: template, template: x, on_error: ignore}}
nodes: {a: {type: template, template: x, on_error: {goto: a, set: 1}}}
nodes: {a: {type: sampler}}
nodes: {a: {type: sampler, integer: [1]}}
nodes: {a: {type: sampler, integer: [1, 2], uniform: [1, 2]}}
nodes: {a: {type: sampler, choices: {a: -1}}}
nodes: {a: {type: llm, model: local}}
nodes: {a: {type: llm, model: local, prompt: []}}
nodes: {a: {type: llm, model: local, prompt: [{human: x}]}}
nodes: {a: {type: llm, model: local, prompt: x, schema: str}}
nodes: {a: {type: llm, model: local, prompt: x, schema: {a: string}}}
nodes: {a: {type: llm, model: local, prompt: x, schema: {a: str}, parse: json}}
nodes: {a: {type: llm, model: local, prompt: x, parse: xml}}
nodes: {a: {type: llm, model: local, prompt: x, params: {n: 3}}}
nodes: {a: {type: llm, model: local, prompt: x, n: 2, history: h}}
nodes: {a: {type: llm, model: local, prompt: x, save: [text]}}
nodes: {a: {type: verify, of: x}}
nodes: {a: {type: verify, of: x, unit_tests: []}}
nodes: {a: {type: verify, of: x, unit_tests: {tests: a, language: rust}}}
nodes: {a: {type: verify, of: x, unit_tests: {tests: a, limits: {seconds: 0}}}}
nodes: {a: {type: verify, of: x, sql: {setup: a}}}
nodes: {a: {type: verify, of: x, sql: {reference: a, engine: mysql}}}
nodes: {a: {type: verify, of: x, sql: {reference: a, sandbox: none}}}
nodes: {a: {type: function}}
edges: [a -> b]
output: []
output: {start: 1}
schema: {}
schema: {a: strng}
schema: {a: int 1-5}
schema: {a: "[str"}
schema: {a: str|int}
schema: {a: [str, int]}
schema: {"a?": str}
schema: {a: null}
target: {}
target: {accepted: 0}
target: {accepted: 5 M}
budget: {usd: -1}
budget: {money: 1}
sink: 3
sink: {}
sink: {path: ''}
sink: {path: a.jsonl, format: dpoo}
sink: {path: a.txt, file: text}
sink: {path: a.jsonl, mode: add}
"""

EDGES_WRONG = """
a => end
a
a -> end ->
-> end
a -> b-c
a -> end when
a -> [] -> end
a -> [end
a, b -> end
a -> end when x -> b
start -> a -> end when x
a -> end if x
start a -> end
{from: a}
{from: a, to: []}
{from: a, to: end, when: ''}
{from: a, to: end, if: x}
{from: a, to: 3}
3
[a, end]
"""

BASE: dict[str, Any] = {"name": "t", "source": {"count": 1}, "params": {"seed": 4}}
NODE = {"a": {"type": "template", "template": "x"}}


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


@pytest.mark.parametrize("line", lines(RIGHT))
def test_what_is_right_is_accepted_by_both(line: str) -> None:
    data = {**BASE, "params": {"seed": 4, "limits": {"rpm": 3}, "source": "a.jsonl", "next": "end"}, **yaml(line)}
    if "edges" in data:
        data["nodes"] = NODE
    assert problems(data) == []
    assert violations(data) == []


@pytest.mark.parametrize("line", lines(WRONG))
def test_what_is_wrong_is_refused_by_both(line: str) -> None:
    data = {**BASE, **yaml(line)}
    assert problems(data)
    assert violations(data)


@pytest.mark.parametrize("line", lines(EDGES_WRONG))
def test_edges_that_are_no_edges_are_refused_by_both(line: str) -> None:
    edge = yaml(line) if line[0] in "{[3" else line
    data = {**BASE, "nodes": NODE, "edges": [edge]}
    assert problems(data)
    assert violations(data)


def test_what_must_be_there_is_asked_for() -> None:
    for key in ("name", "source"):
        data = {name: value for name, value in BASE.items() if name != key}
        assert problems(data)
        assert violations(data)


def test_literal_dollars_are_not_to_be_filled() -> None:
    for value in ("$${N}", "x ${N:-1}"):
        data = {**BASE, "seed": value}
        assert problems(data)
        assert violations(data)


def test_a_mistake_in_a_node_is_reported_as_one() -> None:
    found = violations({**BASE, "nodes": {"a": {"type": "template", "tmplate": "x"}}})
    assert any("tmplate" in line for line in found)
    assert any('"template" is a required property' in line for line in found)


EXAMPLES = [yaml(file.read_text("utf-8")) for file in sorted(HERE.glob("*.yaml"))]
VALUES: list[Any] = [None, True, False, 0, -1, 3, 1.5, "", "text", "start", "a b", [], {}, [1], ["a"], {"a": 1}]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where a value is held, but for params: what they hold decides what is filled in elsewhere."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [(*path, key) for key, _ in items if (*path, key) != ("params",)]
    return found + [place for key, item in items if (*path, key) != ("params",) for place in places(item, (*path, key))]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_files_with_a_slip_are_judged_alike(data: st.DataObject) -> None:
    file = copy.deepcopy(data.draw(st.sampled_from(EXAMPLES)))
    place = data.draw(st.sampled_from(places(file)))
    parent: Any = file
    for part in place[:-1]:
        parent = parent[part]
    slip = data.draw(st.sampled_from(["drop", "rename", "add", "change"]))
    value = copy.deepcopy(data.draw(st.sampled_from(VALUES)))
    if slip == "drop":
        del parent[place[-1]]
    elif slip == "rename" and isinstance(parent, dict):
        items = [(f"{key}x" if key == place[-1] else key, item) for key, item in parent.items()]
        parent.clear()
        parent.update(items)
    elif slip == "add" and isinstance(parent, dict):
        parent[data.draw(st.sampled_from(["extra", "type", "start", "id", "1x", "a b"]))] = value
    else:
        parent[place[-1]] = value
    assert bool(problems(file)) == bool(violations(file)), (slip, place, value, problems(file), violations(file))
