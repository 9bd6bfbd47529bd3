"""Draws by chance: that they are what they say, the same for the same place, and refused when they make no sense."""

import json
import math
from collections import Counter
from datetime import date
from pathlib import Path
from random import Random
from statistics import fmean, pvariance
from types import SimpleNamespace

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from seedbed.errors import InputError, NodeError
from seedbed.graph.contracts import Read, Visit
from seedbed.nodes.draws import poisson
from seedbed.nodes.sampler import Sampler


def draws(spec, count=2000, scope=None, base=Path(), seed=0):
    node = Sampler.model_validate({"type": "sampler", **spec})
    assert list(node.check(base)) == []
    call = node.prepare(SimpleNamespace(base=base))
    return [call(Visit(scope or {}, f"r{i}", "node", 1, seed)) for i in range(count)]


def issues(spec, base=Path()):
    return [(issue.path, issue.what) for issue in Sampler.model_validate(spec).check(base)]


def test_the_same_place_draws_the_same():
    assert draws({"uniform": [0, 1]}, 20) == draws({"uniform": [0, 1]}, 20) != draws({"uniform": [0, 1]}, 20, seed=1)


def test_choices_of_a_list_are_as_likely_as_each_other():
    found = Counter(draws({"choices": ["a", "b", 3, None]}))
    assert set(found) == {"a", "b", 3, None}
    assert min(found.values()) > 400


def test_choices_by_weight_and_their_types():
    found = Counter(draws({"choices": {"yes": 3, "2": 1.0, "never": 0, "true": 1}}, 5000))
    assert set(found) == {"yes", 2, True}
    assert found["yes"] / 5000 == pytest.approx(0.6, abs=0.03)


def test_integers_reach_both_ends():
    assert set(draws({"integer": [-1, 2]}, 300)) == {-1, 0, 1, 2}
    assert set(draws({"integer": [5, 5]}, 3)) == {5}


def test_uniform_stays_within():
    found = draws({"uniform": [0.2, 1]})
    assert 0.2 <= min(found) < 0.25 < 0.95 < max(found) <= 1


def test_normal_has_its_moments_and_bounds():
    found = draws({"normal": {"mean": 10, "std": 2}}, 5000)
    assert fmean(found) == pytest.approx(10, abs=0.15)
    assert math.sqrt(pvariance(found)) == pytest.approx(2, abs=0.1)
    cut = draws({"normal": {"mean": 0, "std": 1, "min": -0.5, "max": 2}})
    assert -0.5 <= min(cut) < -0.45
    assert 1.5 < max(cut) <= 2
    half = draws({"normal": {"mean": 0, "std": 1, "min": 0}}, 5000)
    assert fmean(half) == pytest.approx(math.sqrt(2 / math.pi), abs=0.04)


@settings(max_examples=200, deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(0, 1e3), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_normal_keeps_its_bounds_however_far_out(mean, std, low, width):
    spec = {"normal": {"mean": mean, "std": std, "min": low, "max": low + width}}
    assert all(low <= value <= low + width for value in draws(spec, 5))


def test_normal_in_a_far_tail_leans_to_its_near_bound():
    assert max(draws({"normal": {"mean": 0, "std": 1, "min": 20}}, 200)) < 20.7
    assert min(draws({"normal": {"mean": 0, "std": 1, "max": -20}}, 200)) > -20.7


@pytest.mark.parametrize("mean", [0, 0.3, 4, 10, 30, 1000, 1e7])
def test_poisson_has_its_moments(mean):
    random = Random(3)
    found = [poisson(random, mean) for _ in range(20000)]
    assert all(isinstance(count, int) and count >= 0 for count in found[:100])
    assert fmean(found) == pytest.approx(mean, abs=5 * math.sqrt(mean / 20000) + 1e-9)
    assert pvariance(found) == pytest.approx(mean, rel=0.06, abs=1e-9)


def test_poisson_of_a_middling_mean_has_its_probabilities():
    random = Random(4)
    found = Counter(poisson(random, 12) for _ in range(40000))
    for k in range(4, 22):
        expected = math.exp(k * math.log(12) - 12 - math.lgamma(k + 1))
        assert found[k] / 40000 == pytest.approx(expected, abs=0.006)


def test_days_reach_both_ends_and_are_text():
    assert set(draws({"date": ["2024-02-28", "2024-03-01"]}, 100)) == {"2024-02-28", "2024-02-29", "2024-03-01"}
    assert all(date.fromisoformat(day) for day in draws({"date": ["0001-01-01", "9999-12-31"]}, 50))


def test_subcategory_follows_another_field():
    spec = {"subcategory": {"of": "kind.main", "choices": {"a": ["x", "y"], "2": {"z": 1}, "true": ["t"]}}}
    assert set(draws(spec, 50, {"kind": {"main": "a"}})) == {"x", "y"}
    assert set(draws(spec, 3, {"kind": {"main": 2}})) == {"z"}
    assert set(draws(spec, 3, {"kind": {"main": True}})) == {"t"}
    with pytest.raises(NodeError, match=r"no choices for `kind.main` = 'b'; there are choices for: a, 2, true"):
        draws(spec, 1, {"kind": {"main": "b"}})
    with pytest.raises(NodeError, match="no choices for"):
        draws(spec, 1, {"kind": {"main": 1}})
    assert list(Sampler.model_validate(spec).reads()) == [Read("expression", "kind.main", ("subcategory", "of"))]


@pytest.fixture
def seeds(tmp_path):
    (tmp_path / "seeds.jsonl").write_text("".join(json.dumps({"i": i, "sq": i * i}) + "\n" for i in range(10)))
    return tmp_path


def test_rows_of_a_file(seeds):
    found = draws({"rows": {"path": "seeds.jsonl"}}, 200, base=seeds)
    assert {row["i"] for row in found} == set(range(10))
    assert set(draws({"rows": {"path": "seeds.jsonl", "field": "sq"}}, 200, base=seeds)) == {i * i for i in range(10)}
    for three in draws({"rows": {"path": "seeds.jsonl", "k": 3, "field": "i"}}, 50, base=seeds):
        assert len(set(three)) == 3
    node = Sampler(rows={"path": "*.jsonl"})
    node._base = seeds
    assert node.files() == ["seeds.jsonl"]


def test_rows_that_cannot_be_had(seeds):
    (seeds / "bad.jsonl").write_text('{"i": 1}\nnot json\n')
    (seeds / "x.unknown").write_text("")
    for name, what in [("sed.jsonl", "no `sed.jsonl`"), ("x.unknown", "tells no format"), ("-", "standard input")]:
        ((path, found),) = issues({"rows": {"path": name}}, seeds)
        assert path == ("rows", "path")
        assert what in found
    for rows, message in [
        ({"path": "bad.jsonl"}, r"bad.jsonl:2: "),
        ({"path": "seeds.jsonl", "k": 11}, "has 10 rows, and 11 are to be drawn"),
        ({"path": "seeds.jsonl", "field": "sqr"}, r"seeds.jsonl:1: there is no field `sqr`; did you mean `sq`\?"),
    ]:
        with pytest.raises(InputError, match=message):
            draws({"rows": rows}, base=seeds)


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({}, ()),
        ({"integer": [1, 2], "choices": ["a"]}, ("integer",)),
        ({"integer": [2, 1]}, ("integer",)),
        ({"uniform": [2, 1.5]}, ("uniform",)),
        ({"normal": {"mean": 0, "std": 1, "min": 2, "max": 1}}, ("normal", "min")),
        ({"choices": {"a": 0}}, ("choices",)),
        ({"date": ["2024-02-30", "2024-03-01"]}, ("date", 0)),
        ({"date": ["2024-03-02", "2024-03-01"]}, ("date",)),
        ({"subcategory": {"of": "k", "choices": {"a": {"x": 0}}}}, ("subcategory", "choices", "a")),
    ],
)
def test_draws_that_make_no_sense(spec, path):
    ((found, _),) = issues(spec)
    assert found == path


@pytest.mark.parametrize(
    "spec",
    [
        {"integer": [1, 2, 3]},
        {"integer": [1, 2.5]},
        {"integer": ["1", 2]},
        {"choices": []},
        {"choices": {"a": -1}},
        {"choices": "a"},
        {"normal": {"mean": 1}},
        {"normal": {"mean": 1, "std": 1, "mode": 2}},
        {"poisson": -1},
        {"rows": {"path": "x", "k": 0}},
        {"person": {}},
    ],
)
def test_wrong_forms_are_refused_by_type_and_by_schema(spec):
    with pytest.raises(ValidationError):
        Sampler.model_validate(spec)
    assert not jsonschema_rs.is_valid(Sampler.model_json_schema(by_alias=True), spec)


def test_the_json_schema_wants_exactly_one_draw():
    schema = Sampler.model_json_schema()
    assert jsonschema_rs.is_valid(schema, {"type": "sampler", "choices": {"a": 1}})
    assert not jsonschema_rs.is_valid(schema, {"type": "sampler"})
    assert not jsonschema_rs.is_valid(schema, {"type": "sampler", "choices": ["a"], "integer": [1, 2]})
