"""JSON text to rows and back: the decoder, the words for what is wrong with a line, and the encoder.

Decisions taken here once for all formats: of duplicate keys the last one counts; NaN, Infinity, numbers beyond a
double and lone surrogates are not JSON, so a row with one cannot be read; on the way out NaN and Infinity become
null and a lone surrogate becomes U+FFFD, because one row with an escaped surrogate would make the whole file
unreadable to Arrow, and so to trainers.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from seedbed.graph.messages import kind

RAW = 2000
"""Characters of a bad row that are kept."""

decode_row = msgspec.json.Decoder(dict[str, Any]).decode
"""The fields of a JSON object. Raises ValueError or RecursionError; `explain` then says why."""

UNREADABLE = (ValueError, RecursionError)
"""What `decode_row` raises."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_LONE = re.compile("[\ud800-\udfff]")


def encode_row(row: dict[str, Any]) -> bytes:
    """One row as JSON in UTF-8: keys in their order, numbers in full. Raises TypeError or RecursionError."""
    try:
        return _encode(row)
    except UnicodeEncodeError:
        return _encode(_without_surrogates(row))


def plain(value: Any) -> Any:
    """A value made of JSON values only: dates become ISO text, bytes base64, decimals text, NaN null.

    Raises TypeError, RecursionError or ValueError for what has no such form.
    """
    return _decode(_encode(value))


def raw_text(data: bytes) -> str:
    """What is kept of a bad row: its first 2,000 characters, bytes that are not UTF-8 written as \\xNN."""
    return data[: RAW * 4].decode("utf-8", "backslashreplace").rstrip("\r\n")[:RAW]


def explain(data: bytes, line: int) -> str:
    """Why `decode_row` refused a text that starts on `line`, with the place. For the slow path only."""
    try:
        text = data.decode("utf-8").rstrip()
    except UnicodeDecodeError as error:
        return not_utf8(data, error.start, line)
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        what = error.msg[0].lower() + error.msg[1:].removesuffix(" at").removesuffix(" starting")
        return f"line {line + error.lineno - 1}, column {error.colno}: {what}"
    except RecursionError:
        return f"line {line}: nested too deeply"
    except ValueError as error:
        return f"line {line}: {error}"
    if not isinstance(value, dict):
        return f"line {line}: a row must be an object, not {kind(value)}"
    return f"line {line}: {_oddity(text)}"


def not_utf8(data: bytes, start: int, line: int) -> str:
    """The words for a byte that is not UTF-8, `start` bytes into a text that starts on `line`."""
    line += data.count(b"\n", 0, start)
    byte = start - data.rfind(b"\n", 0, start)
    return f"line {line}, byte {byte}: 0x{data[start]:02x} is not UTF-8"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value; null would be right")


def _oddity(text: str) -> str:
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "half of a surrogate pair (such as \\ud800) is not text"
    return "a number is out of range"


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(item) for item in value]
    return value
