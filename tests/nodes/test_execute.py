"""The `execute` node: programs, tests and queries, in the sandbox that this machine has."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import MissingExtra, NodeError
from seedbed.graph.contracts import Visit
from seedbed.nodes.execute import Execute
from seedbed.nodes.sandbox import places
from seedbed.run.prepare import prepare
from seedbed.run.session import Options, Session


class Run:
    """A run around one node."""

    seed = 0
    params: dict[str, Any] = {}

    def __init__(self, base: Path) -> None:
        self.base = self.folder = base

    def run_blocking(self, call: Any) -> Any:
        return asyncio.to_thread(call)


def make(base: Path = Path(), **spec: Any) -> Execute:
    node = Execute.model_validate({"type": "execute", "seconds": 30, **spec})
    node._name, node._base = "run", base
    return node


def execute(scope: dict[str, Any] | None = None, base: Path = Path(), **spec: Any) -> dict[str, Any]:
    node = make(base, **spec)
    assert list(node.check(base)) == []
    visit = Visit(scope or {}, "r1", "run", 1, 0)
    value: dict[str, Any] = asyncio.run(node.prepare(Run(base))(visit))  # type: ignore[arg-type]
    assert visit.notes
    assert json.loads(json.dumps(value)) == value
    return value


# --- Python -------------------------------------------------------------------------------------------------------


def test_what_a_program_prints() -> None:
    value = execute({"n": 6}, code="import sys\nprint({{ n }} * 7, 'é')\nprint('warned', file=sys.stderr)")
    assert value == {
        "ok": True,
        "stdout": "42 é\n",
        "stderr": "warned\n",
        "error": None,
        "tests": None,
        "passed": None,
        "columns": None,
        "rows": None,
    }


def test_what_a_program_reads() -> None:
    code = "print(input(), sum(map(int, input().split())), open('data/in.txt').read())\nimport helper"
    files = {"data/in.txt": "{{ text }}", "helper.py": "print(__name__)"}
    value = execute({"text": "ü\r\n", "numbers": "1 2 3"}, code=code, stdin="first\n{{ numbers }}", files=files)
    assert value["error"] is None
    assert value["stdout"] == "first 6 ü\n\nhelper\n"
    assert execute(code="print(open(0).read())", stdin="all of it")["stdout"] == "all of it\n"
    assert execute(code="import sys\nprint(repr(sys.stdin.read()))")["stdout"] == "''\n"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("x = 1\n1 / 0", {"type": "ZeroDivisionError", "message": "division by zero", "line": 2}),
        ("def f():\n    return {}['k']\n\nf()", {"type": "KeyError", "message": "'k'", "line": 2}),
        ("import json\njson.loads('{')", {"type": "JSONDecodeError", "line": 2}),
        ("print(1\n", {"type": "SyntaxError", "message": "'(' was never closed (program.py, line 1)", "line": 1}),
        ("import numpy", {"type": "ModuleNotFoundError", "message": "No module named 'numpy'", "line": 1}),
        ("import sys\nsys.exit(3)", {"type": "SystemExit", "message": "exit code 3", "line": 2}),
        ("import sys\nsys.exit('bad input')", {"type": "SystemExit", "message": "bad input", "line": 2}),
        ("import os\nos._exit(4)", {"type": "Exit", "line": None}),
        ("import os\nos.kill(os.getpid(), 11)", {"type": "Killed", "message": "ended by signal SIGSEGV", "line": None}),
        ("def f(): f()\nf()", {"type": "RecursionError", "line": 1}),
        ("raise type('Own', (Exception,), {'__str__': lambda s: 1 / 0})", {"type": "Own", "message": "", "line": 1}),
        ("'\ud800'.encode()", {"type": "UnicodeEncodeError"}),
        ("\0", {"type": "SyntaxError"}),
    ],
)
def test_a_program_that_fails_is_a_result(code: str, error: dict[str, Any]) -> None:
    value = execute({"code": code}, code="{{ code }}")
    assert not value["ok"]
    assert {key: value["error"][key] for key in error} == error


def test_the_traceback_is_the_program_s_own() -> None:
    stderr = execute(code="def half(x):\n    return x / 0\n\nhalf(1)")["stderr"]
    assert stderr.startswith(
        'Traceback (most recent call last):\n  File "program.py", line 4, in <module>\n    half(1)'
    )
    assert "seedbed" not in stderr


def test_ends_that_are_no_errors() -> None:
    assert execute(code="")["ok"]
    assert execute(code="import sys\nprint(1)\nsys.exit(0)")["stdout"] == "1\n"
    assert execute(code="import os\nos._exit(0)")["ok"]
    late = "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()"
    assert execute(code=late)["stdout"] == "late\n"


def test_too_slow_and_too_much() -> None:
    assert execute(code="while True: pass", seconds=1)["error"]["type"] == "TimeLimit"
    long = execute(code="print('é' * 4000)", output_kb=1)
    assert long["error"]["type"] == "OutputLimit"
    assert len(long["stdout"].encode("utf-8", "replace")) <= 1026


# --- tests --------------------------------------------------------------------------------------------------------

ADD = "def add(a, b):\n    return a + b\n\nif __name__ == '__main__':\n    print(add(*map(int, input().split())))\n"


def outcomes(**spec: Any) -> list[tuple[str, bool, str]]:
    value = execute(**spec)
    tests: list[tuple[str, bool, str]] = [(test["name"], test["passed"], test["message"]) for test in value["tests"]]
    assert value["passed"] == sum(passed for _, passed, _ in tests)
    assert value["ok"] == (value["error"] is None and all(passed for _, passed, _ in tests))
    return tests


def test_assert_lines_are_tests() -> None:
    tests = """
import math
small = add(1, 1)
assert small == 2
assert add(2, 2) == 5
assert add('a', 1) == 'a1', 'text and number'
assert math.isclose(add(0.1, 0.2), 0.4)
for n in range(3):
    assert add(n, n) == n * n, n
"""
    assert outcomes(code=ADD, tests=tests) == [
        ("assert small == 2", True, ""),
        ("assert add(2, 2) == 5", False, "the left side is 4, the right side 5"),
        (
            "assert add('a', 1) == 'a1', 'text and number'",
            False,
            'TypeError: can only concatenate str (not "int") to str (program.py:2)',
        ),
        ("assert math.isclose(add(0.1, 0.2), 0.4)", False, "the assertion does not hold"),
        ("for n in range(3):\n    assert add(n, n) == n * n, n", False, "1"),
    ]


def test_a_list_of_tests() -> None:
    tests = outcomes(scope={"n": 2}, code=ADD, tests=["assert add({{ n }}, 0) == 2", "assert add(", "x = y"])
    assert [(name, passed) for name, passed, _ in tests] == [
        ("assert add(2, 0) == 2", True),
        ("assert add(", False),
        ("x = y", False),
    ]
    assert tests[1][2].startswith("SyntaxError")
    assert tests[2][2] == "NameError: name 'y' is not defined"


def test_functions_and_classes_with_tests() -> None:
    tests = """
import asyncio, unittest
import pytest

def test_right(): assert add(1, 2) == 3
def test_wrong(): assert add(1, 2) == 4
async def test_waits():
    await asyncio.sleep(0)
    assert add(1, 1) == 2

@pytest.mark.parametrize('a, b', [(1, 2), (2, 3)])
def test_each(a, b): assert add(a, 1) == b

def test_raises():
    with pytest.raises(TypeError, match='concatenate'):
        add('a', 1)
    assert add(0.1, 0.2) == pytest.approx(0.3)

def test_fixture(tmp_path): pass

class TestMore:
    def setup_method(self): self.n = 1
    def test_method(self): assert add(self.n, 1) == 2
    def helper(self): raise ValueError

class Case(unittest.TestCase):
    def setUp(self): self.n = 1
    def test_equal(self): self.assertEqual(add(self.n, 1), 3)
    @unittest.skip('not now')
    def test_skipped(self): pass

if __name__ == '__main__':
    unittest.main()
"""
    found = outcomes(code=ADD, tests=tests)
    assert [(name, passed) for name, passed, _ in found] == [
        ("test_right", True),
        ("test_wrong", False),
        ("test_waits", True),
        ("test_each[1-2]", True),
        ("test_each[2-3]", True),
        ("test_raises", True),
        ("test_fixture", False),
        ("TestMore.test_method", True),
        ("Case.test_equal", False),
        ("Case.test_skipped", True),
    ]
    assert found[8][2] == "2 != 3"
    assert found[9][2] == "skipped: not now"


def test_tests_in_the_form_of_check_functions() -> None:
    check = "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate(0, 0) == 1\n\ncheck(add)"
    assert outcomes(code=ADD, tests=check) == [("check(add)", False, "the assertion does not hold")]


def test_tests_that_could_not_be_run_failed() -> None:
    broken = execute(code="def add(a, b) return a", tests="assert add(1, 1) == 2\nassert add(1, 2) == 3")
    assert broken["error"]["type"] == "SyntaxError"
    assert (broken["ok"], broken["passed"]) == (False, 0)
    assert broken["tests"][0]["message"].startswith("not run")
    endless = execute(
        code="def f(n):\n    while n: pass", tests="assert f(0) is None\nassert f(1)\nassert True", seconds=2
    )
    assert endless["error"]["type"] == "TimeLimit"
    assert [test["passed"] for test in endless["tests"]] == [True, False]
    early = execute(code="import sys\ndef f(): sys.exit(0)", tests=["f()", "assert True"])
    assert [test["passed"] for test in early["tests"]] == [False, True]
    assert execute(code="", tests="")["tests"] == []


# --- SQL ----------------------------------------------------------------------------------------------------------

SETUP = "CREATE TABLE people (name TEXT, age INT); INSERT INTO people VALUES ('Ann; A', 31), ('Bo', NULL); -- done"
ENGINES = pytest.mark.parametrize("language", ["sqlite", "duckdb"])


@ENGINES
def test_rows_of_a_query(language: str) -> None:
    pytest.importorskip("duckdb")
    query = "SELECT name, age, age * 2.5 AS more FROM people ORDER BY name"
    value = execute({"query": query}, language=language, setup=SETUP, code="{{ query }};")
    assert value["error"] is None
    assert value["ok"]
    assert value["columns"] == ["name", "age", "more"]
    assert value["rows"] == [["Ann; A", 31, 77.5], ["Bo", None, None]]
    assert value["stdout"] == ""
    none = execute(language=language, setup=SETUP, code="SELECT name FROM people WHERE age > 99")
    assert (none["ok"], none["rows"]) == (True, [])


@ENGINES
def test_what_a_query_may_not(language: str, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    outside = tmp_path / "data.csv"
    outside.write_text("a\n1\n")
    refused = [
        "DROP TABLE people",
        "UPDATE people SET age = 1",
        "INSERT INTO people VALUES ('x', 1)",
        "SELECT 1; SELECT 2",
        "",
        f"ATTACH '{tmp_path}/x.db' AS x",
        "PRAGMA database_list" if language == "sqlite" else "SET memory_limit = '9GB'",
        "SELECT load_extension('x')" if language == "sqlite" else "INSTALL httpfs",
        "CREATE TABLE x AS SELECT 1" if language == "sqlite" else f"SELECT * FROM read_csv('{outside}')",
        "SELECT nothing FROM people",
        "SELEKT 1",
    ]
    for query in refused:
        value = execute({"query": query}, language=language, setup=SETUP, code="{{ query }}")
        assert value["error"], query
        assert value["rows"] is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.csv"]


@ENGINES
def test_statements_that_write(language: str, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    code = "UPDATE people SET age = 7 WHERE age IS NULL; SELECT sum(age) FROM people"
    assert execute(language=language, setup=SETUP, read_only=False, code=code)["rows"] == [[38]]
    attach = execute(language=language, read_only=False, code=f"ATTACH '{tmp_path}/x.db' AS x; SELECT 1")
    assert attach["error"]
    assert list(tmp_path.iterdir()) == []


@ENGINES
def test_tables_from_files_and_fields(language: str, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    (tmp_path / "towns.csv").write_text("town,people,code,height\nUlm,126000,007,478.5\nBonn,,12,\n")
    (tmp_path / "rivers.jsonl").write_text('{"town": "Ulm", "river": "Donau", "tags": ["a"]}\n')
    tables = {"towns": "./towns.csv", "rivers": "rivers.jsonl", "visits": "{{ visits }}"}
    scope = {"visits": [{"town": "Ulm", "n": 2}, {"town": "Ulm", "n": 3.5}]}
    code = (
        "SELECT t.town, people + 1, code, height, river, sum(n) FROM towns t LEFT JOIN rivers USING (town) "
        "LEFT JOIN visits USING (town) GROUP BY ALL ORDER BY 1"
    )
    if language == "sqlite":
        code = code.replace("GROUP BY ALL", "GROUP BY t.town")
    node = make(tmp_path, language=language, tables=tables, code=code)
    assert node.files() == ["towns.csv", "rivers.jsonl"]
    value = execute(scope, tmp_path, language=language, tables=tables, code=code)
    assert value["error"] is None
    assert value["rows"] == [["Bonn", None, "12", None, None, None], ["Ulm", 126001, "007", 478.5, "Donau", 5.5]]
    with pytest.raises(NodeError, match="the table `visits` is not a list of maps"):
        execute({"visits": "Ulm"}, tmp_path, language=language, tables=tables, code=code)


def test_values_that_json_lacks() -> None:
    pytest.importorskip("duckdb")
    code = """SELECT DATE '2024-02-29', TIMESTAMP '2024-02-29 10:00:00', 1.50::DECIMAL(5, 2), 'nan'::FLOAT,
              '\\x01a'::BLOB, 170141183460469231731687303715884105727::HUGEINT, [1, 2],
              {'a': DATE '2024-01-01'}, NULL, true"""
    (row,) = execute(language="duckdb", code=code)["rows"]
    assert row[:2] == ["2024-02-29", "2024-02-29T10:00:00"]
    assert row[2:6] == [1.5, "nan", "0161", "170141183460469231731687303715884105727"]
    assert row[6:] == [[1, 2], {"a": "2024-01-01"}, None, True]
    assert execute(language="sqlite", code="SELECT x'01ff', 9e999, 'ü'")["rows"] == [["01ff", "inf", "ü"]]


@ENGINES
def test_queries_without_end(language: str) -> None:
    pytest.importorskip("duckdb")
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n WHERE i < 0"
    value = execute(language=language, code=endless, seconds=2)
    assert value["error"]["type"] in ("TimeLimit", "OutOfMemoryException", "MemoryError", "OperationalError")
    large = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n"
    assert execute(language=language, code=large, output_kb=4)["error"]["type"] == "OutputLimit"


def test_a_setup_that_fails_says_so() -> None:
    value = execute(language="sqlite", setup="CREATE TABL x", code="SELECT 1")
    assert value["error"]["type"] == "SetupError"
    assert "syntax error" in value["error"]["message"]


# --- written form -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "path", "what"),
    [
        ({"setup": "x"}, ("setup",), "`setup` is for SQL"),
        ({"tables": {"t": "{{ x }}"}}, ("tables",), "`tables` is for SQL"),
        ({"language": "sqlite", "tests": "x"}, ("tests",), "`tests` is for Python"),
        ({"language": "duckdb", "files": {"a": "x"}}, ("files",), "`files` is for Python"),
        ({"files": {"../a": "x"}}, ("files", "../a"), "`../a` is not a file in the scratch folder"),
        ({"files": {"/etc/a": "x"}}, ("files", "/etc/a"), "`/etc/a` is not a file in the scratch folder"),
        ({"files": {"program.py": "x"}}, ("files", "program.py"), "`program.py` is the program itself"),
        ({"language": "sqlite", "tables": {"t": "no.csv"}}, ("tables", "t"), "`no.csv`: there is no `no.csv`"),
    ],
)
def test_what_is_wrong_is_found_at_load(spec: dict[str, Any], path: tuple[str, ...], what: str, tmp_path: Path) -> None:
    (issue,) = make(tmp_path, code="x", **spec).check(tmp_path)
    assert issue.path == path
    assert issue.what.startswith(what)


def test_what_it_reads() -> None:
    node = make(code="{{ a }}", stdin="{{ b }}", files={"x": "{{ c }}"}, tests=["{{ d }}", "{{ e }}"], when="f")
    assert [(read.kind, read.path) for read in node.reads()] == [
        ("expression", ("when",)),
        ("template", ("code",)),
        ("template", ("stdin",)),
        ("template", ("files", "x")),
        ("template", ("tests", 0)),
        ("template", ("tests", 1)),
    ]
    sql = make(language="sqlite", code="{{ a }}", setup="{{ b }}", tables={"t": "{{ rows }}", "u": "u.csv"})
    assert [read.path for read in sql.reads()] == [("code",), ("setup",), ("tables", "t")]


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="`language: duckdb` needs the extra `sql`"):
        places.packages.__wrapped__("duckdb")


# --- in a run -----------------------------------------------------------------------------------------------------

LOOP = """
name: loop
models:
  coder:
    provider: scripted
    rules:
      - {contains: "the left side is 1, the right side 2", reply: "def double(x):\\n    return 2 * x"}
      - {reply: "def double(x):\\n    return x"}
source: [{n: 1}, {n: 2}, {n: 3}]
nodes:
  code:
    type: llm
    model: coder
    prompt: |-
      Write double(x), please. This is number {{ n }}.
      {% if run %}{% for test in run.tests if not test.passed %}{{ test.message }}{% endfor %}{% endif %}
  run: {type: execute, code: "{{ code }}", tests: "assert double(1) == 2\\nassert double(0) == 0"}
  tries: {type: expression, expression: visits.run}
edges:
  - start -> code -> run
  - run -> code when not run.ok and visits.run < 3
  - run -> tries -> end
output: {code: "{{ code }}", ok: "{{ run.ok }}", passed: "{{ run.passed }}", tries: "{{ tries }}"}
sink: out.jsonl
"""


def test_a_loop_that_repairs_itself(tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").write_text(LOOP)
    outputs = []
    for folder in ("one", "two"):
        options = Options(out=tmp_path / folder, fresh=True)
        summary = asyncio.run(Session(prepare(tmp_path / "loop.yaml"), options).run())
        assert (summary.accepted, summary.failed) == (3, 0)
        outputs.append((tmp_path / "out.jsonl").read_bytes())
    assert outputs[0] == outputs[1]
    rows = [json.loads(line) for line in outputs[0].splitlines()]
    assert [(row["ok"], row["passed"], row["tries"]) for row in rows] == [(True, 2, 2)] * 3
