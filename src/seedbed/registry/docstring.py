"""Docstrings read: what a function does, and what each of its parameters is, in Google, NumPy or reST form.

Whatever is in none of these forms is description.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import NamedTuple

_PARAMETERS = {"args", "arguments", "parameters", "params", "other parameters", "keyword args", "keyword arguments"}
_SECTIONS = _PARAMETERS | {
    "returns", "return", "yields", "raises", "examples", "example", "note", "notes", "attributes", "see also",
    "references", "warnings", "warns", "warning", "todo", "receives",
}  # fmt: skip
_GOOGLE = re.compile(r"(?P<names>\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?:\((?P<type>.*?)\))?\s*:\s*(?P<text>.*)")
_NUMPY = re.compile(r"(?P<names>\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?")
_REST = re.compile(
    r":(?:param|parameter|arg|argument|key|keyword)\s+(?:[^:]*\s)?\*{0,2}(?P<name>\w+)\s*:\s*(?P<text>.*)"
)
_REST_ANY = re.compile(r":\w+(?:\s[^:]*)?:")


class Docstring(NamedTuple):
    """A docstring in its parts."""

    text: str
    """What stands before parameters and other sections, a paragraph a line."""
    parameters: dict[str, str]
    """By name, without stars."""


def read_docstring(text: str | None) -> Docstring:
    """The parts of a docstring; None has none."""
    description: list[str] = []
    parameters: dict[str, str] = {}
    for title, lines, underlined in _parts(inspect.cleandoc(text or "").splitlines()):
        if title == "":
            rest, found = _rest(lines)
            description += rest
            parameters |= found
        elif title in _PARAMETERS:
            parameters |= dict(_numpy(lines) if underlined else _google(lines))
    paragraphs = re.split(r"\n\s*\n", "\n".join(description).strip())
    return Docstring("\n".join(_joined(paragraph.splitlines()) for paragraph in paragraphs), parameters)


def _parts(lines: list[str]) -> Iterator[tuple[str, list[str], bool]]:
    """Sections: title ("" for what comes first), lines, and whether the title is underlined, as in NumPy's form."""
    title, body, underlined = "", list[str](), False
    i = 0
    while i < len(lines):
        word = lines[i].strip().lower()
        line = i + 1 < len(lines) and re.fullmatch(r"-{3,}", lines[i + 1].strip()) is not None
        indented = lines[i][:1].isspace()
        if not indented and ((line and word in _SECTIONS) or (word.endswith(":") and word[:-1] in _SECTIONS)):
            yield title, body, underlined
            title, body, underlined = word.removesuffix(":"), [], line
            i += 1 + line
            continue
        body.append(lines[i])
        i += 1
    yield title, body, underlined


def _rest(lines: list[str]) -> tuple[list[str], dict[str, str]]:
    """The lines before the first `:field:`, and the parameters among the fields."""
    start = next((i for i, line in enumerate(lines) if _REST_ANY.match(line)), len(lines))
    found: dict[str, list[str]] = {}
    body: list[str] = []
    for line in lines[start:]:
        if match := _REST.match(line):
            body = found[match["name"]] = [match["text"]]
        elif _REST_ANY.match(line):
            body = []
        else:
            body.append(line)
    return lines[:start], {name: _joined(text) for name, text in found.items()}


def _google(lines: list[str]) -> Iterator[tuple[str, str]]:
    for head, body in _items(lines):
        if match := _GOOGLE.fullmatch(head):
            for name in match["names"].split(","):
                yield name.strip().lstrip("*"), _joined([match["text"], *body])


def _numpy(lines: list[str]) -> Iterator[tuple[str, str]]:
    for head, body in _items(lines):
        if match := _NUMPY.fullmatch(head):
            for name in match["names"].split(","):
                yield name.strip().lstrip("*"), _joined(body)


def _items(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each least indented line, with the more indented ones below it."""
    said = [line for line in lines if line.strip()]
    least = min((len(line) - len(line.lstrip()) for line in said), default=0)
    head, body = "", list[str]()
    for line in said:
        if len(line) - len(line.lstrip()) > least:
            body.append(line)
            continue
        if head:
            yield head, body
        head, body = line.strip(), []
    if head:
        yield head, body


def _joined(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines if line.strip())
