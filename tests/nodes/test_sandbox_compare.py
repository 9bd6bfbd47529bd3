"""Whether two results of queries are the same."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from seedbed.errors import NodeError
from seedbed.nodes.sandbox.compare import difference, is_ordered
from seedbed.nodes.sandbox.job import Job
from seedbed.nodes.sandbox.match import Match, match_queries
from seedbed.nodes.sandbox.room import open_sandbox


@pytest.mark.parametrize(
    ("query", "ordered"),
    [
        ("SELECT a FROM t ORDER BY a", True),
        ("select a from t order\n  by a limit 3;", True),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a)", False),
        ("SELECT row_number() OVER (ORDER BY a) FROM t", False),
        ("SELECT ')' FROM t ORDER BY 1", True),
        ("SELECT 'order by' FROM t -- ORDER BY a", False),
        ('SELECT "order by" FROM t /* ORDER BY */', False),
        ("WITH x AS (SELECT 1 ORDER BY 1) SELECT * FROM x ORDER BY 1", True),
    ],
)
def test_order_counts_where_the_query_itself_says_so(query: str, ordered: bool) -> None:
    assert is_ordered(query) is ordered


@pytest.mark.parametrize(
    ("expected", "actual", "ordered", "told"),
    [
        ([[1], [2]], [[2], [1]], False, ""),
        ([[1], [2]], [[2], [1]], True, "row 1 is [2], expected is [1]"),
        ([[1], [1], [2]], [[1], [2]], False, "2 rows where 3 are expected"),
        ([[1], [1], [2]], [[1], [2], [2]], False, "there is no row [1], or not as often as expected"),
        ([["a"], ["a"], ["b"]], [["a"], ["b"], ["b"]], False, 'there is no row ["a"], or not as often as expected'),
        ([[None]], [[None]], False, ""),
        ([[None]], [[0]], False, "there is no row [null], or not as often as expected"),
        ([[1]], [["1"]], False, "there is no row [1], or not as often as expected"),
        ([[1.0]], [[1]], True, ""),
        ([[0.1 + 0.2]], [[0.3]], False, ""),
        ([[1, 2]], [[1]], False, "1 column where 2 are expected"),
        ([[1, "a"]], [["a", 1]], False, 'there is no row [1, "a"], or not as often as expected'),
        ([], [], True, ""),
        ([[1]], [], False, "0 rows where 1 is expected"),
    ],
)
def test_difference(expected: list, actual: list, ordered: bool, told: str) -> None:
    assert difference(expected, actual, ordered=ordered) == told


def test_numbers_that_differ_by_rounding_pair_off_however_they_sort() -> None:
    random = Random(1)
    for _ in range(200):
        rows = [[random.choice([1.0, 1.00000049, 2.0]), random.randint(1, 2), "x"] for _ in range(6)]
        others = [[a * (1 + random.uniform(-4e-7, 4e-7)), b, c] for a, b, c in rows]
        random.shuffle(others)
        assert difference(rows, others, ordered=False) == ""


def test_a_pair_is_given_up_where_another_row_needs_it() -> None:
    # 1.0 fits both, 1.0000015 only the second: pairing the first two found would leave it alone.
    assert difference([[1.0000005], [1.0]], [[1.000001], [1.0]], ordered=False) == ""
    assert difference([[1.0], [1.0]], [[1.0], [1.1]], ordered=False).startswith("there is no row [1.0]")


def test_many_rows_are_compared_quickly() -> None:
    rows = [[i % 97, i / 7, f"name {i}"] for i in range(20_000)]
    assert difference(rows, rows[::-1], ordered=False) == ""
    other = [*rows[:-1], [0, 0.5, "name 19999"]]
    assert difference(rows, other, ordered=False).startswith("there is no row [17, 2857")
    pairs = [[i, i / 7] for i in range(5_000)]
    assert (
        difference(pairs, [*pairs[1:], [1, 1.0]], ordered=False)
        == "there is no row [0, 0.0], or not as often as expected"
    )


def matched(query: str, reference: str, *setups: str) -> Match:
    databases = [Job("", "sqlite", setup=setup) for setup in setups]
    return asyncio.run(match_queries(open_sandbox("strong"), query, reference, databases, asyncio.to_thread))


ONE = "CREATE TABLE t (a INT); INSERT INTO t VALUES (2), (1);"
OTHER = "CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (2), (3);"


def test_a_query_is_run_beside_its_reference_on_every_database() -> None:
    assert matched("SELECT a FROM t", "SELECT a FROM t WHERE a < 3", ONE) == Match(True)
    assert (
        matched("SELECT a FROM t", "SELECT a FROM t WHERE a < 3", ONE, OTHER).message == "3 rows where 2 are expected"
    )
    assert not matched("SELECT a FROM t", "SELECT a FROM t ORDER BY a", ONE).same
    assert matched("SELECT a FROM t WHERE 0", "SELECT a FROM t WHERE a > 9", ONE).empty
    assert "no such column" in matched("SELECT b FROM t", "SELECT a FROM t", ONE).message
    assert matched("SELECT 1; SELECT 2", "SELECT a FROM t", ONE).message == "Refused: 2 statements where one is wanted"


def test_a_reference_that_fails_is_no_verdict_on_the_query() -> None:
    with pytest.raises(NodeError, match="the reference query fails: OperationalError"):
        matched("SELECT a FROM t", "SELECT b FROM t", ONE)
