"""What nodes keep of replies: the conversation so far, the fields of `save:`, and several answers as one value."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Literal, NamedTuple

from seedbed.errors import NodeError, StopRun
from seedbed.graph.contracts import Visit
from seedbed.graph.prompt import Messages
from seedbed.models.contract import Answer, Reply

INSTRUCTIONS = ("system", "developer")
"""The roles of messages that say how to behave."""

Saved = Literal["reasoning", "logprobs", "usage", "finish_reason", "model", "params"]


class Given(NamedTuple):
    """One answer, with what it took to get it."""

    answer: Answer
    model: str
    """What `save: [model]` writes."""
    params: dict[str, Any]
    """The node's sampling parameters, the drawn ones as drawn."""

    @property
    def reply(self) -> Reply:
        """What was answered."""
        return self.answer.reply


_GET: dict[Saved, Callable[[Given], Any]] = {
    "reasoning": lambda given: given.reply.reasoning,
    "logprobs": lambda given: given.reply.logprobs,
    "usage": lambda given: {
        "input": given.reply.usage.input,
        "output": given.reply.usage.output,
        "cached_input": given.reply.usage.cached_input,
    },
    "finish_reason": lambda given: given.reply.finish_reason,
    "model": lambda given: given.model,
    "params": lambda given: given.params,
}


def keep_one(visit: Visit, output: str, save: Iterable[Saved], given: Given) -> Any:
    """Writes the fields of `save:` for one answer. Returns its value."""
    for name in save:
        visit.write(f"{output}_{name}", _GET[name](given))
    if note := given.answer.value.note:
        visit.notes.append(note)
    return given.answer.value.value


def keep_all(visit: Visit, output: str, save: Iterable[Saved], given: list[Given]) -> list[Any]:
    """Writes the fields of `save:`, each a list as long as the answers are many. Returns the answers' values."""
    for name in save:
        visit.write(f"{output}_{name}", [_GET[name](one) for one in given])
    noted = [(i, one.answer.value.note) for i, one in enumerate(given, 1)]
    visit.notes += [f"answer {i}: {note}" for i, note in noted if note]
    return [one.answer.value.value for one in given]


async def gathered(calls: Iterable[Awaitable[Given]]) -> list[Given]:
    """All answers. A failure waits for the others, so that answers under way are kept; one that stops the run wins."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    if errors:
        raise next((error for error in errors if isinstance(error, StopRun)), errors[0])
    return [result for result in results if not isinstance(result, BaseException)]


def so_far(value: Any, field: str) -> Messages:
    """The messages in a history field. Raises NodeError where it holds something else."""
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(message, dict) and "role" in message for message in value):
        return value
    raise NodeError(f"`{field}` is not a list of messages", hint="a history is null or [{role: …, content: …}, …]")


def as_sent(message: dict[str, Any]) -> dict[str, Any]:
    """A message as a model is sent it: what it thought before is not part of it."""
    return {
        key: value for key, value in message.items() if key != "reasoning" and (value is not None or key == "content")
    }


def with_parts(turns: Messages, parts: list[dict[str, Any]]) -> Messages:
    """The turns with these parts before the text of the last user message; in a message of their own if none asks."""
    if not parts:
        return turns
    for i in range(len(turns) - 1, -1, -1):
        if turns[i]["role"] == "user":
            content = [*parts, {"type": "text", "text": turns[i]["content"]}]
            return [*turns[:i], {**turns[i], "content": content}, *turns[i + 1 :]]
    return [*turns, {"role": "user", "content": parts}]
