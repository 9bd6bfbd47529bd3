"""The step `function`: what it returns decides what becomes of the record."""

import pytest

from seedbed.steps.function import FunctionStep

HOOKS = """
def check(n, id, params, step=1, **fields):
    results = {
        "none": None, "false": False, "empty": [], "true": True,
        "map": {"n": n + step, "id": id, "rest": fields}, "list": [{"a": 1}, {"a": 2, "p": params}],
        "text": "x", "mixed": [{"a": 1}, 2], "id": {"id": "other"}, "params": {"params": 1},
    }
    if fields["want"] == "error":
        raise KeyError("no")
    return results[fields["want"]]

async def later(n): return {"n": n}
"""


@pytest.fixture
def base(tmp_path):
    (tmp_path / "hooks.py").write_text(HOOKS)
    return tmp_path


def check(run, records, base, want, **params):
    step = FunctionStep(call="./hooks.py:check", params=params)
    out, context = run(step, records({"n": 1, "want": want}), base=base, params={"p": 1}, name="function-2")
    return out, context


@pytest.mark.parametrize("want", ["none", "false", "empty"])
def test_nothing_drops_the_record(run, records, base, want):
    out, context = check(run, records, base, want)
    assert out == []
    assert context.dropped == {"r0": "function"}


def test_true_lets_it_go_on(run, records, base):
    out, _ = check(run, records, base, "true")
    assert [(r.id, r.fields) for r in out] == [("r0", {"n": 1, "want": "true"})]


def test_a_map_takes_the_place_of_the_fields(run, records, base):
    out, context = check(run, records, base, "map", step=5)
    assert [(r.id, r.fields, r.place) for r in out] == [("r0", {"n": 6, "rest": {"want": "map"}}, "seeds.jsonl:1")]
    assert context.outcomes[0].trail.events[0]["node"] == "function-2"


def test_a_list_makes_children(run, records, base):
    out, _ = check(run, records, base, "list")
    assert [(r.id, r.parents, r.fields) for r in out] == [
        ("r0.0", ("r0",), {"a": 1}),
        ("r0.1", ("r0",), {"a": 2, "p": {"p": 1}}),
    ]


@pytest.mark.parametrize(
    ("want", "message"),
    [
        ("error", "KeyError: 'no' (hooks.py:9)"),
        ("text", "the function returned a text; return a map of fields"),
        ("mixed", "a list that holds a number"),
        ("id", "gave the record another id"),
        ("params", "a field `params`"),
    ],
)
def test_what_fails_the_record(run, records, base, want, message):
    out, context = check(run, records, base, want)
    assert out == []
    assert message in context.failed["r0"]
    assert context.outcomes[0].where == "function-2"


def test_async_functions_are_awaited(run, records, base):
    out, _ = run(FunctionStep(call="./hooks.py:later"), records({"n": 1, "x": 2}), base=base)
    assert out[0].fields == {"n": 1}


def test_it_knows_what_it_reads_and_where_it_is(base):
    step = FunctionStep(call="./hooks.py:check", params={"step": 2})
    step._base = base
    assert [(read.kind, read.text) for read in step.reads()] == [("field", n) for n in ("n", "id", "params")]
    assert step.files() == ["./hooks.py"]
    assert step.fields_after({"n"}) is None
    (issue,) = FunctionStep(call="./hooks.py:chekc").check(base)
    assert "did you mean `check`?" in issue.fix
