"""The step `join`: what meets what, under which names and ids, and what becomes of the rest."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from seedbed.errors import InputError, SpecError
from seedbed.graph.contracts import Read
from seedbed.graph.load import load_data
from seedbed.io.sources import peek_fields
from seedbed.record import Record
from seedbed.run.api import Pipeline
from seedbed.run.scratch import Scratch
from seedbed.steps.join import Join

AUTHORS = [{"id": "a", "name": "Ada"}, {"id": "b", "name": "Bo"}, {"id": "a2", "name": "Ada"}]
keys = st.none() | st.integers(0, 3) | st.sampled_from(["0", "1", "x"]) | st.booleans() | st.just(1.0)


def join(**spec):
    return Join.model_validate({"type": "join", **spec})


def rows(out):
    return [(record.id, record.fields) for record in out]


def test_inner_drops_what_has_no_match(run, records):
    step = join(**{"with": AUTHORS, "on": {"author": "id"}, "prefix": "author_"})
    out, context = run(step, records({"author": "b"}, {"author": "z"}, {"author": None}))
    assert rows(out) == [("r0", {"author": "b", "author_name": "Bo"})]
    assert (out[0].parents, out[0].place) == (("b",), "seeds.jsonl:1")
    assert context.dropped == {"r1": "no match", "r2": "no match"}


def test_left_keeps_it_with_nulls(run, records):
    step = join(**{"with": AUTHORS, "on": {"author": "id"}, "how": "left", "suffix": "_2"})
    out, context = run(step, records({"author": "z", "n": 1}, {"author": "a"}))
    assert rows(out) == [("r0", {"author": "z", "n": 1, "name_2": None}), ("r1", {"author": "a", "name_2": "Ada"})]
    assert context.dropped == {}


def test_several_matches_are_numbered_children_in_the_order_of_the_other_side(run, records):
    step = join(**{"with": [{"k": 1, "j": 2, "v": 1}, {"k": 1, "j": 2, "v": 2}, {"k": 1, "v": 3}], "on": ["k", "j"]})
    out, _ = run(step, records({"k": "1", "j": 2.0}, {"k": True, "j": 2}))
    assert rows(out) == [("r0.0", {"k": "1", "j": 2.0, "v": 1}), ("r0.1", {"k": "1", "j": 2.0, "v": 2})]
    assert all(record.parents[0] == "r0" for record in out)


@settings(max_examples=80, deadline=None)
@given(st.lists(keys, max_size=12), st.lists(keys, max_size=12))
def test_inner_and_left_are_what_the_definition_says(run, ours, theirs):
    def equal(a, b):
        plain = [str(int(v)) if isinstance(v, int | float) and not isinstance(v, bool) else v for v in (a, b)]
        return None not in plain and plain[0] == plain[1] and type(plain[0]) is type(plain[1])

    left = [Record(f"r{i}", {"k": key}) for i, key in enumerate(ours)]
    other = [{"k": key, "v": i} for i, key in enumerate(theirs)]
    expected = [(i, j) for i, a in enumerate(ours) for j, b in enumerate(theirs) if equal(a, b)]
    for how in ("inner", "left"):
        out, context = run(join(**{"with": other, "on": "k", "how": how}), left)
        found = [(int(r.id.partition(".")[0][1:]), r.fields.get("v")) for r in out]
        alone = set(range(len(ours))) - {i for i, _ in expected}
        if how == "inner":
            assert found == expected
            assert context.dropped.keys() == {f"r{i}" for i in alone}
        else:
            assert sorted(found, key=str) == sorted([*expected, *((i, None) for i in alone)], key=str)
        assert len({record.id for record in out}) == len(out)


def test_cross_and_zip(run, records):
    ours = records({"n": 1}, {"n": 2}, {"n": 3})
    other = [{"l": "de"}, {"l": "fr"}]
    out, _ = run(join(**{"with": other, "how": "cross"}), ours[:2])
    assert [(r.id, r.fields["n"], r.fields["l"]) for r in out] == [
        ("r0.0", 1, "de"), ("r0.1", 1, "fr"), ("r1.0", 2, "de"), ("r1.1", 2, "fr"),
    ]  # fmt: skip
    out, context = run(join(**{"with": other, "how": "zip"}), ours)
    assert rows(out) == [("r0", {"n": 1, "l": "de"}), ("r1", {"n": 2, "l": "fr"})]
    assert context.dropped == {"r2": "no match"}


def test_concat_lets_no_id_stand_twice(run, records):
    step = join(**{"with": [{"id": "r0", "n": 9}, {"id": "r0", "n": 8}, {"id": "x", "m": 7}], "how": "concat"})
    out, _ = run(step, records({"n": 1}), name="join")
    assert rows(out) == [("r0", {"n": 1}), ("r0~join", {"n": 9}), ("r0~join~join", {"n": 8}), ("x", {"m": 7})]


def test_random_match_follows_from_seed_and_record(run, records):
    step = join(**{"with": [{"v": i} for i in range(50)], "how": "random", "n": 3})
    ours = records(*({} for _ in range(30)))
    out, _ = run(step, ours, seed=1)
    assert [r.id for r in out[:3]] == ["r0.0", "r0.1", "r0.2"]
    drawn = {r.id: r.fields["v"] for r in out}
    assert all(len({drawn[f"r{i}.{j}"] for j in range(3)}) == 3 for i in range(30))
    assert len(set(drawn.values())) > 25
    assert {r.id: r.fields["v"] for r in run(step, ours[::-1], seed=1)[0]} == drawn
    assert {r.id: r.fields["v"] for r in run(step, ours, seed=2)[0]} != drawn


def test_random_match_within_a_key(run, records):
    other = [{"k": "a", "v": i} for i in range(5)] + [{"k": "b", "v": 9}]
    step = join(**{"with": other, "how": "random", "on": "k", "n": 2})
    out, context = run(step, records({"k": "a"}, {"k": "b"}, {"k": "c"}))
    assert [r.id for r in out] == ["r0.0", "r0.1", "r1"]
    assert out[2].fields["v"] == 9
    assert context.dropped == {"r2": "no match"}


def test_names_that_clash_fail_the_record_and_say_what_to_do(run, records):
    out, context = run(join(**{"with": [{"k": 1, "n": 2}], "on": "k"}), records({"k": 1, "n": 1}, {"k": 1}))
    assert rows(out) == [("r1", {"k": 1, "n": 2})]
    assert "both sides have a field `n`; say `prefix:` or `suffix:`" in context.failed["r0"]


def test_files_are_read_and_bad_rows_told_of(run, records, tmp_path):
    (tmp_path / "other.jsonl").write_text('{"k": "1", "v": 2}\n{oops\n{"k": "2", "v": 3}\n')
    (tmp_path / "more.csv").write_text("k,v\n3,4\n")
    step = join(**{"with": ["other.jsonl", {"path": "more.csv"}], "on": "k"})
    step._base = tmp_path
    out, context = run(step, records({"k": 1}, {"k": 3}), base=tmp_path)
    assert [r.fields["v"] for r in out] == [2, "4"]
    assert len(context.failed) == 1
    assert "line 2" in next(iter(context.failed.values()))
    assert step.files() == ["other.jsonl", "more.csv"]
    zipped, context = run(join(**{"with": "other.jsonl", "how": "zip"}), records({}, {}, {}), base=tmp_path)
    assert [r.id for r in zipped] == ["r0", "r2"]
    with pytest.raises(InputError, match="no `othr"):
        run(join(**{"with": "othr.jsonl", "on": "k"}), [], base=tmp_path)


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ({"with": [{"k": 1}]}, "`how: inner` needs `on`"),
        ({"with": [{"k": 1}], "how": "cross", "on": "k"}, "looks at no key"),
        ({"with": [{"k": 1}], "how": "concat", "prefix": "a"}, "puts no fields side by side"),
        ({"with": [{"k": 1}], "on": "k", "n": 2}, "`n` is for `how: random`"),
        ({"with": "-", "on": "k"}, "has an end"),
        ({"with": "gone.jsonl", "on": "k"}, "there is no `gone.jsonl`"),
        ({"with": [{"k": 1, "visits": 1}], "on": "k"}, "cannot be called `visits`"),
    ],
)
def test_it_checks_itself(spec, what, tmp_path):
    issues = [issue.what for issue in join(**spec).check(tmp_path)]
    assert len(issues) == 1
    assert what in issues[0]


def test_wrong_forms_are_refused():
    for spec in ({"on": "k"}, {"with": {"path": "a", "count": 3}, "on": "k"}, {"with": [{"a": 1}], "prefix": "-"}):
        with pytest.raises(ValidationError):
            join(**spec)


def problems(tmp_path, **step):
    data = {"name": "t", "source": [{"k": 1, "text": "x"}], "steps": [{"type": "join", **step}]}
    try:
        load_data(data, tmp_path, peek=peek_fields)
    except SpecError as error:
        return [f"{problem.what}; {problem.fix}" for problem in error.problems]
    return []


def test_what_two_sides_make_is_known_when_the_file_is_loaded(tmp_path):
    (tmp_path / "o.jsonl").write_text(json.dumps({"key": 1, "text": "y", "extra": 2}) + "\n")
    on = {"k": "key"}
    (clash,) = problems(tmp_path, **{"with": "o.jsonl", "on": on})
    assert "both sides have a field `text`; say `prefix:`" in clash
    (wrong,) = problems(tmp_path, **{"with": "o.jsonl", "on": {"k": "kye"}, "prefix": "o_"})
    assert "the other side has no field `kye`; did you mean `key`?" in wrong
    (reserved,) = problems(tmp_path, **{"with": [{"d": 1}], "how": "cross", "prefix": "en"})
    assert "called `end`" in reserved
    assert problems(tmp_path, **{"with": "o.jsonl", "on": on, "prefix": "o_"}) == []
    step = join(**{"with": "o.jsonl", "on": on, "prefix": "o_"})
    step._base = tmp_path
    assert step.fields_after({"k"}) == {"k", "o_key", "o_text", "o_extra"}
    assert list(step.reads()) == [Read("field", "k", ("on", "k"))]


def test_the_index_on_disk_keeps_the_order_of_each_key(tmp_path):
    scratch = Scratch(tmp_path / "s.db")
    index = scratch.index()
    for i in range(2000):
        index.add(b"%d" % (i % 7), Record(f"r{i}", {"i": i}, ("p",), "here"))
    assert [index.count(b"%d" % k) for k in (0, 6, 7)] == [286, 285, 0]
    assert [r.fields["i"] for r in index.find(b"3")] == list(range(3, 2000, 7))
    assert index.get(b"3", 5).fields["i"] == 38
    assert (index.get(b"3", 5).parents, index.get(b"3", 5).place) == (("p",), "here")
    assert list(scratch.index().find(b"")) == []
    scratch.close()


def test_from_python_it_is_the_same_step(tmp_path):
    built = Pipeline("p", base=tmp_path).source([{"k": 1}, {"k": 2}]).join(with_=[{"k": 2, "v": "x"}], on="k")
    assert built.to_dict()["steps"] == [{"type": "join", "with": [{"k": 2, "v": "x"}], "on": "k"}]
    run = built.run(out=tmp_path / "runs", progress="none")
    assert [(row["k"], row["v"]) for row in run.records()] == [(2, "x")]
    assert [(row["where"], row["error"]) for row in run.dropped] == [("join", "no match")]
