"""JSON Lines: what a line may be, and what happens to those that are not."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedbed.errors import InputError
from seedbed.io.compression import _zstd
from seedbed.io.contract import Row
from seedbed.io.files import jsonl
from seedbed.io.files.jsonl import Jsonl


def read(folder: Path, data: bytes, name: str = "rows.jsonl") -> list[Row]:
    path = folder / name
    path.write_bytes(data)
    return list(Jsonl().read(path, name))


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (b'{"a":1}\n{"a":2}\n', [({"a": 1}, 1), ({"a": 2}, 2)]),
        (b'{"a":1}\r\n\r\n{"a":2}', [({"a": 1}, 1), ({"a": 2}, 3)]),
        (b'\xef\xbb\xbf{"a":1}\n', [({"a": 1}, 1)]),
        (b'\n  \n{"a":1}\n\n', [({"a": 1}, 3)]),
        (b'{"a":1,"a":2}\n', [({"a": 2}, 1)]),
        (b'{"a":12345678901234567890123}\n', [({"a": 12345678901234567890123}, 1)]),
        (b'{"a":0.1,"b":1e22,"c":"\\ud83d\\ude00"}\n', [({"a": 0.1, "b": 1e22, "c": "😀"}, 1)]),
        (b"", []),
        (b"\n", []),
    ],
)
def test_good_lines(tmp_path: Path, data: bytes, rows: list[tuple[dict[str, object], int]]) -> None:
    assert [(row.fields, row.line) for row in read(tmp_path, data)] == rows


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b'{"a": 1 "b": 2}', "line 2, column 9: expecting ',' delimiter"),
        (b'{"a": 1', "line 2, column 8: expecting ',' delimiter"),
        (b'{"a":"\xc3\xa9\xff"}', "line 2, byte 9: 0xff is not UTF-8"),
        (b"[1]", "line 2: a row must be an object, not a list"),
        (b"null", "line 2: a row must be an object, not null"),
        (b'"x"', "line 2: a row must be an object, not a text"),
        (b'{"a": NaN}', "line 2: NaN is not a JSON value; null would be right"),
        (b'{"a": -Infinity}', "line 2: -Infinity is not a JSON value; null would be right"),
        (b'{"a": "\\ud800"}', "line 2: half of a surrogate pair (such as \\ud800) is not text"),
        (b'{"a": 1e999}', "line 2: a number is out of range"),
        (b'{"a": "x\ty"}', "line 2, column 9: invalid control character"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "line 2: nested too deeply"),
        (b'{"a": 1} {"b": 2}', "line 2, column 10: extra data"),
    ],
)
def test_a_bad_line_says_where_and_what_and_the_rest_goes_on(tmp_path: Path, line: bytes, error: str) -> None:
    first, bad, last = read(tmp_path, b'{"a":1}\n' + line + b'\n{"a":3}\n')
    assert (first.fields, last.fields, last.line) == ({"a": 1}, {"a": 3}, 3)
    assert (bad.fields, bad.line, bad.error) == (None, 2, error)
    assert bad.raw == line.decode("utf-8", "backslashreplace")[:2000]


def test_a_huge_number_is_a_bad_row(tmp_path: Path) -> None:
    (row,) = read(tmp_path, b'{"a":' + b"1" * 5000 + b"}")
    assert row.fields is None
    assert row.error


def test_ten_megabyte_rows(tmp_path: Path) -> None:
    text = "é" * 5_000_000
    rows = read(tmp_path, f'{{"a":"{text}"}}\n{{"a":"{text}\n{{"a":1}}\n'.encode())
    assert rows[0].fields == {"a": text}
    assert rows[1].error.startswith("line 2, column")
    assert len(rows[1].raw) == 2000
    assert rows[2].fields == {"a": 1}


def test_a_line_beyond_the_limit_is_one_bad_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "LONGEST", 1 << 20)
    rows = read(tmp_path, b'{"a":1}\n' + b"x" * (5 << 20) + b'\n{"a":3}\n')
    assert [row.line for row in rows] == [1, 2, 3]
    assert rows[1].error == "line 2: longer than 1 MiB"
    assert rows[2].fields == {"a": 3}


def test_a_json_document_called_jsonl_gets_a_hint(tmp_path: Path) -> None:
    rows = read(tmp_path, b'[\n  {"a": 1}\n]\n')
    assert "say `format: json`" in rows[0].error


@pytest.mark.parametrize(("ending", "squeeze"), [(".gz", gzip.compress), (".zst", lambda data: _zstd().compress(data))])
def test_compressed_files_and_their_prefixes(tmp_path: Path, ending: str, squeeze) -> None:
    lines = b"".join(b'{"a":%d,"b":"%s"}\n' % (n, b"xyz" * (n % 50)) for n in range(2000))
    data = squeeze(lines)
    assert [row.fields["a"] for row in read(tmp_path, data, "r.jsonl" + ending)] == list(range(2000))
    cuts = [1, 2, 5, 12, len(data) // 3, len(data) // 2, len(data) - 9, len(data) - 1]
    for cut in cuts:
        *good, bad = read(tmp_path, data[:cut], "r.jsonl" + ending)
        assert [row.fields["a"] for row in good] == list(range(len(good)))
        assert bad.fields is None
        assert "cut short" in bad.error or "damaged" in bad.error
    *good, bad = read(tmp_path, data[: len(data) // 2], "r.jsonl" + ending)
    assert "cut short" in bad.error
    assert read(tmp_path, b"", "r.jsonl.gz") == []


def test_all_whole_lines_before_the_cut_are_read(tmp_path: Path) -> None:
    data = gzip.compress(b"".join(b'{"a":"%s"}\n' % os.urandom(40).hex().encode() for _ in range(3000)))
    data = data[: len(data) // 2]
    whole = zlib.decompressobj(31).decompress(data).count(b"\n")
    *good, bad = read(tmp_path, data, "r.jsonl.gz")
    assert (len(good), bad.line) == (whole, whole + 1)


def test_members_that_follow_each_other_are_one_file(tmp_path: Path) -> None:
    both = gzip.compress(b'{"a":1}\n') + gzip.compress(b'{"a":2}\n')
    assert [row.fields for row in read(tmp_path, both, "r.jsonl.gz")] == [{"a": 1}, {"a": 2}]


def test_what_is_not_gzip_is_one_bad_row(tmp_path: Path) -> None:
    (row,) = read(tmp_path, b'{"a":1}\n', "r.jsonl.gz")
    assert "damaged" in row.error


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.jsonl cannot be read: No such file"):
        list(Jsonl().read(tmp_path / "no.jsonl", "no.jsonl"))


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    for row in read(tmp_path_factory.getbasetemp(), data):
        assert (row.fields is None) == bool(row.error)
