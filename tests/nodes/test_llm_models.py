"""One `llm` node over several models, and parameters drawn for each answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from seedbed.errors import Refused
from seedbed.graph.contracts import Visit
from seedbed.models.gate import turn

TWO: dict[str, Any] = {"prompt": "x", "model": ["a", "b"]}


def test_all_give_a_list_with_one_answer_of_each(scene: Any) -> None:
    value, visit = scene.run(**TWO, save=["model", "usage"])
    assert value == ["a 0", "b 1"]
    assert visit.extra["draft_model"] == ["a", "b"]
    assert len(visit.extra["draft_usage"]) == 2
    assert scene.run(**TWO, n=2)[0] == ["a 0", "a 1", "b 2", "b 3"]
    assert scene.run(prompt="x", model=["a"])[0] == ["a 0"], "a list stays a list"


def test_all_or_failed(scene: Any) -> None:
    scene.add("b", lambda request, sample: Refused("no"))
    a = scene.add("a")
    with pytest.raises(Refused):
        scene.run(**TWO)
    assert len(a.asked) == 1


def test_random_and_weighted_depend_on_the_visit_alone(scene: Any) -> None:
    def picked(**spec: Any) -> list[str]:
        return [scene.run(record=f"r{i}", **TWO, **spec)[0].split()[0] for i in range(60)]

    drawn = picked(pick="random")
    assert drawn == picked(pick="random")
    assert min(Counter(drawn).values()) > 15
    assert Counter(picked(weights={"b": 9}))["b"] > 45, "`a` has a weight of 1"
    assert Counter(picked(pick="weighted", weights={"a": 0, "b": 1})) == {"b": 60}
    several = scene.run(**TWO, pick="random", n=20)[0]
    assert {answer.split()[0] for answer in several} == {"a", "b"}, "each sample is drawn on its own"


def test_round_robin_goes_by_the_place_of_the_record(scene: Any) -> None:
    async def at(place: int, number: int = 1) -> str:
        turn.set(place)
        node = scene.node(**TWO, pick="round_robin")
        return str(await node.prepare(scene)(Visit({}, "r", "draft", number, 0)))

    first = [asyncio.run(at(place))[0] for place in range(6)]
    assert first in (["a", "b"] * 3, ["b", "a"] * 3)
    assert [asyncio.run(at(place))[0] for place in reversed(range(6))] == first[::-1], "whatever comes first"
    assert asyncio.run(at(0, 2))[0] == first[1], "and each visit goes on to the next"


def test_least_busy_goes_where_there_is_room_unless_it_was_answered(scene: Any) -> None:
    a, b = scene.add("a"), scene.add("b")
    a.load, b.load = 0.9, 0.1
    assert scene.run(**TWO, pick="least_busy")[0] == "b 0"
    a.load, b.load = 0.1, 0.9
    assert scene.run(**TWO, pick="least_busy")[0] == "a 0"
    b.known = {0}
    assert scene.run(**TWO, pick="least_busy")[0] == "b 0"


def test_parameters_are_drawn_for_each_answer(scene: Any) -> None:
    drawn = {"temperature": {"uniform": [0.2, 1]}, "top_k": {"choices": [10, 20]}, "logit_bias": {"50": 1}}
    model = scene.add("m")
    _, visit = scene.run(prompt="x", params=drawn, n=8, save=["params"])
    temperatures = [request.params["temperature"] for request in model.asked]
    assert all(0.2 <= value <= 1 for value in temperatures)
    assert len(set(temperatures)) == 8
    assert {request.params["top_k"] for request in model.asked} == {10, 20}
    assert visit.extra["draft_params"] == [request.params for request in model.asked]
    assert model.asked[0].params["logit_bias"] == {"50": 1}
    again = scene.add("m")
    scene.run(prompt="x", params=drawn, n=8)
    assert [request.params for request in again.asked] == visit.extra["draft_params"], "the same in every run"
    other = scene.add("m")
    scene.run(prompt="x", params=drawn, number=2)
    assert other.asked[0].params["temperature"] not in temperatures


@pytest.mark.parametrize(
    ("spec", "path", "said"),
    [
        ({"model": "m", "pick": "all"}, ("pick",), "name several"),
        ({"model": "m", "weights": {"m": 1}}, ("weights",), "name several"),
        ({"pick": "weighted"}, ("pick",), "add `weights: {a: 2}`"),
        ({"pick": "all", "weights": {"a": 1}}, ("weights",), "leave one"),
        ({"weights": {"c": 1}}, ("weights", "c"), "they are a, b"),
        ({"weights": {"a": 0, "b": 0}}, ("weights",), "above 0"),
        ({"history": "chat"}, ("model",), "leave out `model`"),
        ({"params": {"temperature": {"uniform": [1, 0]}}}, ("params", "temperature", "uniform"), "[0.0, 1.0]"),
        ({"params": {"temperature": {"uniform": "x"}}}, ("params", "temperature", "uniform"), "valid list"),
        ({"params": {"tools": []}}, ("params", "tools"), "beside `params:`"),
    ],
)
def test_mistakes_are_found_at_load(scene: Any, spec: dict[str, Any], path: tuple[Any, ...], said: str) -> None:
    issues = list(scene.node(**{**TWO, **spec}).check(scene.base))
    assert [issue.path for issue in issues] == [path]
    assert said in issues[0].fix


def test_every_model_is_named_with_its_place(scene: Any) -> None:
    assert scene.node(**TWO).models() == [("a", ("model", 0)), ("b", ("model", 1))]
    with pytest.raises(ValueError, match="at least 1"):
        scene.node(prompt="x", model=[])
