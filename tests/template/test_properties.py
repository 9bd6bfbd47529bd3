"""Random expressions mean what they mean in Python and in MiniJinja; random texts never crash the reader."""

import math
from contextlib import suppress

import minijinja
from hypothesis import given, settings
from hypothesis import strategies as st

from seedbed.errors import TemplateError
from seedbed.template.expression import compile_expression
from seedbed.template.syntax import TemplateSyntaxError
from seedbed.template.text import compile_text

SCOPE = {"a": 3, "b": -2, "c": 0.5, "d": 7.25, "t": True, "word": "seed", "bed": "bed"}

numbers = st.sampled_from(["a", "b", "c", "d", "0", "1", "2.5", "17", "(-3)"])
texts = st.sampled_from(["word", "bed", "'x'", "''"])


def grown(inner):
    """Larger expressions from smaller ones, written with all their brackets or with none."""
    binary = st.sampled_from(["+", "-", "*", "/", "//", "%"])
    sums = st.tuples(inner, binary, inner).map(" ".join)
    return st.one_of(sums, sums.map("({})".format), inner.map("-{}".format))


arithmetic = st.recursive(numbers, grown, max_leaves=6)
comparisons = st.one_of(
    st.tuples(arithmetic, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), arithmetic).map(" ".join),
    st.tuples(texts, st.sampled_from(["==", "!=", "<", ">=", "in", "not in"]), texts).map(" ".join),
    st.tuples(numbers, st.just("<"), numbers, st.just("<="), numbers).map(" ".join),
    st.just("t"),
)
decisions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
        inner.map("not {}".format),
        inner.map("({})".format),
    ),
    max_leaves=5,
)


def python(source):
    try:
        return eval(source.replace("--", "- -"), {"__builtins__": {}}, SCOPE)
    except ZeroDivisionError:
        return None


def ours(source):
    try:
        return compile_expression(source)(SCOPE)
    except TemplateError:
        return None


@given(arithmetic)
@settings(max_examples=300, deadline=None)
def test_arithmetic_is_pythons(source):
    expected, made = python(source), ours(source)
    assert type(made) is type(expected)
    assert made == expected or (math.isnan(made) and math.isnan(expected))


@given(decisions)
@settings(max_examples=300, deadline=None)
def test_decisions_are_pythons(source):
    expected = python(source)
    if expected is not None:
        assert ours(source) is expected
        assert compile_expression(source).decide(SCOPE) is expected


engine = minijinja.Environment(undefined_behavior="strict")
postfixed = st.one_of(
    decisions,
    st.tuples(texts, st.sampled_from(["~", "+"]), texts).map(" ".join),
    st.tuples(decisions, st.just("if"), decisions, st.just("else"), decisions).map(" ".join),
    st.tuples(st.sampled_from(["a", "-b", "a + 2", "b * a"]), st.just("|abs")).map("".join),
    st.tuples(st.sampled_from(["a", "not a", "a + 1"]), st.just("is odd")).map(" ".join),
    st.tuples(
        texts, st.sampled_from(["|upper", "|length", "|first", "|replace('e', 'oo')", "[1:]", "|list|join('-')"])
    ).map("".join),
)


@given(postfixed)
@settings(max_examples=300, deadline=None)
def test_binding_is_minijinjas(source):
    try:
        expected = engine.eval_expr(source, **SCOPE)
    except minijinja.TemplateError:
        return
    assert ours(source) == expected


pieces = st.one_of(
    st.sampled_from(["{{", "}}", "{%", "%}", "{#", "#}", "{{-", "-%}", "if", "for", "endif", "endfor", "else", "set"]),
    st.sampled_from(["a", "x", "in", "=", "1", "(", ")", "[", "]", "'", "|upper", ".b", "raw", "endraw", "é", "\n"]),
    st.sampled_from(["{% if a %}", "{% endif %}", "{{ a }}", "{% for x in [a] %}", "{% endfor %}", "{% else %}"]),
)
sources = st.tuples(st.lists(pieces, max_size=14), st.sampled_from(["", " "])).map(lambda made: made[1].join(made[0]))


def read(source):
    """The text, or the place of what is wrong with it."""
    try:
        return compile_text(source)
    except TemplateSyntaxError as error:
        return error.line, error.column


@given(sources)
@settings(max_examples=500, deadline=None)
def test_any_text_is_rendered_or_refused_with_a_place_in_it(source):
    made = read(source)
    if isinstance(made, tuple):
        line, column = made
        lines = source.split("\n")
        assert 1 <= line <= len(lines)
        assert 1 <= column <= len(lines[line - 1]) + 1
    else:
        with suppress(TemplateError):
            assert isinstance(made.render({"a": 1}), str)
