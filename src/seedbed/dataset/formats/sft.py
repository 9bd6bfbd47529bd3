"""Supervised fine-tuning rows as TRL's SFTTrainer reads them.

Three shapes, the first that a record has: a conversation (`messages`), prompt and completion, or plain `text`. Beside
it stand only the columns that the trainer knows, always in the same order. `tools` is JSON text, because trainers load
rows through Arrow, where tools with different arguments would fill up with nulls.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from seedbed.errors import RowError
from seedbed.graph.messages import check_messages, kind
from seedbed.record import Fields

__all__ = ["Sft"]

_EXTRAS = ("chat_template_kwargs", "image", "images")
_MESSAGE_KEYS = ("role", "content", "reasoning_content", "thinking", "tool_calls", "tool_call_id", "name")


class Sft:
    """Makes rows with `messages`, or `prompt` and `completion`, or `text`."""

    def row(self, fields: Fields) -> dict[str, Any]:
        """The row of a record. Raises RowError."""
        given = {name: value for name, value in fields.items() if value is not None}
        if "messages" in given:
            row: dict[str, Any] = {"messages": _conversation("messages", given["messages"], "assistant")}
        elif "prompt" in given and "completion" in given:
            row = _prompt_completion(given["prompt"], given["completion"])
        elif "text" in given:
            row = {"text": _text("text", given["text"])}
        else:
            raise RowError(
                "an `sft` row needs `messages`, or `prompt` and `completion`, or `text`; "
                f"this record has {', '.join(given) or 'no field'}",
                hint="make one of them in `output:`",
            )
        if "tools" in given:
            row["tools"] = _tools(given["tools"])
        row.update((name, given[name]) for name in _EXTRAS if name in given)
        if not isinstance(row.get("chat_template_kwargs", {}), dict):
            raise RowError(f"`chat_template_kwargs` must be a map, not {kind(row['chat_template_kwargs'])}")
        if not isinstance(row.get("images", []), list):
            raise RowError(f"`images` must be a list, not {kind(row['images'])}; one image goes into `image`")
        return row


def _prompt_completion(prompt: Any, completion: Any) -> dict[str, Any]:
    if isinstance(prompt, list) and isinstance(completion, list):
        return {
            "prompt": _conversation("prompt", prompt, None),
            "completion": _conversation("completion", completion, "assistant"),
        }
    if isinstance(prompt, str) and isinstance(completion, str):
        return {"prompt": _text("prompt", prompt), "completion": _text("completion", completion)}
    raise RowError(
        "`prompt` and `completion` must be both text or both lists of messages, "
        f"not {kind(prompt)} and {kind(completion)}"
    )


def _conversation(field: str, messages: Any, last: str | None) -> list[dict[str, Any]]:
    problem = check_messages(messages)
    if problem:
        raise RowError(f"`{field}`: {problem}")
    if last and messages[-1]["role"] != last:
        raise RowError(f"`{field}` must end with a message of the {last}, not of the {messages[-1]['role']}")
    return [_message(message) for message in messages]


def _message(message: dict[str, Any]) -> dict[str, Any]:
    """A message with the keys that chat templates know, and the arguments of its calls as objects."""
    known = {**message}
    if "reasoning" in known:
        known.setdefault("reasoning_content", known["reasoning"])
    if known.get("tool_calls"):
        known["tool_calls"] = [_call(call) for call in known["tool_calls"]]
        known["content"] = known.get("content") or ""
    return {key: known[key] for key in _MESSAGE_KEYS if known.get(key) is not None}


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = {**call["function"]}
    if isinstance(function.get("arguments"), str):
        try:
            function["arguments"] = json.loads(function["arguments"] or "{}")
        except ValueError as error:
            raise RowError(f"the arguments of a call to `{function['name']}` are not JSON: {error}") from error
        if not isinstance(function["arguments"], dict):
            raise RowError(f"the arguments of a call to `{function['name']}` must be a JSON object")
    return {**call, "type": call.get("type", "function"), "function": function}


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise RowError(f"`{field}` must be text, not {kind(value)}")
    if not value.strip():
        raise RowError(f"`{field}` must not be empty")
    return value


def _tools(value: Any) -> str:
    if isinstance(value, str):
        try:
            tools = json.loads(value)
        except ValueError as error:
            raise RowError(f"`tools` is not JSON: {error}") from error
    else:
        tools = value
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise RowError("`tools` must be a list of function schemas, or such a list as JSON text")
    return value if isinstance(value, str) else msgspec.json.encode(tools).decode()
