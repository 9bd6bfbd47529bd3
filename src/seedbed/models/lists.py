"""A list in a reply: JSON, numbered, with bullets, one item a line, or with commas."""

from __future__ import annotations

import re

from seedbed.errors import BadReply
from seedbed.models.structured import parse_json, without_thinking

_ITEM = re.compile(r"(?P<indent>[ \t]*)(?P<mark>(?P<number>\(?\d{1,4}[.):])|[-*+•‣–])[ \t]+(?P<text>\S.*)")
_COMMA = re.compile(r"\s*[,，、]\s*")


def parse_list(text: str) -> list[str]:
    """The items of a list in a reply, as texts. Raises BadReply."""
    said = without_thinking(text).strip()
    if said.startswith(("[", "{", "```")):
        return _json_list(text)
    lines = said.splitlines()
    items = _marked(lines) or _plain(lines)
    if not items:
        raise BadReply("the reply holds no list", reply=text, feedback="Answer again, with one item a line.")
    return items


def _json_list(text: str) -> list[str]:
    value = parse_json(text).value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return value
    raise BadReply("the reply is no list of texts", reply=text, feedback="Answer again, with a JSON list of texts.")


def _marked(lines: list[str]) -> list[str]:
    """The items that are numbered or have bullets; lines before the first and after the list are left out.

    Items look like the first one; what is indented more, or has another mark, belongs to the item above it.
    """
    items: list[list[str]] = []
    numbered, depth = False, 0
    open_item = False
    for line in lines:
        match = _ITEM.fullmatch(line.rstrip())
        if match and not items:
            numbered, depth = bool(match["number"]), len(match["indent"])
        if match and bool(match["number"]) == numbered and len(match["indent"]) <= depth:
            items.append([match["text"]])
            open_item = True
        elif items and line.strip():
            indented = len(line) - len(line.lstrip()) > depth
            open_item = open_item and (indented or match is not None)
            if open_item:
                items[-1].append(line.strip())
    return ["\n".join(item) for item in items]


def _plain(lines: list[str]) -> list[str]:
    filled = [line.strip() for line in lines if line.strip()]
    if len(filled) > 1 and filled[0].endswith(":"):
        filled = filled[1:]
    if len(filled) != 1:
        return filled
    return [item.strip("\"'“”") for item in _COMMA.split(filled[0]) if item.strip("\"'“” ")]
