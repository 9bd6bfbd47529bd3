import pytest

from seedbed.errors import TemplateError, UserError
from seedbed.template.expression import compile_expression
from seedbed.template.syntax import TemplateSyntaxError
from seedbed.template.text import name_position

SCOPE = {
    "a": 1,
    "f": 1.0,
    "word": "naïve",
    "empty": None,
    "verdict": {"score": 3, "reason": "dull", "items": [1, 2], "deep": {"x": None}},
    "visits": {"draft": 2},
    "numbers": [3, 1.0, 2],
    "rows": [{"n": "b", "s": 2.0}, {"n": "a", "s": 1.0}, {"n": "c"}],
}


def value(source):
    return compile_expression(source)(SCOPE)


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("verdict.score < 4 and visits.draft < 3", True),
        ("f", 1.0),
        ("[f, 1]", [1.0, 1]),
        ("numbers|map('abs')", [3, 1.0, 2]),
        ("numbers|select('gt', 0)|first", 3),
        ("1 + 2 * 3 - 4 // 3", 6),
        ("2 ** 3 ** 2", 64),
        ("-2 ** 2", 4),
        ("+a - -a", 2),
        ("7 / 2", 3.5),
        ("-7 // 2", -4),
        ("1 ~ 2 ~ empty ~ f ~ true", "121.0true"),
        ("'a' 'b' + \"c\"", "abc"),
        (r"'\n\t\u00e9\x41\\\'\q'", "\n\té" + "A\\'\\q"),
        (r"'\ud83d\ude00'", "😀"),
        ("0x1F + 0b11 + 0o7 + 1_000", 1041),
        ("1e3", 1000.0),
        ("True and False or None", None),
        ("a if a > 5 else word", "naïve"),
        ("a if a > 5", None),
        ("1 if false else 2 if false else 3", 3),
        ("not a == 2", True),
        ("1 < 2 <= 2 < 3", True),
        ("1 < 3 < 2", False),
        ("2 in numbers and 9 not in numbers", True),
        ("'score' in verdict and 'ï' in word", True),
        ("verdict['score'] + verdict.items[1]", 5),
        ("numbers.0 + numbers[-1]", 5),
        ("numbers[9]", None),
        ("numbers[1:]", [1.0, 2]),
        ("word[::-1]", "evïan"),
        ("word[:2] ~ word[2]", "naï"),
        ("(1, 2) + [3]", [1, 2, 3]),
        ("()", []),
        ("{'a': 1, 'b': {'c': []}}", {"a": 1, "b": {"c": []}}),
        ("word.upper().startswith('NA')", True),
        ("verdict.items()|length + verdict.keys()|length", 8),
        ("verdict.get('zz', 7)", 7),
        ("'a,b'.split(',')", ["a", "b"]),
        ("rows|map(attribute='s')", [2.0, 1.0, None]),
        ("rows|selectattr('s', 'lt', 1.5)|map(attribute='n')|list", ["a"]),
        ("rows|sort(attribute='n')|map(attribute='n')|join('-')", "a-b-c"),
        ("verdict|tojson", '{"score": 3, "reason": "dull", "items": [1, 2], "deep": {"x": null}}'),
        ("'%s has %.1f and %d'|format(word, 2.25, 3)", "naïve has 2.2 and 3"),
        ("'<b>'|escape ~ 'a b'|urlencode", "&lt;b&gt;a%20b"),
        ("2.5|round ~ 2.567|round(2) ~ 2.1|round(0, 'ceil')", "2.02.573.0"),
        ("'3.7'|int + '12'|int + 'x'|int(default=1)", 16),
        ("'2.5'|float", 2.5),
        ("range(3) + range(4, 0, -2)", [0, 1, 2, 4, 2]),
        ("dict(a=1)", {"a": 1}),
        ("a is odd and a is not divisibleby 2 and f is float and a is integer", True),
        ("a is eq 1 and a is in [1]", True),
        ("empty|default('x') ~ nothing|default('y') ~ verdict.deep.x.y|default('z')", "xyz"),
        ("[[1, 2], [3]]|map('length')|sum", 3),
        ("[1, 1.0, '1', 2]|unique|length", 4),
        ("rows|groupby('n')|map('first')|join", "abc"),
        ("[1, 2, 3]|batch(2, 0)", [[1, 2], [3, 0]]),
        ("[1, 2, 3]|slice(2)", [[1, 2], [3]]),
    ],
)
def test_values_keep_their_type(source, result):
    made = value(source)
    assert made == result
    assert repr(made) == repr(result)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("word < 3", "cannot compare text with number in `word < 3`"),
        ("a + 1 + empty", "`+` needs values, but one side is null in `a + 1 + empty`"),
        ("-empty", "`-` needs a value, but it is null in `-empty`"),
        ("word - 1", "`-` cannot take text and number in `word - 1`"),
        ("'%s' % 3", "`%` cannot take text and number in `'%s' % 3`"),
        ("a / 0", "division by zero in `a / 0`"),
        ("word.x", "`word` is a text and has no field `x` in `word.x`"),
        ("numbers['x']", "the place in a list must be a whole number, not text in `numbers['x']`"),
        ("3 in word", "cannot look for number in text in `3 in word`"),
        ("a in 3", "cannot look into number in `a in 3`"),
        ("empty|length", "the value is null in `empty|length`"),
        ("'x'|int", "'x' is no number in `'x'|int`"),
        ("[1, 'a']|sort", "it cannot work on list"),
        ("word.count()", "`count` cannot do this"),
        ("numbers.upper()", "a list has no method `upper` in `numbers.upper()`"),
        ("a is startingwith('x') or word is even", "a text is no whole number in `word is even`"),
        ("{1: 2}", "the keys of a map are texts, not number in `{1: 2}`"),
        ("rows|map('nofilter')", "there is no filter `nofilter`"),
        ("(-8) ** 0.5", "the result is not a real number"),
    ],
)
def test_faults_say_which_expression_and_what(source, message):
    with pytest.raises(TemplateError) as caught:
        value(source)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("source", "place", "what"),
    [
        ("", (1, 1), "an expression is missing"),
        ("a +", (1, 4), "unexpected the end, a value is missing"),
        ("a b", (1, 3), "unexpected `b` after the expression"),
        ("a\n  and (b", (2, 7), "`(` is not closed"),
        ("a ? b", (1, 3), "unexpected `?`"),
        ("x == 'abc", (1, 6), "this text is not closed"),
        ("a]", (1, 2), "`]` closes nothing"),
        ("a|uper", (1, 3), "there is no filter `uper`; did you mean `upper`?"),
        ("a is odder", (1, 6), "there is no test `odder`; did you mean `odd`?"),
        ("rang(3)", (1, 1), "there is no function `rang`; did you mean `range`?"),
        ("a.append(3)", (1, 3), "there is no method `append`"),
        ("a.format(3)", (1, 3), 'there is no method `format`; write `"%s"|format(value)`'),
        ("a|join(1, 2, 3)", (1, 3), "filter `join`: too many positional arguments"),
        ("a|default(valu=3)", (1, 3), "filter `default`: got an unexpected keyword argument 'valu'"),
        ("f(a=1, 2)", (1, 8), "an argument without a name stands after one with a name"),
        ("(a + 1)(3)", (1, 8), "only functions and methods can be called"),
        ("a..b", (1, 3), "unexpected `.`, a name is missing"),
    ],
)
def test_syntax_errors_have_a_place(source, place, what):
    with pytest.raises(TemplateSyntaxError) as caught:
        compile_expression(source)
    assert isinstance(caught.value, UserError)
    assert caught.value.what.startswith(what)
    assert (caught.value.line, caught.value.column) == place


def test_names_and_paths():
    expression = compile_expression("verdict.score < 4 and rows[0].n == a.b['c'].d and m.keys() and range(x)|length")
    assert expression.names == {"verdict", "rows", "a", "m", "x"}
    assert expression.paths == {("verdict", "score"), ("rows",), ("a", "b", "c", "d"), ("m",), ("x",)}


def test_a_field_may_be_named_like_a_function():
    expression = compile_expression("range + range(2)|length")
    assert expression.names == {"range"}
    assert expression({"range": 5}) == 7


def test_position_of_a_name():
    assert name_position("a and\n  bee < 1 or bee", "bee") == (2, 3)
    assert name_position("x\n{% if a %} {{ bee.a }}{% endif %}", "bee") == (2, 15)
    assert name_position("{% for x in xs %}{{ x }}{% endfor %}{{ x }}", "x") == (1, 40)


def test_results_are_made_afresh():
    expression = compile_expression("[1, {'a': []}]")
    first = expression({})
    first[1]["a"].append(3)
    assert expression({}) == [1, {"a": []}]
