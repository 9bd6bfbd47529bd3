"""Steps that let records go one by one: filter, select, rename, set, explode, limit."""

from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from seedbed.steps.explode import Explode
from seedbed.steps.filter import Filter
from seedbed.steps.limit import Limit
from seedbed.steps.rename import Rename
from seedbed.steps.select import Select
from seedbed.steps.set import Set


def rows(out):
    return [record.fields for record in out]


def test_filter_keeps_what_is_true_and_says_why_the_rest_went(run, records):
    step = Filter(where="score >= 4")
    out, context = run(step, records({"score": 5}, {"score": 1}, {"score": None}, {}))
    assert [record.id for record in out] == ["r0"]
    assert context.dropped == {"r1": "score >= 4", "r2": "null", "r3": "null"}


def test_filter_reads_id_and_params_and_takes_a_reason(run, records):
    step = Filter(where="id != 'r0' and n < params.most", reason="too many")
    out, context = run(step, records({"n": 1}, {"n": 1}, {"n": 9}), params={"most": 5})
    assert [record.id for record in out] == ["r1"]
    assert set(context.dropped.values()) == {"too many"}


def test_select_keeps_fields_in_the_order_named(run, records):
    out, _ = run(Select(fields=["b", "a", "gone"]), records({"a": 1, "b": 2, "c": 3}))
    assert list(out[0].fields.items()) == [("b", 2), ("a", 1), ("gone", None)]
    assert Select(fields=["b"]).fields_after({"a", "b"}) == {"b"}


def test_select_except_lets_fields_go(run, records):
    step = Select.model_validate({"type": "select", "except": ["b"]})
    out, _ = run(step, records({"a": 1, "b": 2, "c": 3}))
    assert rows(out) == [{"a": 1, "c": 3}]
    assert step.fields_after({"a", "b"}) == {"a"}
    assert step.model_dump(exclude_unset=True) == {"type": "select", "except": ["b"]}
    assert next(iter(step.reads())).path == ("except", 0)


@pytest.mark.parametrize("spec", [{}, {"fields": ["a"], "except": ["b"]}])
def test_select_takes_exactly_one_of_fields_and_except(spec, tmp_path):
    assert list(Select.model_validate(spec).check(tmp_path))


def test_rename_keeps_places_and_may_swap(run, records):
    out, _ = run(Rename(fields={"a": "b", "b": "a"}), records({"a": 1, "x": 0, "b": 2}))
    assert list(out[0].fields.items()) == [("b", 1), ("x", 0), ("a", 2)]
    assert Rename(fields={"a": "q"}).fields_after({"a", "b"}) == {"q", "b"}


def test_rename_of_a_field_that_is_not_there_gives_null(run, records):
    out, _ = run(Rename(fields={"a": "q"}), records({"b": 2}))
    assert rows(out) == [{"b": 2, "q": None}]


def test_rename_onto_a_field_that_is_there_fails_the_record(run, records):
    out, context = run(Rename(fields={"a": "b"}), records({"a": 1, "b": 2}, {"a": 1}, {"b": 2}))
    assert rows(out) == [{"b": 1}, {"b": 2}]
    assert "there is a field `b` already" in context.failed["r0"]


def test_rename_refuses_reserved_and_doubled_names(tmp_path):
    assert "reserved" in next(Rename(fields={"a": "id"}).check(tmp_path)).what
    assert "both become `c`" in next(Rename(fields={"a": "c", "b": "c"}).check(tmp_path)).what


def test_set_keeps_types_and_reads_the_record_as_it_came(run, records):
    step = Set(fields={"n": "{{ n + 1 }}", "old": "{{ n }}", "text": "n={{ n }}", "deep": {"list": ["{{ tags }}", 3]}})
    out, _ = run(step, records({"n": 1, "tags": [1]}))
    assert rows(out) == [{"n": 2, "tags": [1], "old": 1, "text": "n=1", "deep": {"list": [[1], 3]}}]


def test_explode_makes_a_child_of_each_item(run, records):
    step = Explode(field="qs", into="q", index="at")
    out, context = run(step, records({"a": 1, "qs": ["x", "y"], "z": 2}, {"a": 2, "qs": []}, {"a": 3}))
    assert [list(r.fields.items()) for r in out] == [
        [("a", 1), ("q", "x"), ("z", 2), ("at", 0)],
        [("a", 1), ("q", "y"), ("z", 2), ("at", 1)],
    ]
    assert [(r.id, r.parents, r.place) for r in out] == [
        ("r0.0", ("r0",), "seeds.jsonl:1"),
        ("r0.1", ("r0",), "seeds.jsonl:1"),
    ]
    assert context.dropped == {"r1": "empty", "r2": "empty"}
    assert step.fields_after({"a", "qs", "z"}) == {"a", "q", "z", "at"}


def test_explode_unpacks_maps(run, records):
    step = Explode(field="pairs", unpack=True)
    rows_in = records({"q": "old", "pairs": [{"q": 1, "a": 2}]}, {"pairs": [{"q": 1}, 5]}, {"pairs": [{"id": 1}]})
    out, context = run(step, rows_in)
    assert rows(out) == [{"q": 1, "a": 2}]
    assert "item 1 of `pairs` is a number" in context.failed["r1"]
    assert "the key `id`" in context.failed["r2"]


def test_explode_keeps_empty_when_told(run, records):
    out, _ = run(Explode(field="l", index="i", keep_empty=True), records({"a": 1, "l": None}, {"a": 2}))
    assert rows(out) == [{"a": 1, "l": None, "i": None}, {"a": 2, "l": None, "i": None}]
    out, _ = run(Explode(field="l", unpack=True, keep_empty=True), records({"a": 1, "l": []}))
    assert rows(out) == [{"a": 1}]


def test_explode_fails_a_record_whose_field_is_no_list(run, records):
    out, context = run(Explode(field="l"), records({"l": "abc"}, {"l": [1]}))
    assert rows(out) == [{"l": 1}]
    assert context.failed["r0"] == "`l` is a text; explode takes a list"


def test_explode_checks_its_names(tmp_path):
    assert list(Explode(field="l", into="x", unpack=True).check(tmp_path))
    assert list(Explode(field="l", index="l").check(tmp_path))
    assert list(Explode(field="l", into="visits").check(tmp_path))
    assert not list(Explode(field="l", into="x", index="i").check(tmp_path))


def test_limit_stops_what_feeds_it(run, records):
    out, context = run(Limit(n=2), records({}, {}, {}))
    assert [r.id for r in out] == ["r0", "r1"]
    assert context.dropped == {}
    assert run(Limit(n=0), records({}))[0] == []


def test_limit_drops_what_comes_all_the_same(records):
    dropped = []
    context = SimpleNamespace(drop=lambda record, reason: dropped.append((record.id, reason)))
    step = Limit(n=1).open(context)
    kept = [record.id for given in records({}, {}) for record in step.take(given)]
    assert kept == ["r0"]
    assert step.done
    assert dropped == [("r1", "over the limit")]


@pytest.mark.parametrize(
    ("cls", "spec"),
    [
        (Limit, {"n": -1}),
        (Limit, {"n": "3"}),
        (Filter, {}),
        (Rename, {"fields": {}}),
        (Explode, {"field": "a", "x": 1}),
    ],
)
def test_wrong_forms_are_refused(cls, spec):
    with pytest.raises(ValidationError):
        cls.model_validate(spec)
