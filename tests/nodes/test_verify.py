"""The `verify` node: each kind of check, what its messages say, and what is wrong with a spec."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import NodeError
from seedbed.graph.contracts import Visit
from seedbed.nodes.checks.extract import announced, extractor
from seedbed.nodes.checks.numbers import numbers
from seedbed.nodes.verify import VerifyNode


def node(base: Path = Path(), **spec: Any) -> VerifyNode:
    made = VerifyNode.model_validate({"type": "verify", "of": "answer", **spec})
    made._name, made._base = "right", base
    return made


def issues(**spec: Any) -> list[str]:
    return [f"{'.'.join(map(str, issue.path))}: {issue.what}" for issue in node(**spec).check(Path())]


def verify(scene: Any, answer: Any, scope: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    made = node(scene.base, **spec)
    assert list(made.check(scene.base)) == []
    visit = Visit({"answer": answer, **(scope or {})}, "r1", "right", 1, 0)
    result: dict[str, Any] = asyncio.run(made.prepare(scene)(visit))
    return result


def said(scene: Any, answer: Any, **spec: Any) -> str:
    """The message of a failed check."""
    result = verify(scene, answer, **spec)
    assert not result["passed"]
    return str(result["message"])


# the result


def test_all_checks_must_pass_and_the_score_is_their_share(scene: Any) -> None:
    result = verify(scene, "Paris, of course", contains="paris", regex="^[a-z]+$", constraints=[{"no_commas": True}])
    assert result == {
        "passed": False,
        "score": pytest.approx(1 / 3),
        "message": "nothing in `Paris, of course` matches /^[a-z]+$/; write it so that it does\n"
        "there is 1 comma; use no commas",
        "checks": [
            {"name": "contains", "passed": True, "message": "`paris` is there"},
            {
                "name": "regex",
                "passed": False,
                "message": "nothing in `Paris, of course` matches /^[a-z]+$/; write it so that it does",
            },
            {"name": "no_commas", "passed": False, "message": "there is 1 comma; use no commas"},
        ],
    }
    assert verify(scene, "paris", contains="paris", regex="^[a-z]+$")["score"] == 1


def test_no_answer_passes_no_check_and_no_expected_answer_is_an_error(scene: Any) -> None:
    assert said(scene, None, exact="x", regex="y") == "there is no answer; give one\nthere is no answer; give one"
    with pytest.raises(NodeError, match="`expected` is empty"):
        verify(scene, "x", {"key": None}, exact="{{ key }}")


def test_what_is_checked_may_be_part_of_a_field_or_a_text(scene: Any) -> None:
    assert verify(scene, {"city": "Paris"}, of="answer.city", exact="Paris")["passed"]
    assert verify(scene, "Paris", of="In {{ answer }}", exact="In Paris")["passed"]


def test_the_right_answer_is_told_unless_it_shall_not(scene: Any) -> None:
    for spec in ({"exact": "42"}, {"numeric": 42}, {"choice": "B"}, {"contains": "42"}):
        answer = "A" if "choice" in spec else "41"
        right = "B" if "choice" in spec else "42"
        if "contains" not in spec:
            assert f"it should be {'`' if 'numeric' not in spec else ''}{right}" in said(scene, answer, **spec)
        assert "that is not right" in said(scene, answer, reveal=False, **spec)
        if "contains" not in spec:
            assert right not in said(scene, answer, reveal=False, **spec)


# exact, contains


@pytest.mark.parametrize(
    ("answer", "ignore", "passed"),
    [
        (" The  Café.\n", ["space"], False),
        ("the  café", ["space"], True),
        ("The café", ["case"], True),
        ("cafe!", ["accents", "punctuation", "articles"], True),
        ("THE CAFE\u0301", ["case"], True),
        ("the bar", ["case", "space", "punctuation", "articles", "accents"], False),
    ],
)
def test_exact(scene: Any, answer: str, ignore: list[str], passed: bool) -> None:
    assert verify(scene, answer, exact={"expected": "the café", "ignore": ignore})["passed"] is passed


def test_exact_takes_values_and_several_answers(scene: Any) -> None:
    assert verify(scene, 3, exact=3)["passed"]
    assert verify(scene, {"a": [1]}, {"key": {"a": [1]}}, exact="{{ key }}")["passed"]
    assert verify(scene, "Lyon", {"key": ["Paris", "Lyon"]}, exact="{{ key }}")["passed"]
    assert verify(scene, "So the answer is: **Lyon**.", exact={"expected": "Lyon", "extract": "auto"})["passed"]
    assert said(scene, "Nice", exact=["Paris", "Lyon"]) == "the answer is `Nice`; it should be `Paris` or `Lyon`"


def test_contains(scene: Any) -> None:
    assert verify(scene, "A Photon  wave", contains=["photon", "a photon wave"])["passed"]
    assert not verify(scene, "party", contains={"all": "art", "words": True})["passed"]
    assert verify(scene, "party", contains={"any": ["art", "cat"], "none": ["dog"]})["passed"]
    message = verify(scene, "one", {"keys": ["two"]}, contains={"all": "{{ keys }}", "none": ["one"]})["message"]
    assert message == "`two` is not there; write it\n`one` is there; leave it out"


# where the answer stands


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"so \boxed{\frac{1}{2}} and \boxed{x", r"\frac{1}{2}"),
        ("<answer> 4 </answer> then", "4"),
        ("18 - 9 = 9\n#### 9", "9"),
        ("The answer is 12. It was hard.", "12"),
        ("Answer: **B**", "B"),
        ("The answer is that 3.5 is right. No: the final answer = 4.", "4"),
        ("<think>The answer is 1</think>The answer is 2", "2"),
        ("nothing here", None),
    ],
)
def test_the_announced_answer(text: str, found: str | None) -> None:
    assert extractor("auto")(text) == found


def test_where_it_must_stand(scene: Any) -> None:
    assert verify(scene, "1 then <n>2</n> 3", numeric={"expected": 2, "extract": {"tag": "n"}})["passed"]
    assert verify(scene, "1\n=> 2 km\n3", numeric={"expected": 2, "extract": {"after": "=>"}})["passed"]
    assert verify(scene, "1\n2\n", numeric={"expected": 2, "extract": "last_line"})["passed"]
    assert r"put the answer into \boxed" in said(scene, "2", numeric={"expected": 2, "extract": "boxed"})
    assert announced("") is None


# numeric


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("It costs $1,234.50.", ["2469/2"]),
        ("1 1/2 cups, 3/4 l and ½", ["3/2", "3/4", "1/2"]),
        ("2½ of −7, 10-12", ["5/2", "-7", "10", "12"]),
        (r"\frac{3}{4}, 1\frac{1}{2}", ["3/4", "3/2"]),
        ("6.02e3, 2×10^3, 10⁻², 1.5 \\times 10^{2}", ["6020", "2000", "1/100", "150"]),
        ("H2O, x2", []),
        ("1e999999999 " + "9" * 5000, []),
        ("1/0", []),
    ],
)
def test_numbers(text: str, values: list[str]) -> None:
    assert [str(number.value) for number in numbers(text)] == values


def test_numbers_with_a_decimal_comma() -> None:
    assert [str(number.value) for number in numbers("1.234,5 und 0,25", ",")] == ["2469/2", "1/4"]


@pytest.mark.parametrize(
    ("answer", "spec", "passed"),
    [
        ("First 3, so 42.", 42, True),
        ("The answer is 42, not 43.", 42, True),
        ("The answer is 40 + 2 = 42.", 42, True),
        ("1000", 1005, False),
        ("1000", {"expected": 1005, "tolerance": 5}, True),
        ("1000", {"expected": 1005, "tolerance": {"relative": 0.004}}, False),
        ("0.3333333333", "1/3", True),
        ("0.33", "1/3", False),
        ("12 %", 0.12, True),
        ("12", "12%", True),
        ("13%", 0.12, False),
        ("#### 18", "reasons…\n#### 18", True),
        (42, 42, True),
        (0.1, "1/10", True),
    ],
)
def test_numeric(scene: Any, answer: Any, spec: Any, passed: bool) -> None:
    assert verify(scene, answer, numeric=spec)["passed"] is passed


def test_numeric_says_what_it_found(scene: Any) -> None:
    assert said(scene, "about 41", numeric=42) == "the number is 41; it should be 42"
    assert said(scene, "no idea", numeric="1/3") == "there is no number; it should be 1/3 = 0.3333333333"
    with_unit = {"expected": 5, "unit": ["km", "kilometres"]}
    assert verify(scene, r"5\text{ km}", numeric=with_unit)["passed"]
    assert verify(scene, "5 kilometres.", numeric=with_unit)["passed"]
    assert said(scene, "5 kmh", numeric=with_unit) == "the number is 5 without its unit; write km after it"
    with pytest.raises(NodeError, match="has no number"):
        verify(scene, "5", numeric="five")


# choice


@pytest.mark.parametrize(
    ("answer", "picked"),
    [
        ("B", "B"),
        ("(b)", "B"),
        ("B. Because of A.", "B"),
        ("A is wrong.\nSo the answer is (C).", "C"),
        ("Reasons.\n\n**D**", "D"),
        (r"\boxed{A}", "A"),
        ("The cat", "B"),
        ("Answer: the cat.", "B"),
        ("A dog is an animal", None),
        ("I cannot say", None),
    ],
)
def test_choice(scene: Any, answer: str, picked: str | None) -> None:
    options = ["A dog", "The cat", "A cow", "A hen"]
    for letter in "ABCD":
        result = verify(scene, answer, {"o": options}, choice={"expected": letter, "options": "{{ o }}"})
        assert result["passed"] is (letter == picked)
    if picked is None:
        assert "end with `Answer: A`" in result["message"]


def test_a_choice_by_its_text_and_what_is_no_option(scene: Any) -> None:
    spec = {"expected": "the cat", "options": {"x": "A dog", "y": "The cat"}}
    assert verify(scene, "Y", choice=spec)["passed"]
    assert said(scene, "X", choice=spec) == "the answer is X (A dog); it should be `Y (The cat)`"
    with pytest.raises(NodeError, match="is no option"):
        verify(scene, "Y", choice={**spec, "expected": "Z"})


# regex


def test_regex(scene: Any) -> None:
    assert verify(scene, "ABC 12\n", regex={"all": [r"[a-z ]+\d\d"], "whole": True})["passed"] is False
    assert verify(scene, "ABC 12\n", regex={"all": [r"(?i)[a-z ]+\d\d"], "whole": True})["passed"]
    assert verify(scene, "Grüße", regex=r"^\p{L}+$")["passed"]
    assert "leave that out" in said(scene, "a1", regex={"none": [r"\d"]})
    assert "matches none of /x/, /y/" in said(scene, "a", regex={"any": ["x", "y"]})


def test_no_pattern_holds_up_a_run(scene: Any) -> None:
    start = time.monotonic()
    for pattern in ("(a+)+$", "(a|a)*b$", "(x+x+)+y", "(.*)*=(.*)*;"):
        verify(scene, "a" * 50_000 + "!", regex=pattern)
    assert time.monotonic() - start < 5
    for pattern in ("(", r"(?=a)", r"(.)\1", "(a{900}){900}"):
        assert "is not a regular expression here" in issues(regex=pattern)[0]


# JSON


def test_json(scene: Any) -> None:
    schema = {"name": "str", "age": "int 0..150"}
    assert verify(scene, '{"name": "Ann", "age": 5}', json_schema=schema)["passed"]
    assert verify(scene, '```json\n{"name": "Ann", "age": 5}\n```', json_schema=schema)["passed"]
    assert verify(scene, {"name": "Ann", "age": 5}, json_schema=schema)["passed"]
    assert "`age` is missing" in said(scene, '{"name": "Ann"}', json_schema=schema)
    assert "is not JSON" in said(scene, "Sure: {'name'", json_schema=schema)
    (scene.base / "s.json").write_text('{"type": "array"}', "utf-8")
    assert verify(scene, "[1]", json_schema="./s.json")["passed"]
    assert node(scene.base, json_schema="./s.json").files() == ["./s.json"]


# what is wrong with a spec


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        ({}, ": it does not say what to check"),
        ({"contains": {"words": True}}, "contains: it names no text"),
        ({"regex": {"whole": True}}, "regex: it names no pattern"),
        ({"json_schema": {"a": "strng"}}, "json_schema.a: there is no type `strng`"),
    ],
)
def test_what_is_wrong_is_told(spec: dict[str, Any], wrong: str) -> None:
    assert issues(**spec) == [wrong]
