import asyncio
import json
import time
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from seedbed.errors import AccessDenied, ModelError, RateLimited, Refused, SpecError, TemplateError, Unavailable
from seedbed.models.contract import Reply, Request
from seedbed.models.providers.scripted import Scripted
from seedbed.models.script.engine import Script
from seedbed.models.script.exchange import Asked
from seedbed.models.script.rules import load_rules


def model(rules: Any = None, base: Path = Path(), **more: Any) -> Scripted:
    made = Scripted.model_validate({"provider": "scripted", "rules": rules, **more})
    asyncio.run(made.open(base))
    return made


def ask(made: Scripted, prompt: str, **more: Any) -> Reply:
    messages = [{"role": "user", "content": prompt}]
    return asyncio.run(made.ask(Request(messages, **more), None))


def answers(made: Scripted, *prompts: str) -> list[str]:
    return [ask(made, prompt).text for prompt in prompts]


@pytest.mark.parametrize(
    ("condition", "hit", "miss"),
    [
        ({"contains": "red"}, "a red hat", "a blue hat"),
        ({"contains": ["red", "hat"]}, "a red hat", "a red coat"),
        ({"contains_any": ["red", "hat"]}, "a red coat", "a blue coat"),
        ({"matches": r"\d{3}"}, "room 101", "room 7"),
        ({"model": "big-*"}, None, ""),
    ],
)
def test_conditions(condition: dict[str, Any], hit: str | None, miss: str) -> None:
    made = model([{**condition, "reply": "yes"}, {"reply": "no"}])
    if hit is not None:
        assert answers(made, hit, miss) == ["yes", "no"]
    else:
        assert answers(made, "x") == ["no"]
        assert answers(model([{**condition, "reply": "yes"}], model="big-one"), "x") == ["yes"]


def test_system_role_and_wants() -> None:
    rules = [
        {"system": "strict", "reply": "strict"},
        {"contains": "blue", "role": "last", "reply": "last"},
        {"wants": "json_schema", "json": {"a": 1}},
        {"reply": "other"},
    ]
    made = model(rules)
    user = {"role": "user", "content": "hello"}
    assert asyncio.run(made.ask(Request([{"role": "system", "content": "be strict"}, user]), None)).text == "strict"
    earlier = [{"role": "user", "content": "blue"}, user]
    assert asyncio.run(made.ask(Request(earlier), None)).text == "other"
    assert asyncio.run(made.ask(Request(list(reversed(earlier))), None)).text == "last"
    assert ask(made, "hello", schema={"type": "object"}).text == '{"a":1}'


def test_templates_read_prompt_and_groups() -> None:
    rules = [
        {"matches": r"(?P<what>\w+) of (\w+)", "reply": "{{ match.what }}/{{ match[2] }}: {{ prompt }} #{{ asked }}"},
        {"contains": "value", "json": {"n": "{{ prompt | length }}", "text": "<{{ prompt }}>", "fixed": [1, None]}},
    ]
    made = model(rules)
    assert answers(made, "capital of France", "capital of France") == [
        "capital/France: capital of France #1",
        "capital/France: capital of France #2",
    ]
    assert json.loads(ask(made, "value").text) == {"n": 5, "text": "<value>", "fixed": [1, None]}


def test_random_in_templates_is_a_function_of_the_prompt() -> None:
    rules = [{"reply": "{{ ['a', 'b', 'c', 'd'][(4 * random) | int] }} {{ random }}"}]
    first = answers(model(rules), *"xyz")
    assert first == list(reversed(answers(model(rules), *"zyx")))
    assert len(set(first)) == 3


def test_a_template_that_cannot_be_filled_fails_the_call() -> None:
    with pytest.raises(TemplateError, match=r"rule 1, reply cannot be filled"):
        ask(model([{"reply": "{{ match.name.first }}"}]), "x")


def test_replies_in_turn_by_prompt_or_by_rule() -> None:
    by_prompt = model([{"replies": ["one", {"two": 2}]}])
    assert answers(by_prompt, "a", "b", "a", "b", "a") == ["one", "one", '{"two":2}', '{"two":2}', "one"]
    by_rule = model([{"replies": ["one", "two"], "per_prompt": False}])
    assert answers(by_rule, "a", "b", "a") == ["one", "two", "one"]


def test_reply_parts() -> None:
    rule = {
        "echo": True,
        "reasoning": "thought about {{ prompt }}",
        "finish_reason": "content_filter",
        "usage": {"input": 7, "output": 3, "cached_input": 2},
        "logprobs": {"no": 0.25, "yes": 0.75},
    }
    reply = ask(model([rule], model="m"), "hello")
    assert (reply.text, reply.reasoning, reply.finish_reason, reply.model) == (
        "hello",
        "thought about hello",
        "content_filter",
        "m",
    )
    assert (reply.usage.input, reply.usage.output, reply.usage.cached_input) == (7, 3, 2)
    assert reply.logprobs is not None
    assert [token["token"] for token in reply.logprobs[0]["top_logprobs"]] == ["yes", "no"]
    called = ask(model([{"tool_calls": [{"name": "add", "arguments": {"a": 1}}]}]), "x")
    assert (called.text, called.finish_reason) == ('{"a":1}', "tool_calls")


@pytest.mark.parametrize(
    ("fail", "kind", "wait"),
    [
        ({"status": 429, "retry_after": 0.5}, RateLimited, 0.5),
        (503, Unavailable, None),
        ("drop", Unavailable, None),
        ("half", Unavailable, None),
        ("garbage", Unavailable, None),
        ("hang", Unavailable, None),
        (404, Refused, None),
    ],
)
def test_failures_are_model_errors(fail: Any, kind: type[ModelError], wait: float | None) -> None:
    with pytest.raises(ModelError) as caught:
        ask(model([{"fail": fail}], timeout=0.05), "x")
    assert type(caught.value) is kind
    assert caught.value.wait == wait


@pytest.mark.parametrize("status", [401, 403])
def test_denied(status: int) -> None:
    with pytest.raises(AccessDenied, match=str(status)):
        ask(model([{"fail": status}]), "x")


def test_empty_and_cut_are_replies() -> None:
    made = model([{"contains": "e", "reply": "hello", "fail": "empty"}, {"reply": "12345678", "fail": "cut"}])
    assert ask(made, "e").text == ""
    cut = ask(made, "x")
    assert (cut.text, cut.finish_reason) == ("1234", "length")


def failing(fault: dict[str, Any], *prompts: str) -> str:
    """F for each prompt that fails, . for each that goes well."""
    made = model([{"fail": {"status": 500, **fault}}, {"reply": "fine"}])
    marks = ""
    for prompt in prompts:
        try:
            assert ask(made, prompt).text == "fine"
            marks += "."
        except Unavailable:
            marks += "F"
    return marks


def test_when_failures_come() -> None:
    assert failing({"times": 2}, *"abcd") == "FF.."
    assert failing({"times": 1, "after": 1}, *"abcd") == ".F.."
    assert failing({"every": 3}, *"abcdef") == "..F..F"
    assert failing({"times": 1, "per_prompt": True}, *"abab") == "FF.."
    assert failing({}, *"ab") == "FF"


def test_rate_is_a_share_that_does_not_depend_on_the_order() -> None:
    prompts = [f"prompt {i}" for i in range(400)]
    marks = failing({"rate": 0.25}, *prompts)
    assert 60 <= marks.count("F") <= 140
    assert marks == failing({"rate": 0.25}, *reversed(prompts))[::-1]
    repeated = failing({"rate": 0.5}, *["same"] * 60)
    assert 10 <= repeated.count("F") <= 50


def test_made_up_text_is_a_function_of_the_request() -> None:
    first, again, other = answers(model(), "a", "a", "b")
    assert first == again != other
    assert first == answers(model(), "a")[0]
    assert len(first.split()) == 16
    drawn = [ask(model(), "a", draw=draw).text for draw in (1, 2, 1)]
    assert drawn[0] == drawn[2] != drawn[1]
    assert ask(model(), "a", draw=1, params={"temperature": 0}).text == first
    short = ask(model(), "a", params={"max_tokens": 4})
    assert len(short.text) <= 17
    assert short.finish_reason == "stop"
    counted = ask(model(), "abcdefgh")
    assert counted.usage.input == 2
    probed = ask(model(), "a", params={"logprobs": True, "top_logprobs": 2})
    assert probed.logprobs is not None
    assert "".join(token["token"] for token in probed.logprobs) == probed.text
    assert len(probed.logprobs[0]["top_logprobs"]) == 2


SCHEMAS: list[dict[str, Any]] = [
    {
        "type": "object",
        "properties": {
            "score": {"type": "integer", "minimum": 1, "maximum": 5},
            "odd": {"type": "integer", "exclusiveMinimum": -9, "exclusiveMaximum": -2, "multipleOf": 3},
            "share": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "reason": {"type": "string", "minLength": 1, "maxLength": 8},
            "long": {"type": "string", "minLength": 300},
            "kind": {"enum": ["a", "b"]},
            "fixed": {"const": 3},
            "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "either": {"type": ["integer", "null"], "minimum": 3},
            "yes": {"type": "boolean"},
            "none": {"type": "null"},
            "day": {"type": "string", "format": "date"},
        },
        "required": ["score", "reason"],
        "additionalProperties": False,
    },
    {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 4, "uniqueItems": True},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
    {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2},
    {"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"required": ["b"]}]},
    {
        "$defs": {
            "tree": {
                "type": "object",
                "properties": {
                    "value": {"type": "integer"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
                    "next": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]},
                },
                "required": ["value", "children", "next"],
            }
        },
        "$ref": "#/$defs/tree",
    },
    {"type": "object", "properties": {"next": {"$ref": "#"}}},
    {
        "$defs": {
            "sum": {
                "type": "object",
                "properties": {"left": {"$ref": "#/$defs/term"}, "right": {"$ref": "#/$defs/term"}},
                "required": ["left", "right"],
            },
            "term": {"anyOf": [{"$ref": "#/$defs/sum"}, {"type": "number"}]},
        },
        "$ref": "#/$defs/sum",
    },
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_made_up_json_fits_the_schema(schema: dict[str, Any]) -> None:
    check = jsonschema_rs.validator_for(schema)
    made = model()
    texts = [ask(made, f"prompt {i}", schema=schema).text for i in range(30)]
    for text in texts:
        check.validate(json.loads(text))
    assert texts == [ask(made, f"prompt {i}", schema=schema).text for i in range(30)]


def test_latency() -> None:
    made = model([{"contains": "fast", "reply": "x", "latency": 0}, {"reply": "y"}], latency=0.05)
    started = time.monotonic()
    assert ask(made, "fast").seconds == 0
    assert time.monotonic() - started < 0.05
    assert ask(made, "slow").seconds == 0.05
    for spec, low, high in (({"uniform": [0.1, 0.2]}, 0.1, 0.2), ({"mean": 0.0, "std": 0.1}, 0.0, 1.0)):
        script = Script(load_rules({"latency": spec}))
        drawn = [script.answer(Asked([{"role": "user", "content": "x"}], {})).latency for _ in range(50)]
        assert all(low <= seconds <= high for seconds in drawn)
        assert len(set(drawn)) > 10


def test_rules_from_a_file_and_identity(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rules:\n  - {contains: ping, reply: pong}\n", "utf-8")
    made = model("rules.yaml", tmp_path)
    assert ask(made, "ping").text == "pong"
    inline = model([{"contains": "ping", "reply": "pong"}])
    assert made.identity() == inline.identity()
    assert made.identity() != model([{"contains": "ping", "reply": "other"}]).identity()
    failing = model([{"fail": 500}, {"contains": "ping", "reply": "pong", "fail": "empty", "latency": 1}])
    assert made.identity() == failing.identity()


WRONG = """\
latency: 0.1
rules:
  - contains: x
    replyy: a
  - fail: {status: 200}
  - reply: "{{ nothing }}"
  - {reply: a, echo: true}
  - contains: only
"""


def test_every_problem_of_a_file_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(WRONG, "utf-8")
    with pytest.raises(SpecError) as caught:
        load_rules(file)
    lines = [line.removeprefix(str(file)) for line in str(caught.value).splitlines()]
    assert lines[0].startswith(":4:5: unknown key `replyy`; did you mean `reply`?")
    assert lines[1].startswith(":5:20: `status` must be greater than or equal to 400")
    assert lines[2].startswith(":6:13: `reply` reads `nothing`")
    assert lines[3].startswith(":7:5: the rule answers in 2 ways (reply, echo)")
    assert lines[4].startswith(":8:5: the rule does not say what to answer")
    assert len(lines) == 5
