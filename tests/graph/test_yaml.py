"""Texts come out of YAML as they are meant, whatever way they are written, and every part has its place."""

import pytest

from seedbed.graph.yaml import read_yaml


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (">-\n  one\n  two\n\n  three\n", "one two\nthree"),
        (">\n  one\n  two\n", "one two\n"),
        ("|\n  one\n   two\n", "one\n two\n"),
        ("one\n  two\n", "one two"),
        ('"one\\a two"\n', "one\a two"),
        ("'one''s'\n", "one's"),
    ],
)
def test_texts_are_as_meant(written: str, text: str) -> None:
    assert read_yaml(f"a: {written}", "f").data == {"a": text}


@pytest.mark.parametrize(
    ("written", "value"),
    [("no", "no"), ("off", "off"), ("012", 12), ("0o17", 15), ("12:30:00", "12:30:00"), ("1_000", "1_000"),
     ("2024-01-01", "2024-01-01"), ("~", None), ("1e3", 1000.0), ("true", True), ("!!str 5", "5")],
)  # fmt: skip
def test_plain_values_are_those_of_yaml_1_2(written: str, value: object) -> None:
    found = read_yaml(f"a: {written}", "f").data["a"]
    assert found == value
    assert type(found) is type(value)


def test_every_duplicate_key_is_told_with_its_place() -> None:
    document = read_yaml("a: 1\nb: {c: 1, c: 2}\na: 3\n", "f.yaml")
    assert [str(problem) for problem in document.problems] == [
        "f.yaml:2:11: duplicate key `c`; it stands at line 2 already: remove one",
        "f.yaml:3:1: duplicate key `a`; it stands at line 1 already: remove one",
    ]


def test_a_place_in_a_block_text_is_found() -> None:
    document = read_yaml("a:\n  b: |\n    one\n     two\n", "f.yaml")
    problem = document.at(("a", "b"), "wrong", line=2, column=2)
    assert (problem.line, problem.column) == (4, 6)
