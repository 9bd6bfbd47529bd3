"""Steps that look at all rows: group, sort, shuffle, sample, dedup.exact."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedbed.graph.contracts import Read
from seedbed.record import Record, digest
from seedbed.steps.dedup.exact import DedupExact
from seedbed.steps.explode import Explode
from seedbed.steps.group import Group
from seedbed.steps.sample import Sample
from seedbed.steps.shuffle import Shuffle
from seedbed.steps.sort import Sort

keys = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "b", "ß", ""])
tables = st.lists(st.fixed_dictionaries({"k": keys, "n": st.integers(0, 5), "t": st.sampled_from("xyz")}), max_size=30)
quick = settings(max_examples=60, deadline=None)


def ids(out):
    return [record.id for record in out]


def made(rows):
    return [Record(f"r{i}", dict(fields)) for i, fields in enumerate(rows)]


def order(value):
    kind = 0 if value is None else 1 if isinstance(value, bool) else 2 if isinstance(value, int) else 3
    return kind, value or (0 if kind < 3 else "")


def test_group_collects(run, records):
    step = Group(
        by=["topic"],
        collect={
            "qs": "q", "n": {"count": "*"}, "answered": {"count": "a"}, "best": {"max": "a"}, "worst": {"min": "a"},
            "mean": {"mean": "a"}, "sum": {"sum": "a"}, "head": {"first": "q"}, "tail": {"last": "q"}, "rows": "*",
        },
    )  # fmt: skip
    rows = [{"topic": "b", "q": 1, "a": 4}, {"topic": "a", "q": 2}, {"topic": "b", "q": 3, "a": 1}]
    out, _ = run(step, records(*rows))
    assert out[0].fields == {
        "topic": "b", "qs": [1, 3], "n": 2, "answered": 2, "best": 4, "worst": 1,
        "mean": 2.5, "sum": 5, "head": 1, "tail": 3, "rows": [rows[0], rows[2]],
    }  # fmt: skip
    assert out[1].fields["topic"] == "a"
    assert [out[1].fields[name] for name in ("answered", "best", "mean", "sum")] == [0, None, None, None]
    assert [r.parents for r in out] == [("r0", "r2"), ("r1",)]
    assert out[0].place == "seeds.jsonl:1"
    assert step.fields_after({"topic", "q", "x"}) == {"topic", *step.collect}
    assert Read("field", "a", ("collect", "best", "max")) in list(step.reads())


def test_groups_of_null_and_missing_are_one_and_apart_from_others(run, records):
    out, _ = run(Group(by="k"), records({"k": None}, {"k": ""}, {}, {"k": 0}, {"k": False}))
    assert [r.parents for r in out] == [("r0", "r2"), ("r1",), ("r3",), ("r4",)]


def test_group_ids_follow_from_the_key_alone(run, records):
    first, _ = run(Group(by="k"), records({"k": "a"}, {"k": "b"}))
    second, _ = run(Group(by="k", collect={"n": {"count": "*"}}), records({"k": "b"}, {"k": "x"}, {"k": "a"}))
    assert {r.fields["k"]: r.id for r in first}.items() <= {r.fields["k"]: r.id for r in second}.items()


def test_a_value_that_cannot_be_summed_fails_its_record_only(run, records):
    out, context = run(Group(by="k", collect={"s": {"sum": "v"}}), records({"v": 1}, {"v": "x"}, {"v": True}, {"v": 2}))
    assert out[0].fields == {"k": None, "s": 3}
    assert context.failed["r1"] == "`v` is a text; sum takes numbers"
    assert "boolean" in context.failed["r2"]


def test_group_checks_itself(tmp_path):
    assert list(Group(by="k", collect={"k": "v"}).check(tmp_path))
    assert list(Group(by="k", collect={"m": {"mean": "*"}}).check(tmp_path))
    assert list(Group(by="k", collect={"id": "v"}).check(tmp_path))
    with pytest.raises(ValueError, match="median"):
        Group(by="k", collect={"m": {"median": "v"}})


@quick
@given(tables)
def test_group_keeps_every_member_once_in_order_of_first_appearance(run, rows):
    out, _ = run(Group(by=["k", "t"], collect={"n": "n"}), made(rows))
    members = [parent for record in out for parent in record.parents]
    assert Counter(members) == Counter(f"r{i}" for i in range(len(rows)))
    firsts = [int(record.parents[0][1:]) for record in out]
    assert firsts == sorted(firsts)
    for record in out:
        numbers = [int(parent[1:]) for parent in record.parents]
        assert numbers == sorted(numbers)
        assert record.fields["n"] == [rows[i]["n"] for i in numbers]
    assert len(set(ids(out))) == len(out)


@quick
@given(tables)
def test_explode_takes_apart_what_group_put_together(run, rows):
    grouped, _ = run(Group(by="k", collect={"rows": "*"}), made(rows))
    apart, _ = run(Explode(field="rows", unpack=True), grouped)
    assert Counter(digest(r.fields) for r in apart) == Counter(map(digest, rows))


@quick
@given(tables, st.booleans())
def test_sort_is_stable_and_equal_to_pythons(run, rows, descending):
    out, _ = run(Sort(by="k", descending=descending), made(rows))
    expected = sorted(enumerate(rows), key=lambda item: order(item[1]["k"]), reverse=descending)
    assert ids(out) == [f"r{i}" for i, _ in expected]


@quick
@given(tables)
def test_sort_by_several_each_in_its_own_direction(run, rows):
    out, _ = run(Sort(by=["t", {"by": "n * 2", "descending": True}, "k"]), made(rows))
    expected = sorted(enumerate(rows), key=lambda item: (item[1]["t"], -item[1]["n"], order(item[1]["k"])))
    assert ids(out) == [f"r{i}" for i, _ in expected]


@quick
@given(tables)
def test_sort_by_several_all_descending(run, rows):
    out, _ = run(Sort(by=["t", "n"], descending=True), made(rows))
    expected = sorted(enumerate(rows), key=lambda item: (item[1]["t"], item[1]["n"]), reverse=True)
    assert ids(out) == [f"r{i}" for i, _ in expected]


def test_sort_fails_a_record_whose_key_cannot_be_had(run, records):
    out, context = run(Sort(by=["n / 2", "t"]), records({"n": 4}, {"n": "four"}, {"n": 2}))
    assert ids(out) == ["r2", "r0"]
    assert list(context.failed) == ["r1"]


def test_sort_knows_what_it_reads():
    step = Sort(by=["t", {"by": "n * 2"}])
    assert list(step.reads()) == [Read("expression", "t", ("by", 0)), Read("expression", "n * 2", ("by", 1, "by"))]


def test_shuffle_is_a_permutation_of_the_seed(run):
    rows = made([{} for _ in range(50)])
    first, second, other = (ids(run(Shuffle(), rows, seed=seed)[0]) for seed in (1, 1, 2))
    assert first == second != other
    assert sorted(first) == sorted(ids(rows))
    assert first != ids(rows)
    assert ids(run(Shuffle(), rows[::-1], seed=1)[0]) == first


@quick
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 3))
def test_sample_gives_exactly_n_in_order_and_the_same_again(run, size, n, seed):
    rows = made([{"i": i} for i in range(size)])
    out, context = run(Sample(n=n), rows, seed=seed)
    places = [r.fields["i"] for r in out]
    assert len(out) == min(n, size)
    assert places == sorted(places)
    assert ids(out) == ids(run(Sample(n=n), rows, seed=seed)[0])
    assert len(out) + len(context.dropped) == size
    assert set(context.dropped.values()) <= {"not sampled"}


def test_sample_by_fraction_is_about_right_and_streams(run):
    rows = made([{} for _ in range(2000)])
    out, context = run(Sample(fraction=0.25), rows, seed=5)
    assert 400 < len(out) < 600
    assert len(out) + len(context.dropped) == 2000
    assert len(run(Sample(fraction=1.0), rows)[0]) == 2000
    assert run(Sample(fraction=0.0), rows)[0] == []
    assert Sample(n=3).whole
    assert not Sample(fraction=0.5).whole


@pytest.mark.parametrize("spec", [{}, {"n": 1, "fraction": 0.5}])
def test_sample_takes_exactly_one_way(spec, tmp_path):
    assert list(Sample(**spec).check(tmp_path))


def test_dedup_keeps_the_first_and_names_it(run, records):
    rows = records({"q": "a", "n": 1}, {"q": "a", "n": 2}, {"q": "A ", "n": 1}, {}, {"q": None})
    out, context = run(DedupExact(field="q"), rows)
    assert ids(out) == ["r0", "r2", "r3"]
    assert context.dropped == {"r1": "duplicate", "r4": "duplicate"}
    assert ids(run(DedupExact(field="q", normalise="space"), rows)[0]) == ["r0", "r2", "r3"]
    assert ids(run(DedupExact(field="q", normalise="case"), rows)[0]) == ["r0", "r3"]
    assert ids(run(DedupExact(fields=["q", "n"]), rows)[0]) == ["r0", "r1", "r2", "r3"]


def test_dedup_looks_into_lists_and_maps_and_at_all_fields_by_default(run, records):
    rows = records({"m": [{"c": "Hi  there"}], "x": 1}, {"x": 1, "m": [{"c": " hi there"}]}, {"m": [], "x": 1})
    assert ids(run(DedupExact(normalise="case"), rows)[0]) == ["r0", "r2"]
    assert ids(run(DedupExact(), rows)[0]) == ["r0", "r1", "r2"]


@quick
@given(tables)
def test_dedup_counts_add_up(run, rows):
    out, context = run(DedupExact(fields=["k", "t"]), made(rows))
    assert len(out) + len(context.dropped) == len(rows)
    kept = [repr((r.fields["k"], r.fields["t"])) for r in out]
    assert len(set(kept)) == len(kept) == len({repr((row["k"], row["t"])) for row in rows})
