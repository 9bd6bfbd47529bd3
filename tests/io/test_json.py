"""JSON documents, read in pieces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedbed.io.contract import Row
from seedbed.io.files.json import Json


def read(folder: Path, data: bytes, name: str = "rows.json") -> list[Row]:
    path = folder / name
    path.write_bytes(data)
    return list(Json().read(path, name))


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (b'[{"a":1},{"a":2}]', [{"a": 1}, {"a": 2}]),
        (
            b'\xef\xbb\xbf [\r\n {"a": "]},{["} ,\n{"b": ["\\"", {"c": []}]} ]\n',
            [{"a": "]},{["}, {"b": ['"', {"c": []}]}],
        ),
        (b'{"a": [1, 2]}\n', [{"a": [1, 2]}]),
        (b"[]", []),
        (b" [ ] ", []),
        (b"", []),
        (b" \n", []),
    ],
)
def test_lists_and_objects(tmp_path: Path, data: bytes, rows: list[dict[str, object]]) -> None:
    assert [row.fields for row in read(tmp_path, data)] == rows


def test_a_malformed_element_spoils_no_other(tmp_path: Path) -> None:
    rows = read(tmp_path, b'[\n{"a":1},\n{"a":\n 2 3},\n7,\n{"a":"\xff"},\n{"a":5}\n]')
    assert [row.fields for row in rows] == [{"a": 1}, None, None, None, {"a": 5}]
    assert [row.error for row in rows[1:4]] == [
        "line 4, column 4: expecting ',' delimiter",
        "line 5: a row must be an object, not a number",
        "line 6, byte 7: 0xff is not UTF-8",
    ]
    assert [row.line for row in rows] == [2, 3, 5, 6, 7]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b'[{"a":1},\n{"b":"x', "line 2: the file ends within the list; this element is cut short"),
        (b'[{"a":1}', "line 1: the file ends within the list; this element is cut short"),
        (b'[{"a":1}] [', "line 1: there is more after the end of the list"),
        (b'[{"a":1},]', "line 1: an element is missing after a comma"),
        (b'{"a":1', "line 1, column 7: expecting ',' delimiter"),
        (b"7", "line 1: a row must be an object, not a number"),
    ],
)
def test_documents_that_end_badly(tmp_path: Path, data: bytes, error: str) -> None:
    assert read(tmp_path, data)[-1].error == error


def test_elements_larger_than_the_window(tmp_path: Path) -> None:
    rows = [{"n": n, "text": 'é]"{' * size} for n, size in enumerate((1, 200_000, 3, 500_000, 0))]
    assert [row.fields for row in read(tmp_path, json.dumps(rows, ensure_ascii=False).encode())] == rows


@given(st.binary(max_size=100), st.integers(0, 60))
def test_any_prefix_and_any_bytes_end_well(tmp_path_factory: pytest.TempPathFactory, tail: bytes, cut: int) -> None:
    whole = b'[{"a": "x\\"y", "b": [1, {"c": null}]}, {"d": 2.5}, {"e": "z"}]'
    for row in read(tmp_path_factory.getbasetemp(), whole[:cut] + tail):
        assert (row.fields is None) == bool(row.error)
