"""What a scripted model is asked and what it answers, before anyone makes HTTP or a `Reply` of it."""

from __future__ import annotations

from functools import cached_property
from hashlib import blake2b
from typing import Any

import msgspec

from seedbed.models.contract import FinishReason, ToolCall, Usage
from seedbed.models.script.rules import Fault, Wants

GARBAGE = "<html><body>Bad gateway</body></html>"
"""What comes instead of JSON under `fail: garbage`."""

_encode = msgspec.json.Encoder(order="deterministic").encode


class Asked:
    """One request, with its texts at hand."""

    def __init__(
        self,
        messages: list[dict[str, Any]],
        params: dict[str, Any],
        *,
        model: str = "",
        schema: dict[str, Any] | None = None,
        wants: Wants = "text",
        count: int = 1,
        draw: int | None = None,
    ) -> None:
        self.messages = messages
        self.params = params
        self.model = model
        self.schema = schema
        self.wants = wants
        self.count = count
        """How many answers are wanted (`n`)."""
        self.draw = draw
        """A number that tells this attempt from others that ask the same; what is random hangs on it if it is there."""
        self.text = text_of(messages[0]) if len(messages) == 1 else "\n".join(map(text_of, messages))
        """All messages' text."""

    @cached_property
    def prompt(self) -> str:
        """The last user message; the last message where no user speaks."""
        for message in reversed(self.messages):
            if message.get("role") == "user":
                return text_of(message)
        return text_of(self.messages[-1]) if self.messages else ""

    def said_by(self, role: str) -> str:
        """The text of a role's messages, `any` for all, `last` for the last user message."""
        if role == "any":
            return self.text
        if role == "last":
            return self.prompt
        return "\n".join(text_of(message) for message in self.messages if message.get("role") == role)

    @cached_property
    def digest(self) -> bytes:
        """32 bytes that stand for model, messages, schema and the `seed` parameter: requests that share them are one
        prompt, asked several times."""
        hashed = blake2b(self.text.encode("utf-8", "surrogatepass"), digest_size=32)
        hashed.update(b"\0" + self.model.encode("utf-8", "surrogatepass"))
        if len(self.messages) > 1:
            hashed.update("\0".join(str(message.get("role")) for message in self.messages).encode())
        if "seed" in self.params:
            hashed.update(str(self.params["seed"]).encode())
        if self.schema is not None:
            hashed.update(_encode(self.schema))
        return hashed.digest()

    @cached_property
    def dice(self) -> bytes:
        """32 bytes that a made-up answer hangs on: the prompt, and the draw unless the temperature is 0."""
        if self.draw is None or self.params.get("temperature") == 0:
            return self.digest
        return blake2b(self.digest + b"%d" % self.draw, digest_size=32).digest()


def text_of(message: dict[str, Any]) -> str:
    """The text of a message; of its text parts, where it has parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return ""


class Answer(msgspec.Struct):
    """What is answered: one text for each answer wanted, or a fault."""

    texts: list[str]
    usage: Usage
    finish_reason: FinishReason = "stop"
    reasoning: str | None = None
    logprobs: list[dict[str, Any]] | None = None
    tool_calls: list[ToolCall] | None = None
    fault: Fault | None = None
    """A failure that the caller has to carry out; `empty` and `cut` are carried out in `texts` already."""
    latency: float = 0.0
    """Seconds to let pass first."""
    rule: int = 0
    """The number of the rule that answered, from 1; 0 where none matched."""


def forced_tool(tools: list[dict[str, Any]] | None, choice: Any) -> dict[str, Any] | None:
    """The function of the tool that must be called, the first where any will do; None where none must.

    Raises LookupError where there is no such tool.
    """
    if choice != "required" and not isinstance(choice, dict):
        return None
    functions = [tool["function"] for tool in tools or () if isinstance(tool.get("function"), dict)]
    name = choice.get("function", {}).get("name") if isinstance(choice, dict) else None
    for function in functions:
        if name in (None, function.get("name")):
            return function  # type: ignore[no-any-return]
    raise LookupError(f"`tool_choice` names {name or 'a tool'}, which is not among `tools`")


def call_id(asked: Asked, number: int, choice: int = 0) -> str:
    """The id of a tool call: the same for the same request, another in each turn of a conversation."""
    return f"call_{len(asked.messages)}_{number}" + (f"_{choice}" if choice else "")


def tokens(text: str) -> int:
    """The length of a text in tokens, by the rule of thumb that one is four characters."""
    return (len(text) + 3) // 4
