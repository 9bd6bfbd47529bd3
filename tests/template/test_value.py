import pytest

from seedbed.template.syntax import TemplateSyntaxError
from seedbed.template.value import compile_value

SCOPE = {"a": 1.0, "m": {"x": [1]}, "n": None, "q": "why"}


def test_one_expression_keeps_its_type_and_text_is_text():
    value = compile_value(
        {
            "messages": [{"role": "user", "content": "Q: {{ q }}"}],
            "a": "{{ a }}",
            "trimmed": "{{- m.x -}}",
            "text": " {{ a }}",
            "null": "{{ n.deep }}",
            "plain": "no holes",
            "number": 3,
            "not {{ q }}": True,
            "comment": "{# nothing #}",
        }
    )
    assert value(SCOPE) == {
        "messages": [{"role": "user", "content": "Q: why"}],
        "a": 1.0,
        "trimmed": [1],
        "text": " 1.0",
        "null": None,
        "plain": "no holes",
        "number": 3,
        "not {{ q }}": True,
        "comment": "",
    }
    assert value.names == {"q", "a", "m", "n"}
    assert value.paths == {("q",), ("a",), ("m", "x"), ("n", "deep")}
    assert value.place_of("q") == ("messages", 0, "content")
    assert not value.constant


def test_a_whole_text_is_a_value():
    assert compile_value("{{ a * 2 }}")(SCOPE) == 2.0
    assert compile_value("{{ a }}{{ a }}")(SCOPE) == "1.01.0"


def test_constant_values_are_made_afresh():
    value = compile_value({"a": [1, {"b": []}], "c": ()})
    assert value.constant
    first = value({})
    first["a"][1]["b"].append(1)
    assert value({}) == {"a": [1, {"b": []}], "c": []}


def test_errors_lead_to_the_text():
    with pytest.raises(TemplateSyntaxError) as caught:
        compile_value({"messages": [{"content": "x\n{{ a + }}"}]})
    error = caught.value
    assert (error.path, error.line, error.column) == (("messages", 0, "content"), 2, 8)
