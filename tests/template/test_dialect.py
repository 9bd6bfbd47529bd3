"""Texts come out as MiniJinja renders them, but for how values print."""

from pathlib import Path

import minijinja
import pytest

from seedbed.template.text import compile_text

SCOPE = {
    "a": 1,
    "b": "x<y>",
    "l": [1, 2, 3],
    "m": {"k": "v", "z": "w"},
    "rows": [{"n": "Ann", "s": 3, "g": "x"}, {"n": "Bob", "s": 1, "g": "y"}, {"n": "cy", "s": 2, "g": "x"}],
    "t": "hello big  world",
    "f": 2.5,
    "tree": [{"v": 1, "c": [{"v": 2, "c": []}]}, {"v": 3, "c": []}],
}
TEMPLATES = Path(__file__).with_name("dialect.jinja").read_text(encoding="utf-8").split("\n====\n")
ENGINE = minijinja.Environment(undefined_behavior="strict", keep_trailing_newline=True)


@pytest.mark.parametrize("source", TEMPLATES)
def test_texts_come_out_alike(source):
    expected = ENGINE.render_str(source, **SCOPE)
    expected = expected.replace("True", "true").replace("False", "false").replace("None", "")
    assert compile_text(source).render(SCOPE) == expected


@pytest.mark.parametrize("source", TEMPLATES)
def test_names_are_alike(source):
    functions = {"range", "namespace"}
    assert compile_text(source).names == ENGINE.undeclared_variables_in_str(source) - functions
