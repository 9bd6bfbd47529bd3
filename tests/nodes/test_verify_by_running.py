"""The checks of `verify` that run what they check: unit tests and SQL, in the sandbox that this machine has."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from seedbed.errors import InputError, MissingExtra, NodeError
from seedbed.graph.contracts import Read, Visit
from seedbed.nodes.checks import sql, unit_tests
from seedbed.nodes.verify import VerifyNode

SLOW = {"seconds": 30}
"""For machines that are busy with other tests."""


def node(**spec: Any) -> VerifyNode:
    made = VerifyNode.model_validate({"type": "verify", "of": "answer", **spec})
    made._name = "right"
    assert list(made.check(Path())) == []
    return made


def verify(scene: Any, answer: Any, scope: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    visit = Visit({"answer": answer, **(scope or {})}, "r1", "right", 1, 0)
    result: dict[str, Any] = asyncio.run(node(**spec).prepare(scene)(visit))
    return result


# --- unit tests ---------------------------------------------------------------------------------------------------

ADD = "def add(a, b):\n    return a + b"
SUBTRACT = "def add(a, b):\n    return a - b"
TESTS = "assert add(1, 0) == 1\nassert add(2, 3) == 5"


def test_every_unit_test_is_a_check(scene: Any) -> None:
    right = verify(scene, ADD, {"tests": TESTS}, unit_tests={"tests": "{{ tests }}", "limits": SLOW})
    assert (right["passed"], right["score"], right["message"]) == (True, 1, "")
    wrong = verify(scene, SUBTRACT, {"tests": TESTS}, unit_tests={"tests": "{{ tests }}", "limits": SLOW})
    said = "test 2 fails; `assert add(2, 3) == 5`: the left side is -1, the right side 5"
    assert wrong == {
        "passed": False,
        "score": 0.5,
        "message": said,
        "checks": [
            {"name": "unit_tests", "passed": True, "message": "test 1 passes"},
            {"name": "unit_tests", "passed": False, "message": said},
        ],
    }


def test_unit_tests_may_be_a_list_written_or_of_a_field(scene: Any) -> None:
    texts = ["assert add(1, 1) == {{ two }}", "def test_zero():\n    assert add(0, 0) == 0"]
    assert len(verify(scene, ADD, {"two": 2}, unit_tests=texts)["checks"]) == 2
    assert len(verify(scene, ADD, {"tests": TESTS.splitlines()}, unit_tests="{{ tests }}")["checks"]) == 2


def test_messages_need_not_tell_what_the_tests_expect(scene: Any) -> None:
    hidden = verify(scene, SUBTRACT, unit_tests=TESTS, reveal=False)
    assert hidden["message"] == "test 2 fails; that is not right"
    assert "add(2, 3)" not in str(hidden)
    broken = verify(scene, "def add(a, b)", unit_tests=TESTS, reveal=False)
    assert broken["message"].startswith("the program ends with SyntaxError: expected ':' in line 1\n")


def test_an_error_that_ends_the_program_is_a_check_beside_its_tests(scene: Any) -> None:
    result = verify(scene, "x = 1\n1 / 0", unit_tests="assert x == 1")
    assert [check["passed"] for check in result["checks"]] == [False, False]
    assert result["checks"][0]["message"] == "the program ends with ZeroDivisionError: division by zero in line 2"
    assert "not run" in result["checks"][1]["message"]


def test_limits_hold(scene: Any) -> None:
    result = verify(scene, "while True: pass", unit_tests={"tests": "assert True", "limits": {"seconds": 0.7}})
    assert not result["passed"]
    assert result["message"].startswith("the program ends with TimeLimit: it ran longer than 0.7 seconds")
    assert node(unit_tests={"tests": "assert 1", "limits": {"memory_mb": 64}}).unit_tests.limits.limits().seconds == 10
    for limits in ({"seconds": 0}, {"memory_mb": 1}, {"processes": 0}, {"time": 3}):
        with pytest.raises(ValidationError):
            node(unit_tests={"tests": "assert 1", "limits": limits})


def test_a_program_cannot_pass_by_leaving(scene: Any) -> None:
    assert not verify(scene, "import os\nos._exit(0)", unit_tests="assert False")["passed"]


@pytest.mark.parametrize("tests", ["", " \n", None, [], [None, ""]])
def test_a_record_without_tests_is_an_error(scene: Any, tests: Any) -> None:
    with pytest.raises(NodeError, match="`tests` is empty; give each record"):
        verify(scene, ADD, {"tests": tests}, unit_tests="{{ tests }}")


def test_tests_that_test_nothing_are_an_error(scene: Any) -> None:
    with pytest.raises(NodeError, match="`tests` holds no test: `x = 3`"):
        verify(scene, ADD, unit_tests="x = 3")


# --- SQL ----------------------------------------------------------------------------------------------------------

ONE = "CREATE TABLE t (a INT); INSERT INTO t VALUES (2), (1);"
OTHER = "CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (2), (3);"
FEW = "SELECT a FROM t WHERE a < 3"


@pytest.mark.parametrize(
    ("query", "spec", "message"),
    [
        ("SELECT a FROM t ORDER BY a DESC", {}, ""),
        ("SELECT a + 0.0000001 FROM t", {}, ""),
        ("SELECT a + 0.1 FROM t", {"tolerance": 0.2}, ""),
        ("SELECT a FROM t", {"setup": [ONE, "{{ other }}"]}, "3 rows where 2 are expected"),
        ("SELECT a FROM t", {"setup": "{{ both }}"}, "3 rows where 2 are expected"),
        ("SELECT a FROM t ORDER BY a", {"ordered": True}, "row 1 is [1], expected is [2]"),
        ("SELECT a FROM t", {"reference": "{{ right }} ORDER BY a"}, "row 1 is [2], expected is [1]"),
        ("SELECT a FROM t", {"reference": "{{ right }} ORDER BY a", "ordered": False}, ""),
    ],
)
def test_sql(scene: Any, query: str, spec: dict[str, Any], message: str) -> None:
    scope = {"right": FEW, "other": OTHER, "both": [ONE, OTHER]}
    result = verify(scene, query, scope, sql={"reference": "{{ right }}", "setup": ONE, "limits": SLOW, **spec})
    assert result["passed"] is (message == "")
    assert result["message"] == (f"the query gives other rows than it should; {message}" if message else "")


def test_a_query_that_fails_is_told_even_where_rows_are_not(scene: Any) -> None:
    spec = {"sql": {"reference": FEW, "setup": ONE}, "reveal": False}
    assert verify(scene, "SELECT b FROM t", **spec)["message"].startswith("the query fails: OperationalError: no such")
    assert verify(scene, "DELETE FROM t", **spec)["message"] == "the query fails: DatabaseError: not authorized"
    hidden = "the query gives other rows than it should; that is not right"
    assert verify(scene, "SELECT 7", **spec)["message"] == hidden


def test_a_match_without_rows_says_so(scene: Any) -> None:
    result = verify(scene, "SELECT a FROM t WHERE 0", sql={"reference": "SELECT a FROM t WHERE a > 9", "setup": ONE})
    assert result["passed"]
    assert "which are none" in result["checks"][0]["message"]


def test_a_reference_or_setup_that_fails_is_an_error_of_the_record(scene: Any) -> None:
    with pytest.raises(NodeError, match="the reference query fails: OperationalError"):
        verify(scene, FEW, sql={"reference": "SELECT b FROM t", "setup": ONE})
    with pytest.raises(NodeError, match="the reference query fails: SetupError"):
        verify(scene, FEW, sql={"reference": FEW, "setup": "CREATE TABEL t"})
    with pytest.raises(NodeError, match="`reference` is empty"):
        verify(scene, FEW, {"key": " "}, sql="{{ key }}")
    with pytest.raises(NodeError, match="`setup` is empty"):
        verify(scene, FEW, {"key": []}, sql={"reference": FEW, "setup": "{{ key }}"})


def test_duckdb(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {"sql": {"reference": "SELECT 1 AS x", "engine": "duckdb", "limits": SLOW}}
    pytest.importorskip("duckdb")
    assert verify(scene, "SELECT len([7])", **spec)["passed"]
    monkeypatch.setattr(sql, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="`engine: duckdb` needs the extra `sql`"):
        node(**spec).prepare(scene)


# --- both ---------------------------------------------------------------------------------------------------------


def test_no_answer_is_not_run(scene: Any) -> None:
    result = verify(scene, None, unit_tests="assert True", sql="SELECT 1")
    assert result["message"] == "there is no answer; give one\nthere is no answer; give one"


def test_what_they_read_is_known() -> None:
    reads = list(node(unit_tests="{{ tests }}", sql={"reference": "{{ q }}", "setup": ["{{ a }}"]}).reads())
    assert Read("value", "{{ tests }}", ("unit_tests", "tests")) in reads
    assert Read("template", "{{ q }}", ("sql", "reference")) in reads
    assert Read("value", ["{{ a }}"], ("sql", "setup")) in reads


def test_without_a_sandbox_nothing_is_run(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def none(least: str) -> None:
        asked.append(least)
        raise InputError("there is no sandbox on this machine")

    for module, spec in ((unit_tests, {"unit_tests": {"tests": "assert 1", "sandbox": "weak"}}), (sql, {"sql": "x"})):
        monkeypatch.setattr(module, "open_sandbox", none)
        with pytest.raises(InputError, match="no sandbox"):
            node(**spec).prepare(scene)
    assert asked == ["weak", "strong"]
