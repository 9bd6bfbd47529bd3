"""Plain data as YAML 1.2 text that `yaml.py` reads back as the same data. Text of several lines stands in blocks."""

from __future__ import annotations

import io
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString, SingleQuotedScalarString

from seedbed.graph.yaml import scalar

WIDTH = 100
"""Characters of a map or list that may stand on one line."""

_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff]")
"""What only double quotes can hold."""


def to_yaml(data: dict[str, Any]) -> str:
    """The text of plain data: maps with text keys, lists, texts, numbers, booleans and nulls."""
    yaml = YAML()
    yaml.Representer = _Representer
    yaml.width = 10**9
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    yaml.dump(_written(data, 0), text)
    return text.getvalue()


class _Representer(RoundTripRepresenter):  # type: ignore[misc,unused-ignore]
    def represent_nothing(self, value: None) -> Any:
        """A null that is seen."""
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(type(None), _Representer.represent_nothing)


def _written(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        written: Any = CommentedMap((_text(key), _written(item, depth + 1)) for key, item in value.items())
    elif isinstance(value, list):
        written = CommentedSeq(_written(item, depth + 1) for item in value)
    else:
        return _text(value) if isinstance(value, str) else value
    # The parts of a pipeline stand on lines of their own; what is in them is written short where it is short.
    if depth > 1 and _length(value) <= WIDTH:
        written.fa.set_flow_style()
    return written


def _text(text: str) -> Any:
    if _UNSAFE.search(text):
        return DoubleQuotedScalarString(text)
    if "\n" in text:
        block = not text[0].isspace() and not text.endswith("\n\n")
        return LiteralScalarString(text) if block else DoubleQuotedScalarString(text)
    # ruamel leaves these plain though they are read as something else: other scalars, a merge, a key in a short map.
    if scalar(text) is not text or text == "<<" or text.startswith(("?", ":")):
        return SingleQuotedScalarString(text)
    return text


def _length(value: Any) -> int:
    """About how long a value is on one line; beyond all bounds if that would not read well."""
    if isinstance(value, dict):
        return sum(len(key) + 4 + _length(item) for key, item in value.items())
    if isinstance(value, list):
        turns = any(isinstance(item, dict) and len(item) == 1 for item in value)
        return 10**6 if turns else sum(2 + _length(item) for item in value)
    if isinstance(value, str):
        return 10**6 if "\n" in value else len(value) + 2
    return 5
