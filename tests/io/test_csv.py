"""Comma- and tab-separated values."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedbed.io.contract import Row
from seedbed.io.files.csv import Csv


def read(folder: Path, data: bytes, name: str = "rows.csv") -> list[Row]:
    path = folder / name
    path.write_bytes(data)
    return list(Csv().read(path, name))


def test_values_are_text_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    rows = read(tmp_path, b'\xef\xbb\xbfa, b\r\n1,\r\n\r\n"x, ""y""\n z",  2\r\n')
    assert [(row.fields, row.line) for row in rows] == [({"a": "1", "b": ""}, 2), ({"a": 'x, "y"\n z', "b": "  2"}, 4)]


def test_tabs(tmp_path: Path) -> None:
    assert [row.fields for row in read(tmp_path, b"a\tb\n1,2\t3\n", "r.tsv")] == [{"a": "1,2", "b": "3"}]


def test_old_line_ends_and_a_column_without_name(tmp_path: Path) -> None:
    assert [row.fields for row in read(tmp_path, b",a\r0,x\r")] == [{"column_1": "0", "a": "x"}]


def test_ragged_and_damaged_rows_say_their_line(tmp_path: Path) -> None:
    rows = read(tmp_path, b'a,b\n1,2\n1\n1,2,3\n"x\ny",\xff\n"1"2,3\n4,5\n')
    assert [row.fields for row in rows] == [{"a": "1", "b": "2"}, None, None, None, None, {"a": "4", "b": "5"}]
    assert [row.error for row in rows[1:5]] == [
        "line 3: 1 values for 2 columns",
        "line 4: 3 values for 2 columns",
        "line 5: byte 4 of line 6: 0xff is not UTF-8",
        "line 7: ',' expected after '\"'",
    ]
    assert [row.raw for row in rows[1:5]] == ["1", "1,2,3", '"x\ny",\\xff', '"1"2,3']


def test_an_open_quote_is_named_where_it_opens(tmp_path: Path) -> None:
    rows = read(tmp_path, b'a,b\n1,2\n"3,4\n5,6\n')
    assert rows[0].fields == {"a": "1", "b": "2"}
    assert rows[1].error == "line 3: a quote that opens here is never closed"


@pytest.mark.parametrize(
    ("data", "error"), [(b"a,a\n1,2\n", "two columns are called `a`"), (b"\xff,b\n1,2\n", "header row is not UTF-8")]
)
def test_a_header_that_cannot_be_used(tmp_path: Path, data: bytes, error: str) -> None:
    (row,) = read(tmp_path, data)
    assert error in row.error


def test_empty_files(tmp_path: Path) -> None:
    assert read(tmp_path, b"") == []
    assert read(tmp_path, b"a,b\n") == []


def test_long_values(tmp_path: Path) -> None:
    text = "x" * 1_000_000
    assert read(tmp_path, f"a\n{text}\n".encode())[0].fields == {"a": text}


def test_columns_that_come_late(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    writer = Csv().write(path, "out.csv")
    writer.write({"a": 1, "b": None})
    writer.write({"a": True, "c": {"x": [1.5, "é"]}})
    writer.close()
    assert path.read_text() == 'a,b,c\n1,,\ntrue,,"{""x"":[1.5,""é""]}"\n'
    assert list(tmp_path.iterdir()) == [path]


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    for row in read(tmp_path_factory.getbasetemp(), data):
        assert (row.fields is None) == bool(row.error)
