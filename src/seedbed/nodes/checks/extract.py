"""Finds the final answer in a reply: in a box, in a tag, after `####` or after the words that announce it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field

from seedbed.graph.contracts import Spec
from seedbed.models.structured import without_thinking


class Tagged(Spec):
    """Between a pair of tags."""

    tag: Annotated[str, Field(pattern=r"^[A-Za-z_][\w-]*$")]
    """The name of the tag; the last pair counts."""


class After(Spec):
    """After a mark, to the end of its line."""

    after: Annotated[str, Field(min_length=1)]
    """The mark; its last place counts."""


Where = Literal["auto", "all", "boxed", "last_line"] | Tagged | After
"""`auto`: a box, a tag, `####`, or what follows "the answer is"; `all`: the whole text; `boxed`: the last `\\boxed{…}`;
`last_line`: the last line that is not blank; `{tag: answer}`; `{after: "####"}`."""

_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_SAID = re.compile(
    r"\b(?:final\s+answer|answer|result|solution)\b[*_]*\s*(?:\b(?:is|are|equals|would\s+be)\b|[:=])\s*"
    r"(?:\b(?:is|that)\b|[:=])?[ \t]*",
    re.IGNORECASE,
)
_MARKS = "*_` \t"
_SENTENCE_END = re.compile(r"\.(?=\s|$)")


def extractor(where: Where) -> Callable[[str], str | None]:
    """The function that finds the answer in a text; None where there is none."""
    if isinstance(where, Tagged):
        tag = where.tag
        return lambda text: tagged(without_thinking(text), tag)
    if isinstance(where, After):
        mark = where.after
        return lambda text: after(without_thinking(text), mark)
    finders: dict[str, Callable[[str], str | None]] = {
        "auto": announced, "all": _whole, "boxed": boxed, "last_line": last_line,
    }  # fmt: skip
    find = finders[where]
    return lambda text: find(without_thinking(text))


def missing(where: Where) -> tuple[str, str]:
    """What to say where nothing was found: what is missing, and what would be right."""
    if isinstance(where, Tagged):
        return f"there is no <{where.tag}>…</{where.tag}>", f"put the answer between <{where.tag}> and </{where.tag}>"
    if isinstance(where, After):
        return f"nothing stands after `{where.after}`", f"write the answer after `{where.after}`"
    if where == "boxed":
        return "there is no \\boxed{…}", "put the answer into \\boxed{…}"
    return "there is no answer", "end with the answer"


def announced(text: str) -> str | None:
    """What the text marks as its answer by one of the usual ways, the clearest first."""
    found = boxed(text) or tagged(text, "answer") or after(text, "####")
    if found:
        return found
    place = None
    for place in _SAID.finditer(text):  # noqa: B007  (the last one counts)
        pass
    if place is None:
        return None
    rest = text[place.end() :].lstrip().split("\n", 1)[0]
    end = _SENTENCE_END.search(rest)
    return (rest[: end.start()] if end else rest).strip(_MARKS).rstrip(".!;,").strip(_MARKS) or None


def boxed(text: str) -> str | None:
    """The content of the last `\\boxed{…}` whose braces are closed."""
    for opening in reversed(list(_BOX.finditer(text))[-8:]):
        depth = 1
        for place in range(opening.end(), len(text)):
            if text[place] in "{}" and text[place - 1] != "\\":
                depth += 1 if text[place] == "{" else -1
            if depth == 0:
                return text[opening.end() : place].strip() or None
    return None


def tagged(text: str, tag: str) -> str | None:
    """The content of the last `<tag>…</tag>`."""
    closing = text.rfind(f"</{tag}>")
    opening = text.rfind(f"<{tag}>", 0, max(closing, 0))
    return text[opening + len(tag) + 2 : closing].strip() or None if 0 <= opening < closing else None


def after(text: str, mark: str) -> str | None:
    """The rest of the line after the last place of a mark."""
    _, found, rest = text.rpartition(mark)
    return rest.strip().split("\n", 1)[0].strip() or None if found else None


def last_line(text: str) -> str | None:
    """The last line that is not blank."""
    return text.rstrip().rpartition("\n")[2].strip() or None


def _whole(text: str) -> Any:
    return text
