"""Whatever is written is read again: random rows through every format."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedbed.graph.spec_io import SinkSpec
from seedbed.io.paths import format_of
from seedbed.io.sinks import open_sink

texts = st.text(st.characters(codec="utf-8"), max_size=20)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
json_rows = st.lists(st.dictionaries(texts, values, max_size=4), max_size=8)


def through(folder: Path, name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
    with open_sink(SinkSpec(path=name), folder, "r") as out:
        for row in rows:
            out.write(row)
    file_format = format_of(name)
    assert file_format
    return [row.fields for row in file_format.read(folder / name, name)]


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.jsonl.zst", "x.json", "x.json.gz"])
@given(rows=json_rows)
@settings(max_examples=40)
def test_json(tmp_path_factory: pytest.TempPathFactory, name: str, rows: list[dict[str, Any]]) -> None:
    assert through(tmp_path_factory.getbasetemp(), name, rows) == rows


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.csv.zst"])
@given(st.data())
@settings(max_examples=40)
def test_csv(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject) -> None:
    """Texts come back as they were; columns need a name."""
    columns = data.draw(st.lists(texts.map(str.strip).filter(bool), min_size=1, max_size=4, unique=True))
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(columns, texts)), max_size=8))
    assert through(tmp_path_factory.getbasetemp(), name, rows) == rows


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_parquet_of_one_schema(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Rows of one shape, with nulls anywhere, come back as they were."""
    kinds = [texts, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.lists(texts | st.none(), max_size=3)]
    kinds += [st.fixed_dictionaries({"role": texts, "content": texts | st.none()}), st.lists(st.booleans(), max_size=2)]
    kinds += [st.floats(allow_nan=False, allow_infinity=False)]
    columns = data.draw(st.dictionaries(texts, st.sampled_from(kinds), min_size=1, max_size=4))
    row = st.fixed_dictionaries({name: st.none() | kind for name, kind in columns.items()})
    rows = data.draw(st.lists(row, min_size=1, max_size=8))
    assert through(tmp_path_factory.getbasetemp(), "x.parquet", rows) == rows


@given(rows=json_rows)
@settings(max_examples=60, deadline=None)
def test_parquet_takes_any_rows(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> None:
    """Rows of any shapes are all there, and their text columns are as they were."""
    back = through(tmp_path_factory.getbasetemp(), "x.parquet", rows)
    if any(rows):
        assert len(back) == len(rows)
    for before, after in zip(rows, back, strict=False):
        assert after is not None
        for name, value in before.items():
            if isinstance(value, str):
                assert after[name] == value


@given(rows=json_rows, cut=st.floats(0, 1))
@settings(max_examples=60)
def test_any_prefix_is_read_up_to_its_end(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], cut: float
) -> None:
    folder = tmp_path_factory.getbasetemp()
    for name in ("x.jsonl", "x.jsonl.gz", "x.json"):
        through(folder, name, rows)
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(cut * len(data))])
        file_format = format_of(name)
        assert file_format
        back = list(file_format.read(folder / name, name))
        good = [row.fields for row in back if row.fields is not None]
        assert good == rows[: len(good)]
        assert len(back) - len(good) <= 1


def test_gzip_files_hold_no_time_and_no_name(tmp_path: Path) -> None:
    through(tmp_path, "x.jsonl.gz", [{"a": 1}])
    data = (tmp_path / "x.jsonl.gz").read_bytes()
    assert data[3] == 0
    assert data[4:8] == b"\0\0\0\0"
    assert gzip.decompress(data) == b'{"a":1}\n'
