"""Records that cannot be: rows, functions, outputs. Each fails alone, with its reason and its place."""

from __future__ import annotations

from typing import Any

import pytest

from seedbed.errors import SpecError

HOOKS = """
import datetime

def raises(n):
    if n % 3 == 0:
        raise ValueError(f"{n} is a multiple of three")
    return n

async def raises_async(n):
    return raises(n)

def strange(n):
    return {
        0: datetime.date(2026, 1, 1), 1: {1, 2}, 2: float("nan"), 3: object(), 4: b"bytes", 5: {1: "one"},
        6: "\\ud800", 7: 2**70, 8: (1, 2),
    }.get(n, n)

def quits(n):
    raise SystemExit(5)
"""


def nodes(**call: Any) -> dict[str, Any]:
    return {"f": {"type": "function", **call}}


def test_rows_that_cannot_be_read(project: Any) -> None:
    path = project.folder / "seeds.jsonl"
    path.write_bytes(
        b'{"id": "a", "n": 1}\n'
        b'{"id": "b", "n": \n'
        b'{"id": "c", "n": "caf\xe9"}\n'
        b"\n"
        b"[1, 2]\n"
        b'{"id": "a ", "n": 2}\n'
        b'{"id": 1.5, "n": 3}\n'
        b'{"id": "z", "n": 4}\n'
    )
    project.pipeline(source="seeds.jsonl")
    summary = project.go()
    assert [row["id"] for row in project.rows()] == ["a", "z"]
    assert (summary.exit_code(), summary.taken, summary.failed) == (1, 7, 5)
    lines = {line["line"]: line for line in project.failed()}
    assert sorted(lines) == [2, 3, 5, 6, 7]
    assert {line["source"] for line in lines.values()} == {"seeds.jsonl"}
    assert {line["where"] for line in lines.values()} == {"source"}
    assert lines[2]["reply"] == '{"id": "b", "n": '
    assert "UTF-8" in lines[3]["message"]
    assert "list" in lines[5]["message"]
    assert lines[6]["error"] == "DuplicateId"
    assert "the id 'a' stands at seeds.jsonl:1 already" in lines[6]["message"]
    assert "must be text or a whole number" in lines[7]["message"]
    for line, reject in lines.items():
        assert line == 6 or f"line {line}" in reject["message"], reject


def test_they_are_told_once_by_each_process(project: Any) -> None:
    project.seeds('{"id": "a"}', "{broken")
    project.pipeline(source="seeds.jsonl")
    for _ in range(2):
        assert project.go().failed == 1
        assert len(project.failed()) == 1
        (project.folder / "out.jsonl").unlink()


@pytest.mark.parametrize("name", ["raises", "raises_async"])
def test_a_function_that_raises_for_some(project: Any, name: str) -> None:
    project.file("hooks.py", HOOKS)
    project.seeds(*[{"id": f"s{n}", "n": n} for n in range(10)])
    project.pipeline(source="seeds.jsonl", nodes=nodes(call=f"./hooks.py:{name}"))
    summary = project.go()
    assert [row["n"] for row in project.rows()] == [1, 2, 4, 5, 7, 8]
    assert summary.failed == 4
    assert [(line["id"], line["where"]) for line in project.failed()] == [(f"s{n}", "f") for n in (0, 3, 6, 9)]
    assert "ValueError: 3 is a multiple of three (hooks.py:6)" in project.failed()[1]["message"]


@pytest.mark.parametrize("step", [False, True])
def test_a_function_that_returns_what_json_cannot_say(project: Any, step: bool) -> None:
    project.file("hooks.py", HOOKS + "\ndef strange_step(n):\n    return {'f': strange(n)}\n")
    project.seeds(*[{"id": f"s{n}", "n": n} for n in range(11)])
    if step:
        project.pipeline(source="seeds.jsonl", steps=[{"type": "function", "call": "./hooks.py:strange_step"}])
    else:
        project.pipeline(source="seeds.jsonl", nodes=nodes(call="./hooks.py:strange"))
    summary = project.go()
    done = {row["id"]: row["f"] for row in project.rows()}
    failed = {line["id"] for line in project.failed()}
    assert done.keys() | failed == {f"s{n}" for n in range(11)}
    assert not done.keys() & failed
    assert {"s9", "s10"} <= done.keys()
    assert {"s3", "s4"} <= failed
    assert summary.exit_code() == 1


def test_a_function_that_wants_to_quit_ends_its_record(project: Any) -> None:
    project.file("hooks.py", HOOKS)
    project.seeds({"n": 1})
    project.pipeline(source="seeds.jsonl", nodes=nodes(call="./hooks.py:quits"))
    ran = project.run()
    assert ran.code == 1
    assert "SystemExit" in project.failed()[0]["message"]


def test_an_expression_that_fails_for_some(project: Any) -> None:
    project.seeds({"id": "a", "n": 1}, {"id": "b", "n": "text"}, {"id": "c"})
    project.pipeline(source="seeds.jsonl", nodes={"half": {"type": "expression", "expression": "6 / n"}})
    summary = project.go()
    assert [row["id"] for row in project.rows()] == ["a"]
    assert summary.failed == 2
    assert {line["where"] for line in project.failed()} == {"half"}


def test_a_step_that_fails_for_some(project: Any) -> None:
    project.seeds({"id": "a", "items": [1, 2]}, {"id": "b", "items": "none"}, {"id": "c", "items": [3]})
    project.pipeline(source="seeds.jsonl", steps=[{"type": "explode", "field": "items"}])
    summary = project.go()
    assert [row["items"] for row in project.rows()] == [1, 2, 3]
    (line,) = project.failed()
    assert (line["id"], line["where"], line["error"]) == ("b", "explode", "NodeError")
    explode = summary.counts[1]
    assert (explode["in"], explode["out"], explode["made"], explode["failed"]) == (3, 3, 1, {"NodeError": 1})


def test_an_output_that_does_not_match_the_schema(project: Any) -> None:
    project.seeds({"id": "a", "n": 1}, {"id": "b", "n": 9}, {"id": "c", "n": 2})
    project.pipeline(source="seeds.jsonl", output={"n": "{{ n }}"}, schema={"n": "int 1..5"})
    summary = project.go()
    assert project.rows() == [{"n": 1}, {"n": 2}]
    (line,) = project.failed()
    assert (line["id"], line["where"]) == ("b", "output")
    assert "does not match `schema:`" in line["message"]
    assert summary.counts[-1]["failed"] == {"RowError": 1}


def test_max_failed(project: Any) -> None:
    project.seeds(*[{"id": f"s{n}", "n": n} for n in range(1, 10)], "{broken")
    project.file("hooks.py", HOOKS)
    project.pipeline(source="seeds.jsonl", nodes=nodes(call="./hooks.py:raises"))
    summary = project.go()
    assert [summary.exit_code(share) for share in (0.0, 39.0, 40.0)] == [1, 1, 0]
    assert project.run("--max-failed", "40").code == 0


def test_a_file_that_is_wrong_runs_nothing(project: Any) -> None:
    project.pipeline(source="none.jsonl", nodes={"a": {"type": "template", "template": "{{ nothing }}"}})
    ran = project.run()
    assert ran.code == 2
    assert "p.yaml:" in ran.err
    assert "Traceback" not in ran.err
    assert not (project.folder / "runs").exists()
    with pytest.raises(SpecError):
        project.go()
