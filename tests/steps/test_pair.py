"""The step `pair`: who is preferred to whom, and why records make no pair."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedbed.graph.contracts import Read
from seedbed.record import Record
from seedbed.steps.pair import Pair

quick = settings(max_examples=80, deadline=None)
WAYS = ["best_worst", "margin", "top_vs_random", "all_pairs"]
scores = st.lists(st.none() | st.integers(0, 5) | st.sampled_from([0.5, 2.25]), max_size=6)


def answers(values, **more):
    return Record("r", {"answers": [f"a{i}" for i in range(len(values))], "scores": list(values), **more})


def made(run, values, seed=0, **spec):
    out, context = run(Pair(candidates="answers", score="scores", **spec), [answers(values)], seed=seed)
    return [(r.fields["chosen"], r.fields["rejected"]) for r in out], context


def test_best_against_worst(run):
    out, _ = run(Pair(candidates="answers", score="scores"), [answers([0.2, 1.8, -0.7, 0.9], prompt="p")])
    assert [(r.id, r.fields) for r in out] == [
        ("r", {"scores": [0.2, 1.8, -0.7, 0.9], "prompt": "p", "chosen": "a1", "rejected": "a2", "score_chosen": 1.8,
               "score_rejected": -0.7, "margin": 2.5})
    ]  # fmt: skip


def test_all_pairs_but_ties(run):
    pairs, _ = made(run, [4.25, 4.25, 3.5, 2.0], strategy="all_pairs")
    assert pairs == [("a0", "a2"), ("a0", "a3"), ("a1", "a2"), ("a1", "a3"), ("a2", "a3")]
    out, _ = run(Pair(candidates="answers", score="scores", strategy="all_pairs"), [answers([3, 2, 1])])
    assert [(r.id, r.parents) for r in out] == [("r.0", ("r",)), ("r.1", ("r",)), ("r.2", ("r",))]


def test_margin_takes_the_nearest_that_is_far_enough(run):
    assert made(run, [1, 5, 4.5, 3], strategy="margin", min_margin=1)[0] == [("a1", "a3")]
    assert made(run, [0.1, 0.2, 0.3], strategy="margin", min_margin=0.1)[0] == [("a2", "a1")]


def test_top_against_any_of_the_others(run):
    found = {made(run, [1, 5, 5, 3], seed=seed, strategy="top_vs_random")[0][0] for seed in range(40)}
    assert found == {("a1", "a0"), ("a1", "a3")}
    once, again = (made(run, [1, 5, 3], seed=7, strategy="top_vs_random")[0] for _ in range(2))
    assert once == again


@pytest.mark.parametrize(
    ("values", "spec", "reason"),
    [
        ([], {}, "too few candidates"),
        ([3], {}, "too few candidates"),
        ([3, None], {}, "too few candidates"),
        ([3, 3.0, 3], {}, "tie"),
        ([3, 2.5], {"min_margin": 1.0}, "margin too small"),
        ([3, 1], {"min_score": 4.0}, "chosen too low"),
    ],
)
@pytest.mark.parametrize("strategy", WAYS)
def test_why_there_is_no_pair(run, values, spec, reason, strategy):
    pairs, context = made(run, values, strategy=strategy, **({"min_margin": 0.5} | spec))
    assert (pairs, context.dropped) == ([], {"r": reason})


@quick
@given(scores, st.sampled_from(WAYS), st.sampled_from([0.5, 1.0, 2.0]))
def test_negated_scores_swap_every_pair_and_margins_hold(run, values, strategy, least):
    pairs, context = made(run, values, strategy=strategy, min_margin=least)
    by_name = {f"a{i}": value for i, value in enumerate(values)}
    for chosen, rejected in pairs:
        assert by_name[chosen] - by_name[rejected] >= least
    known = [value for value in values if value is not None]
    possible = any(a - b >= least for a, b in permutations(known, 2))
    assert bool(pairs) == possible == (not context.dropped)
    if strategy == "all_pairs":
        negated, _ = made(run, [None if v is None else -v for v in values], strategy=strategy, min_margin=least)
        assert sorted((b, a) for a, b in negated) == sorted(pairs)


def test_maps_with_their_own_scores(run):
    items = [{"text": "x", "score": 1, "model": "m"}, {"text": "y", "score": 2}, None, {"text": "z", "score": None}]
    spec = {"candidates": "c", "score": "candidate.score", "content": "candidate.text"}
    out, _ = run(Pair(**spec), [Record("r", {"c": items})])
    assert (out[0].fields["chosen"], out[0].fields["rejected"]) == ("y", "x")
    out, _ = run(
        Pair(candidates="c", score="v[index].s - 1"), [Record("r", {"c": ["p", "q"], "v": [{"s": 3}, {"s": 1}]})]
    )
    assert (out[0].fields["chosen"], out[0].fields["score_chosen"]) == ("p", 2)


def test_equal_texts_are_one_candidate(run):
    record = Record("r", {"answers": ["same", "same", "other"], "scores": [1, 9, 5]})
    out, _ = run(Pair(candidates="answers", score="scores"), [record])
    assert (out[0].fields["chosen"], out[0].fields["margin"]) == ("other", 4)


def test_ranks_count_the_other_way_round(run):
    out, _ = run(Pair(candidates="answers", rank="scores"), [answers([2, 1, 3])])
    fields = out[0].fields
    assert (fields["chosen"], fields["rejected"], fields["score_chosen"], fields["margin"]) == ("a1", "a2", 1, 2)


def test_records_of_one_prompt_pair_up(run, records):
    rows = records(
        {"q": "a", "n": 1, "text": "bad", "rank": 3},
        {"q": "b", "n": 1, "text": "alone", "rank": 1},
        {"q": "a", "n": 1, "text": "good", "rank": 0},
        {"q": "a", "n": 1, "text": None, "rank": 0},
        {"q": "a", "n": 1, "text": "odd", "rank": "x"},
    )
    out, context = run(Pair(by=["q", "n"], candidates="text", rank="rank"), rows)
    (record,) = out
    assert record.fields == {
        "q": "a", "n": 1, "chosen": "good", "rejected": "bad", "score_chosen": 0, "score_rejected": 3, "margin": 3,
    }  # fmt: skip
    assert (record.parents, record.place) == (("r2", "r0"), "seeds.jsonl:1")
    assert context.dropped == {"r1": "too few candidates"}
    assert "`rank` is a text, not a number" in context.failed["r4"]
    again, _ = run(Pair(by=["q", "n"], candidates="text", rank="rank"), rows[::-1])
    assert again[0].id == record.id


def test_what_cannot_be_fails_its_record_only(run, records):
    rows = records({"a": "x", "s": [1]}, {"a": ["x", "y"], "s": [1]}, {"a": ["x", "y"], "s": ["1", 2]}, {"s": []})
    out, context = run(Pair(candidates="a", score="s"), rows)
    assert out == []
    assert "must be a list" in context.failed["r0"]
    assert "1 numbers for 2 candidates" in context.failed["r1"]
    assert "is a text, not a number" in context.failed["r2"]
    assert context.dropped == {"r3": "too few candidates"}


def test_it_knows_what_it_reads_and_checks_itself(tmp_path):
    step = Pair(candidates="a", score="v[index] + candidate.x + w", by="q")
    assert [read.text for read in step.reads()] == ["a", "q", "v", "w"]
    assert step.fields_after(None) == {"q", "chosen", "rejected", "score_chosen", "score_rejected", "margin"}
    assert "a" not in Pair(candidates="a", score="s").fields_after({"a", "s"})
    assert Read("expression", "s +", ("score",)) in list(Pair(candidates="a", score="s +").reads())
    for spec in (
        {},
        {"score": "s", "rank": "r"},
        {"rank": "r", "min_score": 1.0},
        {"score": "s", "strategy": "margin"},
    ):
        assert list(Pair(candidates="a", **spec).check(tmp_path))
    assert step.whole
    assert not Pair(candidates="a", score="s").whole
