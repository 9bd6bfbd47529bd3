"""Calling the user's functions: arguments, results in JSON, errors with their line."""

import asyncio
import textwrap
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import date
from enum import Enum

import pytest
from pydantic import BaseModel

from seedbed.errors import AccessDenied, InputError, NodeError
from seedbed.registry.hook import Hook
from seedbed.registry.results import copied, json_value


def hook(tmp_path, text, name="f", **params):
    (tmp_path / "hooks.py").write_text(textwrap.dedent(text))
    return Hook(f"./hooks.py:{name}", tmp_path, params)


def call(made, scope, rest=None):
    return asyncio.run(made(made.arguments(scope, rest), asyncio.to_thread))


def test_parameter_names_are_fields(tmp_path):
    made = hook(tmp_path, "def f(a, gone, id, b=1, c=2, k=3, **more): return [a, gone, id, b, c, k, more]", k=9)
    assert (made.required, made.optional, made.takes_more) == (["a", "gone", "id"], ["b", "c"], True)
    assert call(made, {"a": 1, "b": 5, "id": "r", "x": 0}) == [1, None, "r", 5, 2, 9, {}]
    assert call(made, {"a": 1, "id": "r"}, {"a": 1, "x": 0, "k": 1}) == [1, None, "r", 1, 2, 9, {"x": 0}]


def test_params_must_be_parameters(tmp_path):
    with pytest.raises(
        InputError, match=r"no parameter `treshold`; did you mean `threshold`\? its parameters are a, thr"
    ):
        hook(tmp_path, "def f(a, threshold): ...", treshold=1)


def test_sync_runs_in_a_thread_and_async_in_the_loop(tmp_path):
    here = threading.get_ident()
    assert call(hook(tmp_path, "import threading\ndef f(): return threading.get_ident()"), {}) != here
    assert call(hook(tmp_path, "import threading\nasync def f(): return threading.get_ident()"), {}) == here
    assert call(hook(tmp_path, "async def g(a): return a\ndef f(a): return g(a)"), {"a": 3}) == 3
    assert call(hook(tmp_path, "class F:\n  async def __call__(self, a): return a\nf = F()"), {"a": 4}) == 4


def test_what_a_function_was_given_is_its_own(tmp_path):
    scope = {"a": [1, {"b": []}]}
    assert call(hook(tmp_path, "def f(a):\n  a[1]['b'].append(1)\n  return a"), scope) == [1, {"b": [1]}]
    assert scope == {"a": [1, {"b": []}]}
    assert copied(scope) == scope


@pytest.mark.parametrize("word", ["", "async "])
def test_an_error_says_file_and_line(tmp_path, word):
    made = hook(tmp_path, f"import json\n{word}def f(a):\n  if a:\n    raise ValueError('too short')\n  json.loads('')")
    with pytest.raises(NodeError) as caught:
        call(made, {"a": True})
    assert str(caught.value) == "ValueError: too short (hooks.py:4)"
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(NodeError, match=r"JSONDecodeError: Expecting value.*\(hooks.py:5\)"):
        call(made, {"a": False})


def test_a_stop_iteration_is_an_error_like_others(tmp_path):
    with pytest.raises(NodeError, match=r"StopIteration \(hooks.py:1\)"):
        call(hook(tmp_path, "def f(): return next(iter([]))"), {})


def test_a_sibling_imported_too_late_is_told(tmp_path):
    (tmp_path / "late_of_test.py").write_text("")
    with pytest.raises(NodeError, match=r"ModuleNotFoundError: .*\(hooks.py:2\); .* at its top only"):
        call(hook(tmp_path, "def f():\n  import late_of_test"), {})


def test_our_own_errors_and_interrupts_pass(tmp_path):
    text = "from seedbed.errors import AccessDenied\nasync def f(): raise AccessDenied('no')"
    with pytest.raises(AccessDenied):
        call(hook(tmp_path, text), {})
    with pytest.raises(KeyboardInterrupt):
        call(hook(tmp_path, "def f(): raise KeyboardInterrupt"), {})


@dataclass
class Point:
    x: int
    tags: tuple


class Answer(BaseModel):
    day: date


class Colour(Enum):
    RED = "red"


class Array:
    """What numpy's scalars and arrays look like from outside."""

    __array__ = None

    def __init__(self, value):
        self.value = value

    def tolist(self):
        return self.value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, "ü", None, True, 2.5), [1, "ü", None, True, 2.5]),
        ({"b", "a", "c"}, ["a", "b", "c"]),
        (Counter("aab"), {"a": 2, "b": 1}),
        (Point(1, ("t",)), {"x": 1, "tags": ["t"]}),
        ([Answer(day=date(2024, 2, 29))], [{"day": "2024-02-29"}]),
        ({"c": Colour.RED, Colour.RED: date(2024, 1, 2)}, {"c": "red", "red": "2024-01-02"}),
        ([Array([1.5]), Array(3)], [[1.5], 3]),
        (2**70, 2**70),
    ],
)
def test_results_become_json(value, expected):
    result = json_value(value)
    assert result == expected
    assert type(result) is type(expected)


def test_keys_keep_their_order():
    assert list(json_value({"b": 1, "a": 2})) == ["b", "a"]


class Odd:
    pass


def endless():
    loop = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Odd(), "a Odd, which has no JSON form"),
        ([{"a": Odd}], "a type, which has no JSON form"),
        (b"x", "decode it"),
        (float("nan"), "nan"),
        ({1: 2}, "key of type int"),
        ("\ud800", "not valid Unicode"),
        ((i for i in ()), "a generator, which"),
        (endless(), "contains itself"),
        (len, "builtin_function_or_method"),
    ],
)
def test_what_has_no_json_form_is_named(value, message):
    with pytest.raises(NodeError, match=message):
        json_value(value)
