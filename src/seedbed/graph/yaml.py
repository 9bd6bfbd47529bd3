"""YAML 1.2 with a position for every key and value.

Values are built here from the parser's nodes, so that all duplicate keys are found (not only the first), and so that
`no`, `012` and `12:30:00` are what the core schema says they are. Knows nothing of pipelines.
"""

from __future__ import annotations

import math
import re
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from seedbed.errors import Problem

Path = tuple[str | int, ...]

MOST_NODES = 1_000_000
"""Aliases may be used, but a file may not unfold to more values than this."""

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = {".inf": math.inf, "-.inf": -math.inf, "+.inf": math.inf, ".nan": math.nan}


@dataclass(slots=True)
class _Mark:
    file: str
    line: int
    column: int
    style: str = ""
    """How a text is written: "" plain, ' or " quoted, | or > block."""
    indent: int = 0
    """For block texts, the column at which the content starts, from 0."""
    said: bool = False
    """Whether Python said the value, so that a position within it is none in the file."""


@dataclass(slots=True)
class Document:
    """A file's value, where each part of it stands, and what is wrong with it."""

    file: str
    data: Any = None
    problems: list[Problem] = field(default_factory=list)
    keys: dict[Path, _Mark] = field(default_factory=dict)
    values: dict[Path, _Mark] = field(default_factory=dict)

    def at_key(self, path: Path, what: str, fix: str = "") -> Problem:
        """A problem about the key at the end of `path`."""
        mark = self.keys.get(path)
        return self.at(path, what, fix) if mark is None else Problem(mark.file, mark.line, mark.column, what, fix)

    def at(self, path: Path, what: str, fix: str = "", *, line: int = 1, column: int = 1) -> Problem:
        """A problem about the value at `path`, or the nearest part above it; `line`, `column` lead into its text."""
        for end in range(len(path), -1, -1):
            mark = self.values.get(path[:end])
            if mark is not None:
                if end < len(path) or mark.said:
                    return Problem(mark.file, mark.line, mark.column, what, fix)
                if mark.style in ("|", ">"):
                    return Problem(mark.file, mark.line + line, mark.indent + column, what, fix)
                shift = column - 1 + len(mark.style) if line == 1 else 0
                return Problem(mark.file, mark.line, mark.column + shift, what, fix)
        return Problem(self.file, 1, 1, what, fix)

    def say(self, path: Path, file: str, line: int) -> None:
        """Notes that a line of Python says what stands at `path`."""
        for place in [*self.values]:
            if place[: len(path)] == path:
                del self.values[place]
        self.values[path] = _Mark(file, line, 1, said=True)
        self.keys.pop(path, None)

    def borrow(self, other: Document, theirs: Path, mine: Path) -> None:
        """Notes that what stands at `mine` stands in `other` at `theirs`."""
        for own, lent in ((self.keys, other.keys), (self.values, other.values)):
            for place in [place for place in own if place[: len(mine)] == mine]:
                del own[place]
            size = len(theirs)
            own.update({(*mine, *place[size:]): mark for place, mark in lent.items() if place[:size] == theirs})

    def copy(self) -> Document:
        """The same document, to be changed apart."""
        return Document(self.file, deepcopy(self.data), [*self.problems], dict(self.keys), dict(self.values))

    def adopt(self, other: Document, path: Path) -> None:
        """Takes over the positions of `other` at and below `path`."""
        size = len(path)
        for mine, theirs in ((self.keys, other.keys), (self.values, other.values)):
            mine.update({p: mark for p, mark in theirs.items() if p[:size] == path})


def read_yaml(text: str, file: str) -> Document:
    """Reads one document. What is wrong is listed in `problems`; what could be read is in `data`."""
    document = Document(file)
    try:
        root = YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = ", ".join(part for part in (error.context, error.problem) if part)
        document.problems.append(Problem(file, line, column, f"not YAML: {what}", _syntax_hint(error.problem or "")))
        return document
    except YAMLError as error:
        document.problems.append(Problem(file, 1, 1, f"not YAML: {' '.join(str(error).split())}"))
        return document
    if root is not None:
        builder = _Builder(document, text.splitlines())
        document.data = builder.build(root, ())
    return document


def _syntax_hint(problem: str) -> str:
    if "mapping values are not allowed" in problem:
        return "put text that holds `: ` in quotes"
    if "cannot start any token" in problem:
        return "indent with spaces, and put text that starts with a special character in quotes"
    return ""


def scalar(text: str) -> Any:
    """The value of an unquoted YAML 1.2 scalar."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text[0] in "tT"
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return _SPECIAL.get(text.lower(), text)


class _Builder:
    def __init__(self, document: Document, lines: list[str]) -> None:
        self.document = document
        self.lines = lines
        self.built = 0

    def build(self, node: Node, path: Path) -> Any:
        self.document.values[path] = self._mark(node)
        self.built += 1
        if self.built > MOST_NODES:
            if self.built == MOST_NODES + 1:
                self._problem(node, "the file's aliases unfold to too many values", "write fewer nested aliases")
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
        tag = str(node.tag or "")
        if tag.startswith("!"):
            self._problem(node, f"unknown tag `{tag}`", "leave it out")
        assert isinstance(node, ScalarNode)
        if node.style == ">":
            return node.value.replace("\a", "")  # the parser marks where it has folded a line
        if node.style or tag == "tag:yaml.org,2002:str":
            return node.value
        return scalar(node.value)

    def _mapping(self, node: MappingNode, path: Path, taken: frozenset[str] = frozenset()) -> dict[str, Any]:
        """The mapping of a node; keys in `taken` are left out (they are written beside the `<<` that leads here)."""
        result: dict[str, Any] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            if isinstance(key_node, ScalarNode) and key_node.value == "<<" and not key_node.style:
                parts = value_node.value if isinstance(value_node, SequenceNode) else [value_node]
                merged += parts
                continue
            if not isinstance(key_node, ScalarNode):
                self._problem(key_node, "a key must be text", "write a plain name")
                continue
            key = key_node.value
            here = (*path, key)
            if key in taken:
                continue
            if key in result:
                first = self.document.keys[here]
                self._problem(key_node, f"duplicate key `{key}`", f"it stands at line {first.line} already: remove one")
                continue
            self.document.keys[here] = self._mark(key_node)
            result[key] = self.build(value_node, here)
        for part in merged:
            if isinstance(part, MappingNode):
                result |= self._mapping(part, path, taken | result.keys())
            else:
                self._problem(part, "`<<` takes a mapping", "point it to an anchored mapping")
        return result

    def _mark(self, node: Node) -> _Mark:
        start = node.start_mark
        style = node.style if isinstance(node, ScalarNode) and node.style in ("'", '"', "|", ">") else ""
        indent = 0
        if style in ("|", ">"):
            for line in self.lines[start.line + 1 :]:
                if line.strip():
                    indent = len(line) - len(line.lstrip(" "))
                    break
        return _Mark(self.document.file, start.line + 1, start.column + 1, style, indent)

    def _problem(self, node: Node, what: str, fix: str) -> None:
        mark = node.start_mark
        self.document.problems.append(Problem(self.document.file, mark.line + 1, mark.column + 1, what, fix))
