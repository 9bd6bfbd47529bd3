"""The step `sql`: records as a table, rows as records, and a database that can do nothing else."""

import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from seedbed.errors import InputError, SpecError
from seedbed.graph.load import load_data
from seedbed.io.sources import peek_fields
from seedbed.record import Record
from seedbed.steps.sql import Sql

ALL = "SELECT * FROM records"


@pytest.fixture
def ask(run, tmp_path):
    def ask(query, *rows, **spec):
        records = [Record(f"r{i}", dict(fields)) for i, fields in enumerate(rows)]
        out, context = run(Sql(query=query, **spec), records, base=tmp_path, name="sql")
        ask.failed = context.failed
        assert not list(tmp_path.iterdir()), "nothing is left"
        return [(record.id, record.fields) for record in out]

    return ask


def test_rows_become_records(ask):
    rows = [
        {"t": "a", "n": 1, "v": {"s": 2.5}},
        {"t": "b", "n": 2, "v": {"s": 1}},
        {"t": "a", "n": 3, "v": {"s": None}},
    ]
    found = ask(
        "SELECT t, count(*) AS n, avg(v.s) AS mean, list(id ORDER BY n) AS ids FROM records GROUP BY t ORDER BY t",
        *rows,
    )
    assert [fields for _, fields in found] == [
        {"t": "a", "n": 2, "mean": 2.5, "ids": ["r0", "r2"]},
        {"t": "b", "n": 1, "mean": 1.0, "ids": ["r1"]},
    ]
    assert all(len(id) == 16 for id, _ in found)
    assert found == ask(
        "SELECT t, count(*) AS n, avg(v.s) AS mean, list(id ORDER BY n) AS ids FROM records GROUP BY t ORDER BY t",
        *rows,
    )


def test_rows_keep_their_ids_and_no_two_have_one(ask):
    assert ask("FROM records WHERE n > 1 ORDER BY n DESC", {"n": 1}, {"n": 2}, {"n": 3}) == [
        ("r2", {"n": 3}), ("r1", {"n": 2}),
    ]  # fmt: skip
    found = ask("SELECT id, unnest(l) AS item FROM records", {"l": ["x", "y"]}, {"l": ["z"]})
    assert found == [("r0", {"item": "x"}), ("r0.1", {"item": "y"}), ("r1", {"item": "z"})]
    assert [id for id, _ in ask("SELECT n AS id FROM records", {"n": 7})] == ["7"]
    ids = [id for id, _ in ask("SELECT NULL AS id, n FROM records", {"n": 7}, {"n": 7})]
    assert len(set(ids)) == 2


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("aAbB \"'é", max_size=2), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def padded(value):
    """A value without what a struct adds: keys that are null."""
    if isinstance(value, dict):
        return {key: padded(item) for key, item in value.items() if item is not None}
    return [padded(item) for item in value] if isinstance(value, list) else value


def test_values_come_back_as_they_went(run, tmp_path):
    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.dictionaries(st.sampled_from(["a", "b c", "q\"'"]), values), min_size=1, max_size=4))
    def holds(rows):
        records = [Record(f"r{i}", fields) for i, fields in enumerate(rows)]
        out, _ = run(Sql(query=ALL), records, base=tmp_path)
        assert [padded(r.fields) for r in out] == [padded(row) for row in rows]

    holds()


def test_types_that_json_has_not_become_what_it_has(ask):
    query = """SELECT DATE '2024-02-01' AS d, 1.50 AS x, 3::DECIMAL(9, 0) AS i, 'nan'::DOUBLE AS nan, 5::HUGEINT AS h,
               {'j': [to_json({'a': 2}), NULL]} AS s, {'x': 'inf'::DOUBLE, 'y': 2.50} AS t FROM records"""
    ((_, fields),) = ask(query, {})
    assert fields["d"] == datetime.date(2024, 2, 1).isoformat()
    assert (fields["x"], fields["i"], fields["nan"], fields["h"]) == (1.5, 3, None, 5)
    assert type(fields["i"]) is int
    assert fields["s"] == {"j": [{"a": 2}, None]}
    assert fields["t"] == {"x": None, "y": 2.5}


def test_no_records_and_fields_that_are_always_null(run, ask, tmp_path):
    assert ask("SELECT count(*) AS n FROM records")[0][1] == {"n": 0}
    step = Sql(query="SELECT avg(score) AS mean, max(reason) AS r, count(*) AS n FROM records")
    assert list(step.check_fields({"score", "reason"})) == []
    out, _ = run(step, [Record("r", {"score": None})], base=tmp_path)
    assert out[0].fields == {"mean": None, "r": None, "n": 1}


def test_chance_follows_from_the_seed(run, tmp_path):
    rows = [Record(f"r{i}", {"n": i}) for i in range(50)]
    step = Sql(query="SELECT id, n FROM records ORDER BY random() LIMIT 5")
    first, again, other = ([r.id for r in run(step, rows, base=tmp_path, seed=seed)[0]] for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM rows",
        "SELECT getenv('HOME')",
        "SELECT * FROM read_csv('https://127.0.0.1:9/x.csv')",
        "SELECT * FROM sqlite_scan('x.db', 't')",
    ],
)
def test_the_query_reaches_nothing_but_the_records(ask, query):
    rows = "a Python variable of that name is no table"
    with pytest.raises(InputError, match="the query fails"):
        ask(query, {"n": 1})
    assert rows


@pytest.mark.parametrize(
    "query",
    ["SELECT 1; SELECT 2", "SELEC 1", "COPY records TO 'x.csv'", "ATTACH 'x.db'", "SET threads = 4", "INSTALL httpfs",
     "INSERT INTO records VALUES (1)", "DROP TABLE records", "PRAGMA version", ""],
)  # fmt: skip
def test_it_is_one_select(query, tmp_path):
    assert list(Sql.model_construct(query=query).check(tmp_path))


def test_settings_stay_as_they_are(ask):
    query = "SELECT name, value FROM duckdb_settings() WHERE name IN ('enable_external_access', 'lock_configuration')"
    assert {fields["name"]: fields["value"] for _, fields in ask(query)} == {
        "enable_external_access": "false", "lock_configuration": "true",
    }  # fmt: skip


def test_a_query_that_takes_too_long_or_too_much(ask):
    rows = [{"n": i} for i in range(100)]
    with pytest.raises(InputError, match=r"longer than 0\.3 seconds"):
        ask("SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b", *rows, timeout=0.3)
    with pytest.raises(InputError, match="raise `memory`"):
        ask("SELECT list(range || 'some longer text') AS l FROM range(5000000)", *rows, memory="30MB")


def test_names_that_sql_cannot_tell_apart_fail_their_record(ask):
    found = ask(ALL, {"Topic": 1}, {"topic": 2}, {"": 3})
    assert found == [("r0", {"Topic": 1})]
    assert "one to SQL" in ask.failed["r1"]
    assert "no name" in ask.failed["r2"]


def test_a_reserved_column_is_refused(ask):
    with pytest.raises(InputError, match="a column `visits`"):
        ask("SELECT 1 AS visits")


def problems(query):
    """What is wrong with a query, or the fields after it."""
    data = {"name": "t", "source": [{"topic": "a", "v": {"s": 1}}], "steps": [{"type": "sql", "query": query}]}
    try:
        return load_data(data, Path(), peek=peek_fields).steps[0].fields_after({"topic", "v"})
    except SpecError as error:
        return [f"{problem.what}; {problem.fix}" for problem in error.problems]


def test_mistakes_are_found_when_the_file_is_loaded():
    assert "syntax error" in problems("SELECT FROM WHERE")[0]
    assert 'column "topik" not found' in problems("SELECT topik FROM records")[0]
    assert "topic" in problems("SELECT topik FROM records")[0].partition(";")[2]
    assert "Table with name recrods" in problems("SELECT * FROM recrods")[0]
    assert "Scalar Function with name lenth" in problems("SELECT lenth(topic) FROM records")[0]
    assert "a column `end`" in problems('SELECT topic AS "end" FROM records')[0]


def test_what_follows_is_known_where_types_do_not_matter():
    assert problems("SELECT id, topic AS t, count(*) AS n FROM records GROUP BY ALL") == {"t", "n"}
    assert problems("SELECT *, upper(topic) AS u FROM records") == {"topic", "v", "u"}
    assert problems("SELECT v.s AS s FROM records") in (None, {"s"})
    assert problems("PIVOT records ON topic USING count(*)") is None


def test_wrong_forms_are_refused():
    for spec in ({}, {"query": ""}, {"query": ALL, "memory": "much"}, {"query": ALL, "timeout": 0.0}):
        with pytest.raises(ValidationError):
            Sql(**spec)
