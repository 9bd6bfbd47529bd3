"""OpenAI's chat completions on the wire: from the bytes of a request to what is asked, and back to bytes."""

from __future__ import annotations

import time
from itertools import count
from typing import Any, Literal

import msgspec

from seedbed.models.contract import ToolCall
from seedbed.models.script.exchange import Answer, Asked, call_id, forced_tool
from seedbed.models.script.made_up import split_tokens
from seedbed.models.script.rules import Wants

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_numbers = count(1)


class BadRequest(Exception):
    """The request is not a chat completion; the text says why."""


class Chat(msgspec.Struct):
    """A request for a chat completion."""

    asked: Asked
    body: dict[str, Any]
    stream: bool = False
    tool: str = ""
    """The tool that must be called."""


def read_body(body: bytes) -> dict[str, Any]:
    """The JSON object of a request. Raises BadRequest."""
    try:
        read = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    if not isinstance(read, dict):
        raise BadRequest("the body is not a JSON object")
    return read


def read_chat(body: dict[str, Any]) -> Chat:
    """What a request asks for. Raises BadRequest."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages) or not messages:
        raise BadRequest("`messages` must be a list of at least one message")
    wanted = body.get("n") or 1
    if not isinstance(wanted, int) or not 1 <= wanted <= 1024:
        raise BadRequest("`n` must be a number from 1 to 1024")
    wants, schema, tool = _wanted(body)
    model = body.get("model")
    asked = Asked(
        messages, body, model=model if isinstance(model, str) else "", schema=schema, wants=wants, count=wanted
    )
    return Chat(asked, body, body.get("stream") is True, tool)


def _wanted(body: dict[str, Any]) -> tuple[Wants, dict[str, Any] | None, str]:
    """How the answer is asked for: the way, the schema if there is one, and the tool that must be called."""
    form = body.get("response_format")
    kind = form.get("type") if isinstance(form, dict) else None
    if isinstance(form, dict) and kind == "json_schema":
        described = form.get("json_schema")
        schema = described.get("schema") if isinstance(described, dict) else None
        if not isinstance(schema, dict):
            raise BadRequest("`response_format.json_schema.schema` must be a JSON Schema")
        return "json_schema", schema, ""
    try:
        tool = forced_tool(body.get("tools"), body.get("tool_choice"))
    except LookupError as error:
        raise BadRequest(str(error.args[0])) from error
    if tool is not None:
        return "tool", tool.get("parameters") or {"type": "object"}, str(tool.get("name"))
    return ("json_object" if kind == "json_object" else "text"), None, ""


def completion(chat: Chat, answer: Answer) -> bytes:
    """The body of an answer."""
    usage = answer.usage
    return _encode(
        {
            "id": f"chatcmpl-{next(_numbers)}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": chat.asked.model,
            "choices": [_choice(chat, answer, i, text) for i, text in enumerate(answer.texts)],
            "usage": {
                "prompt_tokens": usage.input,
                "completion_tokens": usage.output,
                "total_tokens": usage.input + usage.output,
                "prompt_tokens_details": {"cached_tokens": usage.cached_input},
            },
        }
    )


def _choice(chat: Chat, answer: Answer, index: int, text: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    calls = answer.tool_calls or []
    if chat.tool and not calls and text:
        calls = [ToolCall(call_id(chat.asked, 0, index), chat.tool, text)]
        message["content"] = None
    if calls:
        message["content"] = message["content"] or None
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
    if answer.reasoning is not None:
        message["reasoning_content"] = answer.reasoning
    logprobs = None if answer.logprobs is None else {"content": answer.logprobs}
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": answer.finish_reason}


def stream(chat: Chat, answer: Answer) -> bytes:
    """The events of an answer that was asked for as a stream, a token each, all at once."""
    whole = msgspec.json.decode(completion(chat, answer))
    usage = whole.pop("usage")
    common = {**whole, "object": "chat.completion.chunk"}
    events: list[Any] = []
    for choice in whole["choices"]:
        message = choice["message"]
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        if message.get("reasoning_content"):
            deltas.append({"reasoning_content": message["reasoning_content"]})
        deltas += [{"content": token} for token in split_tokens(message["content"] or "")]
        if message.get("tool_calls"):
            deltas.append({"tool_calls": [{"index": i, **call} for i, call in enumerate(message["tool_calls"])]})
        ends = [None] * len(deltas) + [choice["finish_reason"]]
        for delta, end in zip([*deltas, {}], ends, strict=True):
            part = {"index": choice["index"], "delta": delta, "finish_reason": end}
            events.append({**common, "choices": [part]})
    options = chat.body.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage"):
        events.append({**common, "choices": [], "usage": usage})
    return b"".join(b"data: " + _encode(event) + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def error(message: str, kind: str, code: str | None = None) -> bytes:
    """The body of an error."""
    return _encode({"error": {"message": message, "type": kind, "param": None, "code": code}})


def models(names: list[str]) -> bytes:
    """The body of the list of models."""
    listed: list[dict[str, Any]] = [
        {"id": name, "object": "model", "created": 0, "owned_by": "seedbed"} for name in names
    ]
    kind: Literal["list"] = "list"
    return _encode({"object": kind, "data": listed})
