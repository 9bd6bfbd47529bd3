"""Parquet both ways, and what does not fit one schema."""

from __future__ import annotations

import datetime as dt
import decimal
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seedbed.errors import InputError, MissingExtra
from seedbed.io.files.parquet import Parquet


def write(path: Path, rows: list[dict[str, object]]) -> None:
    writer = Parquet().write(path, path.name)
    for row in rows:
        writer.write(row)
    writer.close()


def read(path: Path) -> list[dict[str, object] | None]:
    return [row.fields for row in Parquet().read(path, path.name)]


def test_a_schema_widens(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    rows = [
        {"a": None, "b": 1, "m": [{"role": "user", "content": "é"}]},
        {"a": "x", "b": 2.5, "m": [], "late": {"k": {"z": True}}},
        {"a": None, "b": None, "m": [{"role": "assistant", "content": None, "calls": [1]}], "late": {"y": "1"}},
    ]
    write(path, rows)
    schema = pq.read_schema(path)
    assert schema.names == ["a", "b", "m", "late"]
    assert schema.field("b").type == pa.float64()
    assert read(path)[1] == {"a": "x", "b": 2.5, "m": [], "late": {"k": {"z": True}, "y": None}}
    assert read(path)[2]["m"] == [{"role": "assistant", "content": None, "calls": [1]}]
    assert list(tmp_path.iterdir()) == [path]


def test_what_fits_no_schema_becomes_text(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    rows = [
        {"a": 1, "b": {"x": 1}, "c": {}, "d": 2**70, "e": 2**60, "f": [1, "x"]},
        {"a": "1", "b": {"x": "y"}, "c": {}, "d": 1, "e": 0.5, "f": [None]},
        {"a": [1, {}], "b": None, "c": None, "d": None, "e": None, "f": None},
    ]
    write(path, rows)
    assert read(path) == [
        {"a": "1", "b": {"x": "1"}, "c": "{}", "d": str(2**70), "e": str(2**60), "f": ["1", "x"]},
        {"a": "1", "b": {"x": "y"}, "c": "{}", "d": "1", "e": "0.5", "f": [None]},
        {"a": "[1,{}]", "b": None, "c": None, "d": None, "e": None, "f": None},
    ]


def test_maps_whose_keys_are_data_become_text(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write(path, [{"a": {f"k{n}": n}} for n in range(1100)])
    assert pq.read_schema(path).field("a").type == pa.string()
    assert read(path)[5] == {"a": '{"k5":5}'}


def test_deep_nesting(tmp_path: Path) -> None:
    value: object = 1
    for _ in range(100):
        value = [value]
    write(tmp_path / "x.parquet", [{"a": value}])
    assert "[" in str(read(tmp_path / "x.parquet"))


def test_no_rows_and_rows_without_fields(tmp_path: Path) -> None:
    write(tmp_path / "none.parquet", [])
    assert read(tmp_path / "none.parquet") == []
    write(tmp_path / "empty.parquet", [{}, {}])


def test_many_row_groups(tmp_path: Path) -> None:
    rows = [{"n": n} for n in range(20_000)]
    write(tmp_path / "x.parquet", rows)
    assert pq.ParquetFile(tmp_path / "x.parquet").num_row_groups > 1
    assert read(tmp_path / "x.parquet") == rows


def test_arrow_types_become_json_values(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table = pa.table(
        {
            "day": pa.array([dt.date(2024, 2, 29)]),
            "when": pa.array([dt.datetime(2024, 2, 29, 12)], pa.timestamp("us", "UTC")),
            "price": pa.array([decimal.Decimal("1.10")]),
            "raw": pa.array([b"\xff"]),
            "nan": pa.array([float("nan")]),
            "map": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32())),
            "kind": pa.array(["x"]).dictionary_encode(),
        }
    )
    pq.write_table(table, path)
    assert read(path) == [
        {
            "day": "2024-02-29",
            "when": "2024-02-29T12:00:00Z",
            "price": "1.10",
            "raw": "/w==",
            "nan": None,
            "map": {"k": 1},
            "kind": "x",
        }
    ]


@pytest.mark.parametrize("data", [b"", b"not parquet at all", b"PAR1" + b"\0" * 50 + b"PAR1"])
def test_what_is_not_parquet_is_one_bad_row(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.parquet").write_bytes(data)
    (row,) = Parquet().read(tmp_path / "x.parquet", "x.parquet")
    assert row.error.startswith("not Parquet, or damaged")


def test_damage_in_the_middle_keeps_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write(path, [{"n": f"text {n} {n * 7919 % 10007}"} for n in range(20_000)])
    data = bytearray(path.read_bytes())
    at = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    data[at : at + 40] = b"\xff" * 40
    path.write_bytes(data)
    *good, bad = Parquet().read(path, "x.parquet")
    assert len(good) == 8192
    assert "what comes after row 8192 is lost" in bad.error


def test_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"pip install 'seedbed\[parquet\]'"):
        Parquet().write(tmp_path / "x.parquet", "x.parquet")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"x\.parquet cannot be read: No such file"):
        list(Parquet().read(tmp_path / "x.parquet", "x.parquet"))
