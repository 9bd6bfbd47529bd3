import copy

import pytest

from seedbed.errors import TemplateError
from seedbed.template.syntax import TemplateSyntaxError
from seedbed.template.text import compile_text

SCOPE = {
    "question": "Why?",
    "f": 1.0,
    "b": True,
    "n": None,
    "rows": [{"name": "Ü", "score": 1.0}, {"name": 'q"', "score": None}],
    "m": {"k": "v"},
    "numbers": [1, 2, 3],
}


def render(source):
    return compile_text(source).render(SCOPE)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("no holes }} %} #}", "no holes }} %} #}"),
        ("{{ f }} {{ f * 2 }} {{ b }} [{{ n }}] {{ 10 ** 30 }}", "1.0 2.0 true [] " + "1" + "0" * 30),
        ("{{ rows }}", '[{"name": "Ü", "score": 1.0}, {"name": "q\\"", "score": null}]'),
        ("{{ [f, (1, 2)] }}", "[1.0, [1, 2]]"),
        ("{{ absent }}|{{ absent|default('none') }}|{{ m.zz|default(1) }}", "|none|1"),
        ("{% if m %}yes{% endif %}{% if m.zz is defined %}no{% endif %}", "yes"),
        ("{% if n < 4 or 4 > n or n == 3 or n != 3 %}wrong{% else %}right{% endif %}", "right"),
        ("{% if n == none %}right{% elif true %}wrong{% endif %}", "right"),
        ("{% for r in rows %}{{ r.name }}{{ r.score < 4 }};{% endfor %}", 'Ütrue;q"false;'),
        ("{% for x in n %}x{% else %}none{% endfor %}", "none"),
        ("{% for x in numbers %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}\n", "1, 2, 3\n"),
        ("{% for x in [f] %}{% set y = x %}{{ y }}{% endfor %}", "1.0"),
        ("a\n{%- if b -%}\n x \n{%- endif %}\n", "ax\n"),
        ("<{{ '<b>' }}{{ '<b>'|safe }}>", "<<b><b>>"),
        ("{{ {'a': {'b': 1}} }}{{ '}}' }}", '{"a": {"b": 1}}}}'),
        ("{% raw %}{{ x }}{% endraw %}{# {{ no }} #}", "{{ x }}"),
        ("{{ m|tojson(1) }}", '{\n "k": "v"\n}'),
        ("{{ m.k.upper() }}{{ m.items()|length }}", "V1"),
        (
            "{% for x in numbers %}{% if x > 1 %}{% set z = x %}{% endif %}{{ z|default('-') }}{% endfor %}",
            "-23",
        ),
        ("{% for x in [1, 2] %}{% if x == 1 %}{% set z = x %}{% endif %}{{ z|default('-') }}{% endfor %}", "1-"),
        ("{% macro f(k) %}{% if k %}{{ k }}{{ f(k - 1) }}{{ k }}{% endif %}{% endmacro %}{{ f(3) }}", "321123"),
        ("{% macro f() %}{{ x }}{% endmacro %}{% for x in numbers %}{{ f() }}{% endfor %}", ""),
    ],
)
def test_texts(source, text):
    assert render(source) == text


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ n.reason }}", "`n` is null and has no `reason` in `n.reason`"),
        ("a\nb {{ n.a.b }}", "`n` is null and has no `a` in `n.a` (line 2)"),
        ("{% if n.score < 4 %}{% endif %}", "`n` is null and has no `score`"),
        ("{{ m.zz }}", "`m` has no `zz` in `m.zz`; `|default('')` allows for that"),
        ("{{ m.items }}", "`m` has no `items`"),
        ("{{ numbers[7] }}", "there is no item 7 in `numbers[7]`"),
        ("{{ n[0] }}", "the value is null in `n[0]`"),
        ("{{ question < 3 }}", "cannot compare text with number in `question < 3`"),
        ("{% for a, b in numbers %}{% endfor %}", "2 names need a list of as many items, not number"),
        ("{% for a in 3 %}{% endfor %}", "cannot walk over number in `3`"),
        ("{% set x = 3 %}{% set x.y = 3 %}", "`x` is no `namespace()`"),
        ("{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "`f` takes 1 values, not 2 in `f(1, 2)`"),
        ("{% macro f(a) %}{% endmacro %}{{ f(b=2) }}", "`f` cannot take `b`"),
        ("{% for x in [1] %}{{ loop([2]) }}{% endfor %}", "the loop is not marked as `recursive`"),
    ],
)
def test_faults(source, message):
    with pytest.raises(TemplateError) as caught:
        render(source)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("source", "place", "what"),
    [
        ("a {{ b", (1, 3), "this tag is not closed with `}}`"),
        ("a\n {% if %}", (2, 8), "unexpected the end, a value is missing"),
        ("a\n{% if b %}x", (2, 4), "`{% endif %}` is missing for the block that opens here"),
        ("{% endif %}", (1, 4), "unexpected `endif`: no block is open that it could belong to"),
        ("{% if b %}{% endfor %}{% endif %}", (1, 14), "unexpected `endfor`"),
        ("{% include 'x' %}", (1, 4), "unexpected `include`: a template is one text and reaches no other"),
        ("{% foo %}", (1, 4), "unexpected `foo`: there are if, for"),
        ("{% for in x %}{% endfor %}", (1, 8), "unexpected `in`, a name is missing"),
        ("é\n{{ a b }}", (2, 6), "unexpected `b` after the expression"),
        ("{{ }}", (1, 4), "unexpected the end, a value is missing"),
        ("{# a", (1, 1), "this comment is not closed with `#}`"),
        ("{% raw %}", (1, 4), "`{% endraw %}` is missing"),
        ("{% break %}", (1, 4), "`break` stands outside of a loop"),
        ("{{ nofunction(2) }}", (1, 4), "there is no function `nofunction`"),
        ("{% set m.a = 3 %}", (1, 4), "`m` is no `namespace()`"),
        ("{% call 3 %}{% endcall %}", (1, 4), "`call` needs the call of a macro"),
    ],
)
def test_syntax_errors_have_a_place(source, place, what):
    with pytest.raises(TemplateSyntaxError) as caught:
        compile_text(source)
    assert caught.value.what.startswith(what)
    assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("plain", set()),
        ("{{ a.b }}{% if c %}{% endif %}", {"a", "c"}),
        ("{% for x in items if x > y %}{{ x }}{{ loop.index }}{% endfor %}", {"items", "y"}),
        ("{% for x in x %}{{ x }}{% endfor %}", {"x"}),
        ("{% for x in [1] %}{% endfor %}{{ x }}", {"x"}),
        ("{% set a = b %}{{ a }}", {"b"}),
        ("{{ a }}{% set a = 1 %}", {"a"}),
        ("{% set a %}{{ b }}{% endset %}{{ a }}", {"b"}),
        ("{% with a = a %}{{ a }}{% endwith %}", {"a"}),
        ("{% macro m(p, q=d) %}{{ p }}{{ q }}{{ r }}{% endmacro %}{{ m(1) }}{{ range(3) }}", {"d", "r"}),
        ("{% set n = namespace(a=0) %}{% set n.a = z %}{{ n.a }}", {"z"}),
        ("{% filter upper %}{{ a }}{% endfilter %}{% do b.get('x') %}", {"a", "b"}),
    ],
)
def test_names(source, names):
    assert compile_text(source).names == names


def test_paths_reach_as_far_as_the_dots():
    text = compile_text("{{ visits.draft }}{% for r in m.rows %}{{ r.x }}{{ m['k'].v }}{% endfor %}")
    assert text.paths == {("visits", "draft"), ("m", "rows"), ("m", "k", "v")}


@pytest.mark.parametrize(
    "source",
    [
        "{% set numbers = [] %}{% set m = 3 %}{{ numbers }}",
        "{% for m in rows %}{% set rows = 1 %}{% endfor %}",
        "{{ numbers|reverse|list }}{{ numbers|sort(reverse=true) }}{{ numbers + [1] }}{{ numbers|batch(2, 0) }}",
        "{{ rows|sort(attribute='name') }}{{ rows|groupby('name') }}{{ m|dictsort }}{{ numbers|map('string') }}",
        "{% set n = namespace(m=m) %}{% set n.k = 1 %}{{ n }}",
        "{% macro f(rows) %}{% set m = rows %}{{ m }}{% endmacro %}{{ f(2) }}",
    ],
)
def test_the_scope_is_never_changed(source):
    before = copy.deepcopy(SCOPE)
    render(source)
    assert before == SCOPE
    assert list(before) == list(SCOPE)
