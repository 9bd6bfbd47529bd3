"""What is made of a model's reply: JSON, lists, code, tags, matches."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedbed.errors import BadReply
from seedbed.graph.json_schema import Checker
from seedbed.graph.shorthand import to_json_schema
from seedbed.models.contract import Reply
from seedbed.models.parsing import acceptor, check_parse
from seedbed.models.structured import parse_json, strict_schema

VERDICT = Checker(to_json_schema({"score": "int 1..5", "reason": "str"}))
GOOD = {"score": 4, "reason": "clear"}
TEXT = '{"score": 4, "reason": "clear"}'


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"\n {TEXT}\n",
        f"```json\n{TEXT}\n```",
        f"```\n{TEXT}```\nI hope this helps!",
        f"Sure! As [1] says, the verdict is: {TEXT} Anything else?",
        f"<think>maybe {{'score': 9}} or {TEXT.replace('4', '2')}</think>\n{TEXT}",
        f'thinking {{"score": 1, "reason": "x"}}</think>{TEXT}',
        f"{TEXT}\n\n{TEXT}",
    ],
)
def test_json_is_found_between_other_text_without_repair(text: str) -> None:
    assert parse_json(text, VERDICT) == (GOOD, "")


def test_line_breaks_within_texts_are_taken_as_meant() -> None:
    assert parse_json('{"score": 1, "reason": "one\ntwo"}', VERDICT) == ({"score": 1, "reason": "one\ntwo"}, "")


@pytest.mark.parametrize(
    "text",
    [
        '{"score": 4, "reason": "clear",}',
        "{'score': 4, 'reason': 'clear'}",
        "{score: 4, reason: 'clear'}",
        '```json\n{"score": 4, "reason": "clear"\n```',
        '{"score": 4, // out of five\n "reason": "clear"}',
    ],
)
def test_broken_json_is_repaired_and_the_repair_is_told(text: str) -> None:
    value, note = parse_json(text, VERDICT)
    assert value == GOOD
    assert note.startswith("JSON repaired (")


def test_code_with_fences_inside_json_survives() -> None:
    checker = Checker(to_json_schema({"code": "str"}))
    value = {"code": "```python\nx = [1]\n```"}
    assert parse_json(f"Here:\n```json\n{json.dumps(value)}\n```", checker).value == value


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("I cannot answer that.", "not JSON"),
        ('{"score": 7, "reason": "x"}', "score: 7 is greater than the maximum of 5"),
        ('{"score": 4}', "`reason` is missing"),
        ('{"score": 4, "reason": "x", "more": 1}', "`more` should not be there"),
        ('Here you are: {"score": 7, "reason": "x"}', "score: 7 is greater"),
        ('{"score": four, "reason": "x"}', "not JSON"),
        ('{"score": 4, "reason":', "not JSON"),
        ('{"score": NaN, "reason": "x"}', "not JSON"),
        ('[{"score": 4}]', "object"),
        ("<think>only thought " + TEXT, "not JSON"),
        ("[" * 5000, "not JSON"),
    ],
)
def test_what_does_not_match_is_a_bad_reply_with_feedback(text: str, what: str) -> None:
    with pytest.raises(BadReply, match=re.escape(what)) as caught:
        parse_json(text, VERDICT)
    assert caught.value.reply == text
    assert "again" in caught.value.feedback


def test_a_repair_may_not_make_anything_up() -> None:
    checker = Checker(to_json_schema({"a": "int", "b": "str?"}))
    with pytest.raises(BadReply):
        parse_json('{"a": 1, "b":', checker)
    assert parse_json('{"a": 1, "b": "",}', checker).value == {"a": 1, "b": ""}
    assert parse_json("{'a': 1, 'b': None}", checker).value == {"a": 1, "b": None}


def test_of_several_that_match_the_last_is_taken_and_told() -> None:
    other = TEXT.replace("4", "5")
    assert parse_json(f"First {other}, then rather {TEXT}", VERDICT) == (
        GOOD,
        "2 JSON values in the reply match; the last was taken",
    )


def test_without_a_schema_a_part_of_broken_json_is_no_answer() -> None:
    assert parse_json("3").value == 3
    assert parse_json("See: [1, 2]").value == [1, 2]
    assert parse_json('As [1] says:\n```json\n{"a": 1}\n```').value == {"a": 1}
    repaired = parse_json('{"items": [1, 2], "x": "y"')
    assert repaired.value == {"items": [1, 2], "x": "y"}
    assert repaired.note
    for text in ('{"a": 1} or {"a": 2}', "none", '{"a":1,} {"b":2,}'):
        with pytest.raises(BadReply):
            parse_json(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc{[", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, st.booleans())
def test_whatever_json_is_sent_comes_back(value: Any, pretty: bool) -> None:
    text = json.dumps(value, indent=2 if pretty else None, ensure_ascii=pretty)
    assert parse_json(text) == (value, "")


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    for parse in ("json", "list", "code", {"tag": "a"}, {"regex": "a(b)"}):
        with suppress(BadReply):
            acceptor(parse)(Reply(text))


def read(parse: Any, text: str) -> Any:
    return acceptor(parse)(Reply(text)).value


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('["a", "b, c"]', ["a", "b, c"]),
        ('```json\n["a", "b"]\n```', ["a", "b"]),
        ("1. one\n2. two\n3) three", ["one", "two", "three"]),
        ("Here are some:\n\n- one\n* two\n\nTell me if you want more.", ["one", "two"]),
        ("1. one\n   goes on\n   - detail\n2. two", ["one\ngoes on\n- detail", "two"]),
        ("1. one\n- detail\n2. two", ["one\n- detail", "two"]),
        ("Cities:\nParis\nRome", ["Paris", "Rome"]),
        ("Paris, Rome, New York", ["Paris", "Rome", "New York"]),
        ('"Paris", "Rome"', ["Paris", "Rome"]),
        ("Paris", ["Paris"]),
        ("<think>1. no</think>\n1. yes", ["yes"]),
        ("1.5 metres\n2.5 metres", ["1.5 metres", "2.5 metres"]),
    ],
)
def test_lists(text: str, items: list[str]) -> None:
    assert read("list", text) == items


def test_lists_of_other_things_are_refused() -> None:
    for text in ("[1, 2]", '{"a": "b"}', "[]", "<think>nothing</think> "):
        with pytest.raises(BadReply):
            read("list", text)


def test_code() -> None:
    text = "Run\n```bash\npip install x\n```\nthen\n```Python\ndef f():\n    return 1\n```\nor\n```python\nf()\n```"
    assert read({"code": "python"}, text) == "def f():\n    return 1"
    assert read({"code": "py"}, text) == "def f():\n    return 1"
    assert read("code", text) == "pip install x"
    assert read({"code": "sql"}, "```\nSELECT 1\n```") == "SELECT 1"
    assert read("code", "1. do\n   ~~~js\n   a\n     b\n   ~~~") == "a\n  b"
    assert read("code", "````md\n```py\nx\n```\n````") == "```py\nx\n```"
    with pytest.raises(BadReply, match="no block of sql code"):
        read({"code": "sql"}, text)
    with pytest.raises(BadReply):
        read("code", "def f(): ...")


def test_tags() -> None:
    parse = {"tag": "answer"}
    assert read(parse, "I put it in <answer>tags</answer>.\n<Answer>\n 42 \n</Answer>") == "42"
    assert read(parse, "So: <answer>42") == "42"
    assert read(parse, "<think><answer>41</answer></think><answer>42</answer>") == "42"
    assert read({"tag": "think"}, "<think>hm</think> 42") == "hm"
    for text in ("42", "<answer> </answer>", "<answers>42</answers>"):
        with pytest.raises(BadReply, match="answer"):
            read(parse, text)


def test_regex() -> None:
    assert read({"regex": r"score: (\d)"}, "The score: 4") == "4"
    assert read({"regex": r"\d"}, "The score: 4") == "4"
    assert read({"regex": r"(\w+): (?P<n>\d)", "group": "n"}, "score: 4") == "4"
    with pytest.raises(BadReply, match="does not match"):
        read({"regex": r"\d"}, "none")
    with pytest.raises(BadReply):
        read({"regex": "a(b)?"}, "a")


def test_cut_and_empty_replies_are_no_answers() -> None:
    accept = acceptor()
    assert accept(Reply(" as it came\n")).value == " as it came\n"
    for reply, what in [
        (Reply("half a", finish_reason="length"), "cut at its token limit; raise `max_tokens`"),
        (Reply(" \n"), "empty"),
        (Reply("", reasoning="hm"), "only thought"),
        (Reply("I", finish_reason="content_filter"), "content filter"),
    ]:
        with pytest.raises(BadReply, match=what) as caught:
            accept(reply)
        assert caught.value.reply == reply.text


@pytest.mark.parametrize(
    ("written", "path", "fix"),
    [
        ("jsn", ("parse",), "did you mean `json`?"),
        ("tag", ("parse",), "parse: {tag: answer}"),
        ({"json": True}, ("parse",), "parse: json"),
        ({"tg": "a"}, ("parse",), "did you mean `tag`?"),
        ({"tag": "a b"}, ("parse", "tag"), "{tag: answer}"),
        ({"tag": "a", "group": 1}, ("parse", "group"), "tag"),
        ({"regex": "("}, ("parse", "regex"), "mend"),
        ({"regex": "(a)", "group": 2}, ("parse", "group"), "it has 1"),
        ({"code": 1}, ("parse", "code"), "{code: python}"),
        ([1], ("parse",), "json, list, code"),
    ],
)
def test_mistakes_in_parse(written: Any, path: tuple[str, ...], fix: str) -> None:
    (issue,) = check_parse(written)
    assert issue.path == path
    assert fix in issue.fix


def test_what_parse_may_be() -> None:
    for written in ("json", "list", "code", {"code": "python"}, {"tag": "a"}, {"regex": "(?P<n>a)", "group": "n"}):
        assert list(check_parse(written)) == []


def test_strict_schemas_ask_for_every_key_and_no_others() -> None:
    schema = {
        "type": "object",
        "title": "Verdict",
        "properties": {
            "score": {"type": "integer", "minimum": 1},
            "reason": {"type": "string", "maxLength": 9, "default": ""},
            "next": {"anyOf": [{"$ref": "#/$defs/Next"}, {"type": "null"}]},
        },
        "required": ["score"],
        "$defs": {"Next": {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}}},
    }
    strict = strict_schema(schema)
    assert strict is not None
    assert strict["required"] == ["score", "reason", "next"]
    assert strict["additionalProperties"] is False
    assert strict["properties"]["score"] == {"type": "integer", "minimum": 1}
    assert strict["properties"]["reason"] == {"type": "string"}
    assert strict["$defs"]["Next"]["required"] == ["a"]
    assert strict["$defs"]["Next"]["additionalProperties"] is False
    assert schema["required"] == ["score"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}},
        {"type": "object"},
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": {"a": {"type": "object", "additionalProperties": {"type": "string"}}}},
        {"type": "object", "properties": {"a": {"type": "array"}}},
        {"type": "object", "properties": {"a": {"oneOf": [{"type": "string"}]}}},
        {"type": "object", "properties": {"a": {"type": "string"}}, "if": {}},
    ],
)
def test_schemas_that_strict_decoding_cannot_express(schema: dict[str, Any]) -> None:
    assert strict_schema(schema) is None


def test_shorthand_is_strict_already() -> None:
    schema = to_json_schema({"score": "int 1..5", "why": "[str]?", "kind": "a|b?", "parts": [{"x": "bool"}]})
    assert strict_schema(schema) == schema
