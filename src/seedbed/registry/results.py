"""What a user's function gives back, made into JSON values.

Lists, maps, texts, numbers, true, false and null stay as they are; tuples and sets become lists (a set in a fixed
order), and dataclasses, pydantic models, enums, dates, numpy values and the like what they are written as in JSON.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import msgspec

from seedbed.errors import NodeError

_encode = msgspec.json.Encoder(order="deterministic").encode


def json_value(value: Any) -> Any:
    """`value` as a JSON value. Raises NodeError that names the type if it has no such form."""
    try:
        return _convert(value)
    except RecursionError as error:
        raise NodeError("the result is nested too deeply, or contains itself") from error


def copied(value: Any) -> Any:
    """A JSON value that shares no list and no map with `value`, so that a function may change what it was given."""
    if type(value) is dict:
        return {key: copied(item) for key, item in value.items()}
    if type(value) is list:
        return [copied(item) for item in value]
    return value


def _convert(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _convert(value.value)
    if isinstance(value, str):
        return _text(str(value))
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _number(float(value))
    if isinstance(value, dict):
        return {_key(key): _convert(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_convert(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((_convert(item) for item in value), key=_encode)
    return _foreign(value)


def _foreign(value: Any) -> Any:
    """The JSON form of an object of another library, if it tells one."""
    if callable(dump := getattr(value, "model_dump", None)) and not isinstance(value, type):
        return _convert(dump(mode="json"))
    if hasattr(value, "__array__") and callable(to_list := getattr(value, "tolist", None)):
        return _convert(to_list())
    if isinstance(value, bytes | bytearray | memoryview):
        raise _no_form(value, "decode it to text")

    def nested(item: Any) -> Any:
        if item is value:
            raise TypeError
        return _convert(item)

    try:
        plain = msgspec.to_builtins(value, str_keys=True, enc_hook=nested)
    except TypeError as error:
        raise _no_form(value) from error
    if type(plain) is type(value):
        raise _no_form(value)
    return _convert(plain)


def _no_form(value: Any, hint: str = "return text, numbers, booleans, null, and lists and maps of them") -> NodeError:
    return NodeError(f"the result holds a {type(value).__name__}, which has no JSON form", hint=hint)


def _key(key: Any) -> str:
    if isinstance(key, Enum):
        key = key.value
    if not isinstance(key, str):
        raise NodeError(f"the result holds a map with a key of type {type(key).__name__}", hint="keys must be text")
    return _text(str(key))


def _text(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            hint = "it holds half a surrogate pair; decode it with errors='replace'"
            raise NodeError("the result holds text that is not valid Unicode", hint=hint) from error
    return text


def _number(number: float) -> float:
    if not math.isfinite(number):
        raise NodeError(f"the result holds {number}, which JSON has no number for", hint="return null instead")
    return number
