import pytest

from seedbed.errors import TemplateError
from seedbed.template.expression import compile_expression

SCOPE = {"n": None, "a": 1, "m": {"n": None}, "texts": ["x", None]}


@pytest.mark.parametrize("mark", ["==", "!=", "<", "<=", ">", ">=", "in", "not in"])
@pytest.mark.parametrize("sides", [("n", "4"), ("4", "n"), ("n", "m.n"), ("absent.deep.deeper", "'x'")])
def test_comparing_with_null_is_false(mark, sides):
    assert compile_expression(f"{sides[0]} {mark} {sides[1]}")(SCOPE) is False


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("n == none", True),
        ("none != n", False),
        ("a == None", False),
        ("a != none", True),
        ("m.n.x == none", True),
        ("n is none", True),
        ("n is eq 3", False),
        ("n is ne 3", False),
        ("absent is defined", False),
        ("absent is undefined", True),
        ("a is defined", True),
        ("m.n.x.y", None),
        ("m[n]", None),
        ("n[0]", None),
        ("n[1:]", None),
        ("not n", True),
        ("1 < n < 3", False),
        ("texts|select('eq', 'x')|list", ["x"]),
        ("texts|join('-')", "x-"),
    ],
)
def test_null_in_expressions(source, result):
    assert compile_expression(source)(SCOPE) == result


@pytest.mark.parametrize("source", ["n + 1", "1 - n", "-n", "n * 2", "n|length", "n.upper()", "n|upper", "texts|sort"])
def test_operations_on_null_are_errors(source):
    with pytest.raises(TemplateError, match="null"):
        compile_expression(source)(SCOPE)


@pytest.mark.parametrize(
    ("source", "decision"),
    [
        ("a == 1", True),
        ("a == 2", False),
        ("n < 3", None),
        ("not (n < 3)", None),
        ("m.n.score >= 4", None),
        ("n", None),
        ("a == 2 and n < 3", False),
        ("a == 1 and n < 3", None),
        ("n < 3 and a == 2", None),
        ("n < 3 or a == 1", True),
        ("n < 3 or a == 2", None),
        ("n is none", True),
        ("n == none and a == 1", True),
        ("n != none", False),
        ("n is lt 3", None),
        ("1 < n < 3", None),
        ("n|length > 3", None),
        ("n + 1 > 3", None),
        ("a and n", None),
        ("0", False),
    ],
)
def test_a_filter_is_undecided_where_null_matters(source, decision):
    assert compile_expression(source).decide(SCOPE) is decision


def test_other_faults_are_raised_when_deciding():
    with pytest.raises(TemplateError, match="cannot compare"):
        compile_expression("'x' < a").decide(SCOPE)


def test_true_is_a_boolean():
    assert compile_expression("a").true(SCOPE) is True
    assert compile_expression("n").true(SCOPE) is False
    assert compile_expression("absent.x < 3").true({}) is False
