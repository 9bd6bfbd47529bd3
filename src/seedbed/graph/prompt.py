"""A prompt as written: text for one user message, or a list of turns `- system: …`, `- user: …`.

Knows no model: it makes messages in the form {role, content}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import WithJsonSchema

from seedbed.graph.contracts import Issue, Read
from seedbed.template.text import compile_text

ROLES = ("system", "developer", "user", "assistant")

Written = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "null"},
                {"type": "string", "pattern": "\\S"},
                {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "properties": {role: {"type": "string", "pattern": "\\S"} for role in ROLES},
                        "minProperties": 1,
                        "maxProperties": 1,
                        "additionalProperties": False,
                    },
                },
            ]
        }
    ),
]
"""A prompt in a pipeline file."""

Path = tuple[str | int, ...]
Messages = list[dict[str, Any]]


class Prompt:
    """A prompt with its templates compiled."""

    def __init__(self, written: Any) -> None:
        turns = [(role, compile_text(text)) for role, text, _ in _turns(written, ())]
        instructions = 0
        while instructions < len(turns) and turns[instructions][0] in ("system", "developer"):
            instructions += 1
        self._instructions = turns[:instructions]
        self._turns = turns[instructions:]

    def instructions(self, scope: dict[str, Any]) -> Messages:
        """The system and developer messages at its beginning."""
        return [{"role": role, "content": text.render(scope)} for role, text in self._instructions]

    def turns(self, scope: dict[str, Any]) -> Messages:
        """The messages after them."""
        return [{"role": role, "content": text.render(scope)} for role, text in self._turns]


def read_prompt(written: Any, path: Path) -> Iterator[Read]:
    """Its templates, each with the path to it."""
    for _, text, place in _turns(written, path):
        yield Read("template", text, place)


def check_prompt(written: Any, path: Path) -> Iterator[Issue]:
    """What is wrong with the way it is written."""
    if isinstance(written, str):
        if not written.strip():
            yield Issue(path, "the prompt is empty", "write what the model is to do")
    elif isinstance(written, list):
        if not written:
            yield Issue(path, "the prompt is empty", "write at least one turn: `- user: …`")
        for i, turn in enumerate(written):
            yield from _check_turn(turn, (*path, i))
    elif isinstance(written, Mapping):
        yield Issue(path, "a prompt of several turns is a list", "write `- system: …` and `- user: …` below each other")
    else:
        yield Issue(path, "a prompt is text or a list of turns", "write text, or `- user: …`")


def _check_turn(turn: Any, path: Path) -> Iterator[Issue]:
    if isinstance(turn, Mapping) and turn.keys() == {"role", "content"}:
        yield Issue(path, "a turn is written with its role as the key", f"write `- {turn['role']}: …`")
        return
    if not isinstance(turn, Mapping) or len(turn) != 1:
        yield Issue(path, "a turn is a map of one role to its text", "write `- user: …`, one turn an item")
        return
    ((role, text),) = turn.items()
    if role not in ROLES:
        near = get_close_matches(str(role), ROLES, 1)
        fix = f"did you mean `{near[0]}`?" if near else f"roles are {', '.join(ROLES)}"
        yield Issue((*path, role), f"there is no role `{role}`", fix)
    elif not isinstance(text, str):
        yield Issue((*path, role), f"what the {role} says must be text", "put it in quotes")
    elif not text.strip():
        yield Issue((*path, role), f"the {role}'s turn is empty", "write its text, or leave the turn out")


def _turns(written: Any, path: Path) -> Iterator[tuple[str, str, Path]]:
    """Role, text and place of each turn that is well written."""
    if isinstance(written, str):
        yield "user", written, path
    elif isinstance(written, list):
        for i, turn in enumerate(written):
            for role, text in turn.items() if isinstance(turn, Mapping) else ():
                if isinstance(text, str):
                    yield role, text, (*path, i, role)
