"""Nothing reaches Python's objects, nothing changes what it is given, nothing runs on or eats the memory."""

import time

import pytest

from seedbed.errors import TemplateError
from seedbed.template.expression import compile_expression
from seedbed.template.syntax import TemplateSyntaxError
from seedbed.template.text import compile_text


class Secret:
    password = "hunter2"

    def reveal(self):
        return self.password


SCOPE = {"t": "text", "l": [1], "m": {"k": 1}, "o": Secret(), "f": 1.5}


@pytest.mark.parametrize(
    "source",
    [
        "t.__class__",
        "''.__class__.__mro__",
        "l.__class__.__base__.__subclasses__()",
        "t['__class__']",
        "f.real",
        "l.append",
        "o.password",
        "o['password']",
        "o.reveal()",
        "o|attr('password')",
        "t|attr('__class__')",
        "l|attr('append')",
        "[t]|map(attribute='__class__')|list",
        "[o]|map(attribute='password')|list",
        "[o]|selectattr('password')|list",
        "[o]|sum(attribute='password')",
        "'{0.__class__}'.format(t)",
        "'%s'|format(o)",
        "o|string",
        "o ~ ''",
        "[o]|tojson",
        "l.append(3)",
        "l.clear()",
        "m.pop('k')",
        "m.update(m)",
        "t.encode()",
        "range.__globals__",
        "t.format_map(m)",
        "t.translate(m)",
        "(l|attr('append'))(3)",
        "m.get.__self__",
        "debug()",
        "cycler()",
        "self",
        "self.x()",
        "namespace(a=1)",
    ],
)
def test_no_way_out_of_an_expression(source):
    try:
        made = compile_expression(source)(SCOPE)
    except (TemplateError, TemplateSyntaxError):
        made = None
    assert made in (None, [None])
    assert SCOPE["l"] == [1]
    assert SCOPE["m"] == {"k": 1}


@pytest.mark.parametrize(
    "source",
    [
        "'x' * 10 ** 9",
        "10 ** 9 * 'x'",
        "[0] * 10 ** 9",
        "9 ** (9 ** 9)",
        "9 ** 99999999",
        "2.0 ** 99999",
        "10 ** 5000 * 10 ** 5000",
        "range(10 ** 8)",
        "range(10 ** 30)",
        "('x' * 10 ** 6)|replace('x', 'y' * 10 ** 6)",
        "('x' * 10 ** 6).replace('x', 'y' * 10 ** 6)",
        "(['x'] * 10 ** 6)|join('y' * 10 ** 6)",
        "('y' * 10 ** 6).join(['x'] * 10 ** 6)",
        "'a\nb'|indent(10 ** 9)",
        "'%999999999d'|format(1)",
        "'%*d'|format(999999999, 1)",
        "1|round(-10 ** 9)",
        "[1]|batch(10 ** 9, 0)",
        "[1]|slice(10 ** 9)",
        "('9' * 10 ** 6)|int",
        "('x' * 9 * 10 ** 6) ~ ('x' * 9 * 10 ** 6)",
        "[[[['x' * 10 ** 6] * 50] * 50] * 50]|tojson",
    ],
)
def test_results_are_bounded(source):
    start = time.monotonic()
    with pytest.raises(TemplateError):
        compile_expression(source)({})
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{{ 'x' * 100000 }}{% endfor %}",
        "{% set n = namespace(x='aa') %}{% for a in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{% set n = namespace(x=['aa']) %}{% for a in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
        "{% set n = namespace() %}{% set n.me = n %}{{ n }}",
        "{% set n = namespace(x='aa') %}{% for a in range(99) %}{% set y %}{{ n.x }}{{ n.x }}{% endset %}"
        "{% set n.x = y %}{% endfor %}",
        "{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(30) }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    ],
)
def test_rendering_is_bounded(source):
    text = compile_text(source)
    start = time.monotonic()
    with pytest.raises(TemplateError):
        text.render({})
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    "source",
    ["(" * 5000 + "1" + ")" * 5000, "not " * 5000 + "a", "-" * 5000 + "1", "[" * 3000 + "]" * 3000, "1" + "+1" * 5000],
)
def test_deep_sources_are_refused(source):
    with pytest.raises(TemplateSyntaxError):
        compile_expression(source)


def test_deeply_nested_blocks_are_refused():
    with pytest.raises(TemplateSyntaxError, match="nested"):
        compile_text("{% if a %}" * 500 + "{% endif %}" * 500)


def test_deep_data_is_an_error_of_the_record():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(TemplateError):
        compile_text("{{ deep }}").render({"deep": deep})
    with pytest.raises(TemplateError, match="nested too deeply"):
        compile_expression("deep == [deep]")({"deep": deep})


def test_one_rendering_does_not_use_up_the_next_ones_budget():
    text = compile_text("{% for a in range(30000) %}{{ 'x' * 100 }}{% endfor %}")
    assert [len(text.render({})) for _ in range(4)] == [3_000_000] * 4
