"""The Python builder makes the data that a file would hold, and nothing else."""

from __future__ import annotations

import inspect
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from seedbed.errors import InputError, SpecError
from seedbed.graph.builder import Builder
from seedbed.graph.builder_methods import Methods
from seedbed.graph.load import load_data
from seedbed.graph.yaml import read_yaml
from seedbed.registry import own
from seedbed.registry.decorators import node, step
from seedbed.registry.plugins import find, names

HERE = Path(__file__).parent
EXAMPLES = [*sorted((HERE.parents[1] / "examples").glob("*.yaml")), *sorted((HERE / "schema_examples").glob("*.yaml"))]


def read(text: str) -> Any:
    document = read_yaml(text, "test")
    assert not document.problems
    return document.data


def test_calls_make_what_a_file_would_hold() -> None:
    built = (
        Builder("critique", seed=7, params={"rounds": 3})
        .model("writer", "local")
        .model("judge", "openai/gpt-4o-mini", api_key="${OPENAI_API_KEY}", params={"temperature": 0.2})
        .source("seeds/*.jsonl", limit=50)
        .llm("draft", model="writer", prompt="Answer.\n\n{{ question }}", output="answer", max_visits=3)
        .llm("verdict", model="judge", prompt=[{"user": "{{ answer }}"}], schema={"score": "int 1..5"})
        .sampler("kind", choices={"easy": 2, "hard": 1})
        .edges("start -> kind -> draft -> verdict", "verdict -> draft when verdict.score < 4")
        .edge({"from": "verdict", "to": "end"})
        .filter("verdict.score >= 4", reason="poor")
        .select(except_=["kind"])
        .dedup_exact("answer", normalise="case")
        .template("title", "About {{ question }}")
        .output(question="{{ question }}", title="{{ title }}")
        .schema({"question": "str", "title": "str"})
        .target(500, max_candidates="2k")
        .budget(usd=20)
        .sink("out/sft.jsonl", format="sft")
        .sink("out/all.jsonl")
    )
    assert built.to_dict() == read("""
        name: critique
        seed: 7
        params: {rounds: 3}
        models:
          writer: local
          judge:
            provider: openai
            model: gpt-4o-mini
            api_key: ${OPENAI_API_KEY}
            params: {temperature: 0.2}
        source: {path: seeds/*.jsonl, limit: 50}
        steps:
          - type: graph
            nodes:
              draft: {type: llm, model: writer, prompt: "Answer.\\n\\n{{ question }}", output: answer, max_visits: 3}
              verdict: {type: llm, model: judge, prompt: [{user: "{{ answer }}"}], schema: {score: int 1..5}}
              kind: {type: sampler, choices: {easy: 2, hard: 1}}
            edges:
              - start -> kind -> draft -> verdict
              - verdict -> draft when verdict.score < 4
              - {from: verdict, to: end}
          - {type: filter, where: verdict.score >= 4, reason: poor}
          - {type: select, except: [kind]}
          - {type: dedup.exact, field: answer, normalise: case}
          - type: graph
            nodes:
              title: {type: template, template: "About {{ question }}"}
        output: {question: "{{ question }}", title: "{{ title }}"}
        schema: {question: str, title: str}
        target: {accepted: 500, max_candidates: 2k}
        budget: {usd: 20}
        sink:
          - {path: out/sft.jsonl, format: sft}
          - out/all.jsonl
        """)
    assert list(built.to_dict())[:5] == ["name", "seed", "params", "models", "source"]
    assert read(built.to_yaml()) == built.to_dict()


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_every_file_round_trips(file: Path) -> None:
    built = Builder.from_yaml(file)
    assert built.to_dict() == read(file.read_text("utf-8"))
    assert read(built.to_yaml()) == built.to_dict()
    assert Builder.from_yaml(built.to_yaml()).to_dict() == built.to_dict()


@pytest.mark.parametrize(
    ("build", "steps"),
    [
        (lambda b: b.template("a", "x").template("b", "y"), [["a", "b"]]),
        (lambda b: b.template("a", "x").shuffle().template("b", "y"), [["a"], "shuffle", ["b"]]),
        (lambda b: b.template("a", "x").graph().template("b", "y"), [["a"], ["b"]]),
        (lambda b: b.template("a", "x").sink("x.jsonl").source(count=1).template("b", "y"), [["a", "b"]]),
        (lambda b: b.graph().shuffle(), ["shuffle"]),
    ],
)
def test_nodes_that_follow_each_other_make_a_graph(build: Any, steps: list[Any]) -> None:
    made = build(Builder("t")).to_dict()["steps"]
    assert [list(s["nodes"]) if s["type"] == "graph" else s["type"] for s in made] == steps


@pytest.mark.parametrize(
    ("build", "source"),
    [
        (lambda b: b.source("a.jsonl"), "a.jsonl"),
        (lambda b: b.source(Path("a") / "b.csv", format="csv"), {"path": "a/b.csv", "format": "csv"}),
        (lambda b: b.source(["a", Path("b")]), {"path": ["a", "b"]}),
        (lambda b: b.source([{"q": 1}]), {"records": [{"q": 1}]}),
        (lambda b: b.source({"q": i} for i in range(2)), {"records": [{"q": 0}, {"q": 1}]}),
        (lambda b: b.source(count=3), {"count": 3}),
        (
            lambda b: b.source("a").source([{"q": 1}]).source(count=2),
            [{"path": "a"}, {"records": [{"q": 1}]}, {"count": 2}],
        ),
        (lambda b: b.source("a").source("b"), [{"path": "a"}, "b"]),
    ],
)
def test_sources(build: Any, source: Any) -> None:
    assert build(Builder("t")).to_dict()["source"] == source


def test_methods_take_the_keys_of_their_specs() -> None:
    common = {"type", "output", "when", "on_error", "max_visits"}
    flexible = {"rename", "set", "select", "dedup_exact"}
    for name, method in vars(Methods).items():
        kind = next((k for k in ("node", "step") if name.replace("_", ".") in names(k) or name in names(k)), None)
        if name.startswith("_") or kind is None or name in ("node", "step"):
            continue
        word = name.replace("_", ".") if name.replace("_", ".") in names(kind) else name
        fields = find(kind, word).model_fields
        keys = {field.alias or key for key, field in fields.items()} - common
        parameters = inspect.signature(method).parameters
        taken = {p.removesuffix("_") for p in parameters} - {"self", "name", "more"}
        if name not in flexible:
            assert taken == keys, name
        assert method.__doc__, name


def test_plug_ins_have_methods_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "_types", {})

    @node
    def loud(text: str) -> str:
        return text.upper()

    @step(name="take.two")
    def take_two(**fields: Any) -> list[Any]:
        return [fields, fields]

    built = Builder("t").source([{"text": "a"}]).loud("cry", output="out").take_two(params={})
    assert built.to_dict()["steps"] == [
        {"type": "graph", "nodes": {"cry": {"type": "loud", "output": "out"}}},
        {"type": "take.two", "params": {}},
    ]
    assert {"loud", "take_two", "llm"} <= set(dir(built))
    with pytest.raises(
        InputError, match=r"the type of node `cry` is the Python function `loud` of this process; put it"
    ):
        built.to_yaml()


def test_what_is_misspelt_names_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"a pipeline has no `\.filtr`; did you mean `\.filter`\?"):
        Builder("t").filtr("x")
    with pytest.raises(AttributeError, match=r"nodes are .*llm.*, steps .*dedup_exact"):
        _ = Builder("t").qqqq


def test_what_cannot_be_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="there is a node `a` already"):
        Builder("t").template("a", "x").template("a", "y")
    with pytest.raises(InputError, match="there is no graph for the edge `a -> b`"):
        Builder("t").template("a", "x").shuffle().edge("a -> b")
    with pytest.raises(InputError, match=r"\{1, 2\} cannot stand in a pipeline"):
        Builder("t").set(a={1, 2})


def test_python_values_become_plain_ones() -> None:
    class Verdict(BaseModel):
        score: int

    built = (
        Builder("t", params={"folder": Path("a")})
        .sampler("day", date=(date(2024, 1, 1), date(2024, 2, 1)))
        .sampler("number", choices={1: 2, None: 1})
        .llm("verdict", model="w", prompt="x", schema=Verdict)
    )
    nodes = built.to_dict()["steps"][0]["nodes"]
    assert built.to_dict()["params"] == {"folder": "a"}
    assert nodes["day"]["date"] == ["2024-01-01", "2024-02-01"]
    assert nodes["number"]["choices"] == {"1": 2, "null": 1}
    assert nodes["verdict"]["schema"]["properties"]["score"]["type"] == "integer"


def test_functions_become_references() -> None:
    def local(text: str) -> str:
        return text

    built = Builder("t").function("a", "./hooks.py:f").function("b", inspect.getsource).function("c", local)
    built.function("d", lambda text: text, params={"x": 1})
    calls = [item["call"] for item in built.to_dict()["steps"][0]["nodes"].values()]
    assert calls[:2] == ["./hooks.py:f", "inspect:getsource"]
    assert calls[2].startswith("<python>:local-")
    assert calls[3].startswith("<python>:d-")
    with pytest.raises(
        InputError, match=r"`steps\[0\]\.nodes\.c\.call` is the Python function `local` of this process"
    ):
        built.to_yaml()


def test_messages_name_the_line_of_python() -> None:
    built = Builder("t").source([{"topic": "a"}])
    line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
    built.template("title", "About {{ topik }}")
    built.edge("start -> title -> nowhere")
    with pytest.raises(SpecError) as caught:
        load_data(built._document, Path(), peek=lambda sources, base: {"topic"})
    places = [(Path(problem.file).name, problem.line, problem.column) for problem in caught.value.problems]
    assert places == [("test_builder.py", line, 1), ("test_builder.py", line + 1, 1)]
    assert "did you mean `topic`" in str(caught.value)


def test_messages_name_the_line_of_the_file_where_python_said_nothing() -> None:
    built = Builder.from_yaml("name: t\nsource: {count: 1}\nnodes:\n  a: {type: template, templat: x}\n").shuffle()
    with pytest.raises(SpecError, match=r"<yaml>:4:23: unknown key `templat`"):
        load_data(built._document, Path())


def test_text_that_is_no_pipeline_is_refused() -> None:
    with pytest.raises(SpecError, match="a pipeline is a mapping"):
        Builder.from_yaml("- a\n")
    with pytest.raises(InputError, match=r"there is no file nowhere\.yaml"):
        Builder.from_yaml("nowhere.yaml")


def test_a_copy_goes_its_own_way() -> None:
    first = Builder("t").template("a", "x")
    second = first.copy().template("b", "y")
    assert list(first.to_dict()["steps"][0]["nodes"]) == ["a"]
    assert list(second.to_dict()["steps"][0]["nodes"]) == ["a", "b"]


def test_checking_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "seedbed.yaml").write_text("models: {w: scripted}\n")
    built = Builder("t", base=tmp_path).source(count=1).llm("a", model="w", prompt="x")
    before = built.to_dict()
    load_data(built._document, tmp_path, sets=["seed=4"])
    assert built.to_dict() == before
