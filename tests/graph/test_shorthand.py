"""The schema shorthand, and values checked against what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedbed.errors import InputError
from seedbed.graph.json_schema import Checker
from seedbed.graph.shorthand import SchemaSyntaxError, load_schema, schema_file, to_json_schema

WORDS = st.text("abcdefgh", min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("written", "schema"),
    [
        ("str", {"type": "string"}),
        ("str 1..200", {"type": "string", "minLength": 1, "maxLength": 200}),
        ("str ..200", {"type": "string", "maxLength": 200}),
        ("int 1..5", {"type": "integer", "minimum": 1, "maximum": 5}),
        ("int -3..", {"type": "integer", "minimum": -3}),
        ("float 0..0.5", {"type": "number", "minimum": 0, "maximum": 0.5}),
        ("bool", {"type": "boolean"}),
        ("any", {}),
        ("any?", {}),
        ("int?", {"type": ["integer", "null"]}),
        ("int 1..5?", {"type": ["integer", "null"], "minimum": 1, "maximum": 5}),
        ("yes|no", {"type": "string", "enum": ["yes", "no"]}),
        ("very good | bad?", {"type": ["string", "null"], "enum": ["very good", "bad", None]}),
        ("[str]", {"type": "array", "items": {"type": "string"}}),
        (["a|b"], {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}),
        ("[[int]] 1..3", {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}),
        ("[str]?", {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]}),
    ],
)
def test_each_form(written: Any, schema: dict[str, Any]) -> None:
    made = to_json_schema(written)
    assert {**made, **schema} == made


def test_a_map_is_an_object_with_all_its_keys_in_order_and_no_others() -> None:
    schema = to_json_schema({"z": "str", "a": [{"question": "str"}]})
    assert list(schema["properties"]) == ["z", "a"] == schema["required"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["a"]["items"]["required"] == ["question"]


@pytest.mark.parametrize(
    ("written", "what", "fix", "path"),
    [
        ({"reason": "strng"}, "no type `strng`", "`str`", ("reason",)),
        ({"a": {"b": [{"c": "flot"}]}}, "no type `flot`", "`float`", ("a", "b", 0, "c")),
        ("integer", "no type `integer`", "`int`", ()),
        ({"type": "string", "name": "str"}, "no type `string`", "`str`", ("type",)),
        ("int 1-5", "`1-5` is not a range", "`int 1..5`", ()),
        ("int 5..1", "is empty", "smaller end first", ()),
        ("int 1.5..2", "not a whole number", "int 1..5", ()),
        ("str -1..2", "less than nothing", "str 1..200", ()),
        ("bool 0..1", "no range", "`bool`", ()),
        ("int ..", "not a range", "int 1..5", ()),
        ("str|null", "a choice of types", "`str?`", ()),
        ("true|false", "a choice of texts", "`bool`", ()),
        ("a||b", "empty choice", "`a|b|c`", ()),
        ("a|b|a", "twice", "`a|b|c`", ()),
        ("[str", "not a list", "`[str]`", ()),
        (["yes", "no"], "holds one type", "`a|b|c`", ()),
        ({"a": None}, "nothing is not a type", "`str`", ("a",)),
        ({"a": 1}, "1 is not a type", "`str`", ("a",)),
        ({"a?": "str"}, "question mark", "`a: str?`", ("a?",)),
        ({}, "empty map", "any", ()),
        ({"a": {"type": "integer", "minimum": "x"}}, "not a valid JSON Schema", "", ("a", "minimum")),
        ({"$ref": "http://localhost:1/x.json"}, "another file", "`$defs`", ()),
    ],
)
def test_mistakes_are_told_with_their_place_and_what_would_be_right(
    written: Any, what: str, fix: str, path: tuple[str | int, ...]
) -> None:
    with pytest.raises(SchemaSyntaxError) as caught:
        to_json_schema(written)
    assert what in caught.value.what
    assert fix in caught.value.fix
    assert caught.value.path == path


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string"}}},
        {"type": "array", "items": {"type": "integer"}},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"enum": ["a", 1]},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "minimum": 3},
    ],
)
def test_a_json_schema_is_taken_as_it_is_also_inside_shorthand(schema: dict[str, Any]) -> None:
    assert to_json_schema(schema) == schema
    assert to_json_schema({"inner": schema})["properties"]["inner"] == schema


def test_names_that_are_also_keywords_stay_names() -> None:
    schema = to_json_schema({"type": "str", "title": "str", "items": ["str"], "enum": ["int"]})
    assert schema["required"] == ["type", "title", "items", "enum"]


def test_messages() -> None:
    checker = Checker(to_json_schema("messages"))
    assert (
        checker.check([{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": []}])
        is None
    )
    assert "[0].role" in (checker.check([{"role": "robot", "content": "hi"}]) or "")
    assert "`content` is missing" in (checker.check([{"role": "user"}]) or "")


def test_violations_are_told_in_plain_words_with_the_path_three_at_most() -> None:
    schema = to_json_schema({"verdict": {"score": "int 1..5", "tags": "[str]?", "kind": "a|b"}})
    checker = Checker(schema)
    assert checker.check({"verdict": {"score": 3.0, "tags": None, "kind": "a"}}) is None
    assert checker.check({"verdict": {"score": 7, "tags": [], "kind": "a"}}) == (
        "verdict.score: 7 is greater than the maximum of 5"
    )
    assert checker.check({"verdict": {"score": 1, "tags": ["x", 2], "kind": "a"}}) == (
        'verdict.tags[1]: 2 is not of type "string"'
    )
    assert checker.check({"verdict": {"score": 1, "tags": []}}) == "verdict: `kind` is missing"
    many = checker.check({"verdict": {"score": 0, "tags": 5, "kind": "c", "x": 1}})
    assert many is not None
    assert many.count("; ") == 2
    assert "`x` should not be there" in (
        checker.check({"verdict": {"score": 1, "tags": [], "kind": "a", "x": 1}}) or ""
    )


def test_a_long_value_is_cut_in_the_message() -> None:
    assert len(Checker({"type": "integer"}).check("x" * 10_000) or "") < 300


def test_what_is_not_json_is_refused() -> None:
    assert "not a JSON value" in (Checker({"type": "object"}).check({1: 2}) or "")
    assert Checker({"type": "number"}).check(float("nan")) is not None


def test_schemas_in_files_and_python(tmp_path: Path) -> None:
    wanted = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}
    (tmp_path / "verdict.json").write_text(json.dumps(wanted))
    (tmp_path / "models.py").write_text(
        "from pydantic import BaseModel, Field\n"
        "class Verdict(BaseModel):\n    score: int = Field(ge=1, le=5)\n    reason: str | None = None\n"
        "def function(): ...\n"
    )
    assert load_schema("./verdict.json", tmp_path) == wanted
    checker = Checker(load_schema("models.py:Verdict", tmp_path))
    assert checker.check({"score": 3}) is None
    assert "score: 9 is greater" in (checker.check({"score": 9, "reason": None}) or "")
    assert load_schema("[str]", tmp_path) == to_json_schema("[str]")
    assert schema_file("./verdict.json") == "./verdict.json"
    assert schema_file("models.py:Verdict") == "models.py"
    assert schema_file("package.module:Verdict") == "package.module:Verdict"
    assert schema_file("str") is schema_file({"a": "str"}) is None

    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[1]")
    for written, what in [
        ("./verdct.json", "did you mean verdict.json?"),
        ("broken.json", "is not JSON"),
        ("list.json", "holds no object"),
        ("models.py:function", "is not a class"),
        ("models.py:Verdit", "Verdit"),
        ("nowhere.py:Verdict", "no file nowhere.py"),
    ]:
        with pytest.raises(InputError, match=what):
            load_schema(written, tmp_path)


def pair(written: Any, good: st.SearchStrategy[Any], bad: st.SearchStrategy[Any]) -> Any:
    return st.tuples(st.just(written), good, bad)


@st.composite
def cases(draw: st.DrawFn, depth: int = 2) -> tuple[Any, Any, Any]:
    """A shorthand, a value that it describes, and one that it does not."""
    kinds = ["str", "int", "float", "bool", "choice", "range", "length"]
    kind = draw(st.sampled_from(kinds + (["list", "map", "nullable"] if depth else [])))
    not_text = st.one_of(st.none(), st.integers(), st.booleans(), st.lists(st.none(), max_size=2))
    if kind == "str":
        return draw(pair("str", st.text(st.characters(exclude_categories=["Cs"])), not_text))
    if kind == "length":
        low = draw(st.integers(1, 4))
        good = st.text("ä🙂x", min_size=low, max_size=low + 3)
        return draw(pair(f"str {low}..{low + 3}", good, st.sampled_from(["", "ä" * (low + 4)])))
    if kind == "int":
        return draw(pair("int", st.integers(-(2**53), 2**53), st.sampled_from([1.5, "1", True, None])))
    if kind == "range":
        low = draw(st.integers(-50, 50))
        high = low + draw(st.integers(0, 9))
        good = st.integers(low, high)
        return draw(pair(f"int {low}..{high}", good, st.sampled_from([low - 1, high + 1, str(low)])))
    if kind == "float":
        return draw(pair("float", st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["1", None, []])))
    if kind == "bool":
        return draw(pair("bool", st.booleans(), st.sampled_from([0, 1, "true", None])))
    if kind == "choice":
        choices = draw(st.lists(WORDS, min_size=2, max_size=4, unique=True))
        return draw(pair("|".join(choices), st.sampled_from(choices), st.sampled_from(["", "zz", 1, None])))
    if kind == "map":
        names = draw(st.lists(WORDS, min_size=1, max_size=3, unique=True))
        parts = {name: draw(cases(depth - 1)) for name in names}
        good = {name: part[1] for name, part in parts.items()}
        name = names[0]
        without = {key: value for key, value in good.items() if key != name}
        bad = draw(st.sampled_from([{**good, name: parts[name][2]}, {**good, "extra": 1}, without, list(good), None]))
        return {name: part[0] for name, part in parts.items()}, good, bad
    written, good, bad = draw(cases(depth - 1))
    if kind == "list":
        as_text = isinstance(written, str) and draw(st.booleans())
        wrong = draw(st.sampled_from([[good, bad], [bad], {"a": good}, None]))
        return (f"[{written}]" if as_text else [written]), [good] * draw(st.integers(0, 3)), wrong
    if isinstance(written, str) and bad is not None:
        return f"{written}?", draw(st.sampled_from([good, None])), bad
    return written, good, bad


@settings(max_examples=300, deadline=None)
@given(cases())
def test_values_made_from_a_schema_fit_it_and_spoiled_ones_do_not(case: tuple[Any, Any, Any]) -> None:
    written, good, bad = case
    checker = Checker(to_json_schema(written))
    assert checker.check(good) is None
    assert checker.check(bad)
