"""The few words that stand for a part of a pipeline in a drawing: one line each, printable, without secrets."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator
from typing import Any

from seedbed.graph.contracts import Goto, Node, SetValue, Spec
from seedbed.graph.plan import GraphPlan, HoldsGraph
from seedbed.graph.spec_io import SinkSpec, SourceSpec

_ELSEWHERE = frozenset(
    {"type", "nodes", "edges", "model", "prompt", "params", "output", "when", "on_error", "max_visits"}
)
"""Settings that a drawing shows in another way, or that are too long for one line."""

_LONGEST = 200
"""Characters of a text that no drawing has room for anyway."""


def one_line(text: Any, secrets: Collection[str] = ()) -> str:
    """`text` without line breaks, control characters and secrets, cut where it is very long."""
    plain = str(text)
    for secret in secrets:
        plain = plain.replace(secret, "<redacted>")
    plain = " ".join(plain.split())
    plain = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in plain)
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"


def compact(value: Any) -> str:
    """A setting as one would write it in YAML on one line."""
    if isinstance(value, Spec):
        value = value.model_dump(by_alias=True, exclude_unset=True)
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {compact(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(compact(item) for item in value) + "]"
    return str(value)


def settings(spec: Spec) -> list[str]:
    """What was written for a step, `key: value` each, in the order in which its type declares them."""
    return [value if key == "call" else f"{key}: {_brief(value)}" for key, value in _written(spec)]


def main_setting(node: Node) -> str:
    """The first setting of a node in few words: of maps their keys, of lists their items."""
    for key, value in _written(node):
        short = ", ".join(map(_plain, value)) if isinstance(value, dict | list) else compact(value)
        return short if key in (node.type, "call") else f"{key}: {short}"
    return ""


def _written(spec: Spec) -> Iterator[tuple[str, Any]]:
    for name, field in type(spec).model_fields.items():
        key = field.alias or name
        if name in spec.model_fields_set and key not in _ELSEWHERE:
            yield key, getattr(spec, name)


def _brief(value: Any) -> str:
    """A map of names as it is, a map of anything longer by its keys."""
    if isinstance(value, dict):
        names = all(isinstance(item, str) and item.isidentifier() for item in value.values())
        return ", ".join(f"{key}: {item}" if names else key for key, item in value.items())
    return ", ".join(map(_plain, value)) if isinstance(value, list) else compact(value)


def _plain(item: Any) -> str:
    return item if isinstance(item, str) else compact(item)


def node_words(node: Node) -> Iterator[str]:
    """The lines below a node's name: type and models, its main setting, and how it departs from others."""
    models = list(dict.fromkeys(model for model, _ in node.models()))
    yield " · ".join([node.type, *models])
    if main := main_setting(node):
        yield main
    if node.when is not None:
        yield f"if {node.when}"
    if node.on_error == "drop":
        yield "on error: drop"
    elif isinstance(node.on_error, SetValue):
        yield f"on error: {compact(node.on_error.set)}"
    elif isinstance(node.on_error, Goto):
        yield f"on error: go to {node.on_error.goto}"
    if isinstance(node, HoldsGraph) and node._plan is not None:
        yield from _inside(node._plan)


def _inside(plan: GraphPlan, indent: str = "") -> Iterator[str]:
    """A line for each node of a graph inside of a node."""
    for i, node in enumerate(plan.nodes.values(), 1):
        last = i == len(plan.nodes)
        models = dict.fromkeys(model for model, _ in node.models())
        yield f"{indent}{'└' if last else '├'} {node.name} · {' · '.join([node.type, *models])}"
        if isinstance(node, HoldsGraph) and node._plan is not None:
            yield from _inside(node._plan, f"{indent}{'·' if last else '│'} ")


def counted(number: int, word: str) -> str:
    """`1 record`, `2 records`."""
    return f"{number:,} {word}{'s' * (number != 1)}"


def source_words(source: SourceSpec) -> str:
    """A source in one line."""
    if source.count is not None:
        words = [f"{counted(source.count, 'record')} without fields"]
    elif source.records is not None:
        words = [f"{counted(len(source.records), 'record')} written in place"]
    else:
        words = [", ".join("standard input" if path == "-" else path for path in source.paths)]
    if source.format:
        words.append(source.format)
    if source.limit:
        words.append(f"first {source.limit:,}")
    if source.repeat:
        words.append("repeats")
    return " · ".join(words)


def sink_words(sink: SinkSpec) -> str:
    """A sink in one line."""
    words = ["standard output" if sink.path == "-" else sink.path]
    words += [word for word in (sink.format, sink.file) if word]
    if sink.mode == "append":
        words.append("appends")
    return " · ".join(words)


def cells(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return len(text) if text.isascii() else sum(map(char_cells, text))


def char_cells(char: str) -> int:
    """How many columns of a terminal a character takes: 0, 1 or 2."""
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, width: int) -> str:
    """`text` in at most `width` columns. A path or reference loses its middle, other text its end."""
    if cells(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    if "/" in text.split(": ")[-1] and " " not in text.split(": ")[-1]:
        tail = _fitting(reversed(text), (width - 1) * 2 // 3)[::-1]
        return _fitting(text, width - 1 - cells(tail)) + "…" + tail
    return _fitting(text, width - 1).rstrip() + "…"


def _fitting(chars: Any, width: int) -> str:
    found, used = "", 0
    for char in chars:
        used += char_cells(char)
        if used > width:
            break
        found += char
    return found


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` columns, broken at spaces, and within words that are too long."""
    if "\n" in text:
        return [line for part in text.split("\n") for line in wrapped(part, width)]
    lines: list[str] = []
    for word in text.split(" "):
        if lines and cells(lines[-1]) + 1 + cells(word) <= width:
            lines[-1] += " " + word
            continue
        while cells(word) > width:
            head = _fitting(word, width) or word[0]
            lines.append(head)
            word = word[len(head) :]
        if word or not lines:
            lines.append(word)
    return lines


def balanced(text: str, width: int) -> list[str]:
    """As `wrapped`, with lines of about one length."""
    lines = wrapped(text, width)
    longest = max(map(cells, text.split()), default=0)
    while width > max(8, longest) and len(narrower := wrapped(text, width - 1)) == len(lines):
        lines, width = narrower, width - 1
    return lines
