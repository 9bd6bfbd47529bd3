"""One document a file, read whole: what the text and Markdown formats share."""

from __future__ import annotations

import io
from pathlib import Path

from seedbed.errors import InputError, RowError
from seedbed.io.compression import reading
from seedbed.io.contract import Row
from seedbed.io.rows import not_utf8, raw_text

LARGEST = 256 << 20
"""Bytes in the largest document that is read."""


def read_document(path: Path, name: str) -> Row:
    """The document as a row with `text`, line ends as `\\n`, and `path`. A file that is not UTF-8 is a bad row."""
    try:
        with reading(path, name) as file:
            data = file.read(LARGEST + 1)
    except RowError as error:
        return Row(None, 1, error.message)
    if len(data) > LARGEST:
        return Row(None, 1, f"larger than {LARGEST >> 20} MiB, too large for one record", raw_text(data[:8000]))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Row(None, 1, _where_not_utf8(data), raw_text(data[:8000]))
    return Row({"text": io.IncrementalNewlineDecoder(None, True).decode(text, True), "path": name}, 1)


def no_writer(kind: str) -> InputError:
    """The error for writing documents, which are a source only."""
    return InputError(f"{kind} files are a source, not a sink", hint="write to .jsonl, .json, .csv or .parquet")


def _where_not_utf8(data: bytes) -> str:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return not_utf8(data, error.start, 1)
    return "not UTF-8"
