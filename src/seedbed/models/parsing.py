"""From a reply to a node's value: what is usable, and how it is read (`schema:` and `parse:`).

A reply that cannot be read is a BadReply: recorded and asked again, never a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from textwrap import dedent
from typing import Annotated, Any

from pydantic import WithJsonSchema

from seedbed.errors import BadReply
from seedbed.graph.contracts import Issue
from seedbed.graph.json_schema import Checker
from seedbed.models.contract import Reply
from seedbed.models.lists import parse_list
from seedbed.models.structured import Parsed, parse_json, without_thinking
from seedbed.models.tools import Tool, calls_as_text, read_calls

_KINDS = ("json", "list", "code", "tag", "regex")
_TAG = r"[A-Za-z_][\w-]*"
_OPTIONS: dict[str, dict[str, Any]] = {
    "code": {"code": {"type": "string", "minLength": 1}},
    "tag": {"tag": {"type": "string", "pattern": f"^{_TAG}$"}},
    "regex": {"regex": {"type": "string", "minLength": 1}, "group": {"type": ["integer", "string"]}},
}
_EXAMPLES = {"tag": "{tag: answer}", "regex": '{regex: "Score: (\\\\d+)"}', "code": "{code: python}"}

Parse = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["json", "list", "code", None]},
                *(
                    {"type": "object", "properties": options, "required": [kind], "additionalProperties": False}
                    for kind, options in _OPTIONS.items()
                ),
            ]
        }
    ),
]
"""How a reply is read: `json`, `list`, `code`, or a map: `{code: python}`, `{tag: answer}`, `{regex: …, group: 1}`."""

Read = Callable[[str], Parsed]

_FENCE = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[^\s`]*)[^\n]*\n(?P<body>.*?)^[ \t]*(?P=fence)[ \t]*$",
    re.DOTALL | re.MULTILINE,
)
_ALIASES = {
    "py": "python", "python3": "python", "js": "javascript", "ts": "typescript", "sh": "bash", "shell": "bash",
    "c++": "cpp", "yml": "yaml", "rs": "rust", "golang": "go", "rb": "ruby", "cs": "csharp", "c#": "csharp",
}  # fmt: skip


def acceptor(parse: Any = None, checker: Checker | None = None) -> Callable[[Reply], Parsed]:
    """The function that makes a value of a reply, or raises BadReply: for a schema, for `parse:`, or for plain text."""
    read = _reader(parse) if parse is not None else (lambda text: parse_json(text, checker)) if checker else Parsed

    def accept(reply: Reply) -> Parsed:
        _refuse_unfinished(reply)
        _refuse_blank(reply)
        return read(reply.text)

    return accept


def tool_acceptor(tools: Sequence[Tool], required: bool = False) -> Callable[[Reply], Parsed]:
    """The function that makes {content, tool_calls: [{name, arguments}]} of a reply, or raises BadReply where a call is
    of no such tool or with wrong arguments, or where a call is `required` and there is none."""
    by_name = {tool.name: tool for tool in tools}

    def accept(reply: Reply) -> Parsed:
        _refuse_unfinished(reply)
        calls = reply.tool_calls or []
        if not calls:
            _refuse_blank(reply)
        try:
            read = read_calls(calls, by_name)
        except BadReply as error:
            error.reply = calls_as_text(calls)
            raise
        if required and not calls:
            feedback = f"Call one of your tools: {', '.join(by_name)}."
            raise BadReply("the model calls no tool", reply=reply.text, feedback=feedback)
        called = [{"name": tool.name, "arguments": arguments} for tool, arguments in read]
        return Parsed({"content": reply.text or None, "tool_calls": called})

    return accept


def _refuse_unfinished(reply: Reply) -> None:
    if reply.finish_reason == "length":
        raise BadReply("the reply was cut at its token limit", hint="raise `max_tokens`", reply=reply.text)
    if reply.finish_reason == "content_filter":
        raise BadReply("the endpoint's content filter stopped the reply", reply=reply.text)


def _refuse_blank(reply: Reply) -> None:
    if not reply.text or reply.text.isspace():
        thought = ": the model only thought" if reply.reasoning else ""
        raise BadReply(f"the reply is empty{thought}", reply=reply.text)


def check_parse(written: Any) -> Iterator[Issue]:
    """What is wrong with a `parse:` as written."""
    path: tuple[str, ...] = ("parse",)
    if isinstance(written, str):
        if written in ("tag", "regex"):
            yield Issue(path, f"`parse: {written}` does not say which", f"write `parse: {_EXAMPLES[written]}`")
        elif written not in _KINDS:
            yield Issue(path, f"there is no `parse: {written}`", _nearest(written))
        return
    if not isinstance(written, Mapping):
        yield Issue(path, "`parse` is a word or a map", f"there are {', '.join(_KINDS)}")
        return
    kind = next((kind for kind in _OPTIONS if kind in written), None)
    if kind is None:
        word = next(iter(written), "")
        known = word in _KINDS
        fix = f"write `parse: {word}`" if known else _nearest(str(word))
        yield Issue(path, f"`{word}` has no options" if known else f"there is no `parse: {word}`", fix)
        return
    for key in written.keys() - _OPTIONS[kind].keys():
        yield Issue((*path, key), f"unknown key `{key}`", f"keys beside `{kind}`: {', '.join(_OPTIONS[kind])}")
    value = written[kind]
    if not isinstance(value, str) or not value:
        yield Issue((*path, kind), f"`{kind}` must be text", f"write `parse: {_EXAMPLES[kind]}`")
    elif kind == "tag" and not re.fullmatch(_TAG, value):
        yield Issue((*path, kind), f"`{value}` is not the name of a tag", f"write `parse: {_EXAMPLES[kind]}`")
    elif kind == "regex":
        yield from _check_regex(value, written.get("group"), path)


def _check_regex(text: str, group: Any, path: tuple[str, ...]) -> Iterator[Issue]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        yield Issue((*path, "regex"), f"not a regular expression: {error}", "mend it; Python's syntax is meant")
        return
    groups = [*range(pattern.groups + 1), *pattern.groupindex]
    if group is not None and (isinstance(group, bool) or group not in groups):
        has = ", ".join(map(str, groups[1:])) or "none but 0, all that matches"
        yield Issue((*path, "group"), f"the pattern has no group {group!r}", f"it has {has}")


def _nearest(word: str) -> str:
    near = get_close_matches(word, _KINDS, 1)
    return f"did you mean `{near[0]}`?" if near else f"there are {', '.join(_KINDS)}"


def _reader(written: Any) -> Read:
    if written == "json":
        return parse_json
    if written == "list":
        return lambda text: Parsed(parse_list(text))
    if written == "code":
        return lambda text: Parsed(_code(text, ""))
    if "code" in written:
        return lambda text: Parsed(_code(text, written["code"]))
    if "tag" in written:
        return lambda text: Parsed(_tagged(text, written["tag"]))
    pattern = re.compile(written["regex"])
    group = written.get("group", 1 if pattern.groups else 0)
    return lambda text: Parsed(_matched(text, pattern, group))


def _code(text: str, language: str) -> str:
    """The first fenced block of a language; a block that names none will do where no other is."""
    wanted = _language(language)
    blocks = [(_language(m["language"]), m["body"]) for m in _FENCE.finditer(without_thinking(text))]
    of_language = [body for found, body in blocks if found == wanted or not wanted]
    bodies = of_language or [body for found, body in blocks if not found]
    code = dedent(bodies[0]).rstrip() if bodies else ""
    if not code:
        kind = f"{language} " if language else ""
        feedback = f"Answer again, with the {kind}code in a block fenced by ```{language} and ```."
        raise BadReply(f"the reply has no block of {kind}code", reply=text, feedback=feedback)
    return code


def _language(word: str) -> str:
    word = word.lower().strip("{}.")
    return _ALIASES.get(word, word)


def _tagged(text: str, tag: str) -> str:
    """What stands in the last `<tag>…</tag>`, or after `<tag>` where a stop sequence took the end away."""
    said = text if tag.lower() in ("think", "thinking", "reasoning") else without_thinking(text)
    openings = [match.end() for match in re.finditer(rf"<{tag}(?:\s[^<>]*)?>", said, re.IGNORECASE)]
    closings = [match.start() for match in re.finditer(rf"</{tag}\s*>", said, re.IGNORECASE)]
    closed = [opening for opening in openings if closings and opening <= closings[-1]]
    value = (said[closed[-1] : closings[-1]] if closed else said[openings[-1] :] if openings else "").strip()
    if not value:
        what = f"<{tag}> in the reply is empty" if openings else f"the reply has no <{tag}>"
        feedback = f"Answer again, with what was asked for between <{tag}> and </{tag}>."
        raise BadReply(what, reply=text, feedback=feedback)
    return value


def _matched(text: str, pattern: re.Pattern[str], group: int | str) -> str:
    match = pattern.search(text)
    value = match[group] if match else None
    if value is None:
        raise BadReply(f"the reply does not match /{pattern.pattern}/", reply=text)
    return value
