"""The step `split`: parts that follow from seed and id, whole groups, shares met."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from seedbed.record import Record
from seedbed.steps.split import Split

quick = settings(max_examples=80, deadline=None)
groups = st.none() | st.integers(0, 6) | st.sampled_from(["a", "b", ""])


def made(keys):
    return [Record(f"r{i}", {"g": key, "h": i % 2}) for i, key in enumerate(keys)]


def parts(out):
    return {record.id: record.fields["split"] for record in out}


@pytest.mark.parametrize("exact", [False, True])
def test_a_group_is_never_in_two_parts(run, exact):
    @quick
    @given(st.lists(groups, max_size=40), st.integers(0, 5))
    def holds(keys, seed):
        out, context = run(Split(group="g", exact=exact), made(keys), seed=seed)
        assert [record.id for record in out] == [f"r{i}" for i in range(len(keys))]
        assert context.dropped == context.failed == {}
        where = defaultdict(set)
        for record in out:
            key = record.fields["g"]
            where[record.id if key is None else (key,)].add(record.fields["split"])
        assert all(len(found) == 1 for found in where.values())
        if exact and len(where) >= 3:
            assert {part for found in where.values() for part in found} == {"train", "validation", "test"}

    holds()


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("group", [None, "g", ["g", "h"]])
def test_order_does_not_count_and_the_seed_does(run, group, exact):
    rows = made([i % 40 for i in range(200)])
    step = Split(group=group, exact=exact)
    first = parts(run(step, rows, seed=1)[0])
    assert first == parts(run(step, rows[::-1], seed=1)[0])
    assert first != parts(run(step, rows, seed=2)[0])


def test_further_records_move_none_when_drawn(run):
    rows = made([i % 50 for i in range(300)])
    few, many = parts(run(Split(group="g"), rows[:100])[0]), parts(run(Split(group="g"), rows)[0])
    assert few.items() <= many.items()


def test_drawn_shares_are_about_right(run):
    counts = Counter(parts(run(Split(), made(range(5000)))[0]).values())
    assert abs(counts["train"] - 4000) < 120
    assert abs(counts["validation"] - 500) < 90


@quick
@given(st.integers(3, 200), st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_exact_shares_are_met_to_within_a_record(run, size, weights):
    shares = {f"p{i}": weight / sum(weights) for i, weight in enumerate(weights)}
    out, _ = run(Split(shares=shares, exact=True), made(range(size)))
    counts = Counter(parts(out).values())
    for name, share in shares.items():
        assert abs(counts[name] - size * share) <= (1 if size * min(shares.values()) >= 1 else len(shares))


def test_exact_with_groups_is_as_near_as_they_allow(run):
    keys = [i % 100 for i in range(1000)]
    counts = Counter(parts(run(Split(group="g", exact=True), made(keys))[0]).values())
    assert counts == {"train": 800, "validation": 100, "test": 100}


def test_the_field_has_another_name(run):
    out, _ = run(Split(shares={"all": 1.0}, field="part"), made([1]))
    assert out[0].fields["part"] == "all"
    assert Split(field="part").fields_after({"g"}) == {"g", "part"}


def test_it_checks_itself(tmp_path):
    (issue,) = Split(shares={"a": 0.8, "b": 0.1}).check(tmp_path)
    assert issue.what == "the shares add up to 0.9"
    assert not list(Split(shares={"a": 0.333, "b": 0.333, "c": 0.333}).check(tmp_path))
    assert list(Split(field="end").check(tmp_path))
    assert [read.text for read in Split(group=["g", "h"]).reads()] == ["g", "h"]
    assert Split(exact=True).whole
    assert not Split().whole
    for shares in ({}, {"a": 0.0, "b": 1.0}, {"a": 1.5}):
        with pytest.raises(ValidationError):
            Split(shares=shares)
