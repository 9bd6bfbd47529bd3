"""Tools for a model that knows none: told in its instructions, called in an object that its decoding must follow.

The object is `{"answer": "…"}` or `{"call": {"name": …, "arguments": {…}}}`, one call at a time.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from seedbed.errors import Refused
from seedbed.models.contract import Request, ToolCall

_TOLD = """You can call tools. Each is a JSON object with its name, what it does, and its parameters:
{tools}

Answer with one JSON object: {{"call": {{"name": "…", "arguments": {{…}}}}}} to call a tool, or {{"answer": "…"}} once \
you need none any more. Use what the tools have given you."""


def as_plain(request: Request) -> Request:
    """The same request without tools: told in words, and asked for by a schema. Raises Refused where that cannot be."""
    if request.schema is not None:
        raise Refused("the embedded model cannot be given tools and a schema at once", hint="ask in two nodes")
    functions = [tool["function"] for tool in request.tools or ()]
    wanted, may_answer = _wanted(functions, request.tool_choice)
    told = _TOLD.format(tools="\n".join(json.dumps(function, ensure_ascii=False) for function in functions))
    shared: dict[str, Any] = {}
    calls = [
        {
            "type": "object",
            "properties": {"name": {"const": function["name"]}, "arguments": _arguments(function, shared)},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for function in wanted
    ]
    options = [_only("call", calls[0] if len(calls) == 1 else {"anyOf": calls})]
    if may_answer:
        options.append(_only("answer", {"type": "string", "minLength": 1}))
    schema: dict[str, Any] = {**options[0]} if len(options) == 1 else {"anyOf": options}
    if shared:
        schema["$defs"] = shared
    messages = _instructed([_plain(message) for message in request.messages], told)
    return msgspec.structs.replace(request, messages=messages, schema=schema, tools=None, tool_choice=None)


def from_plain(text: str, turn: int) -> tuple[str, list[ToolCall] | None]:
    """The text and the calls of a reply to such a request; a reply cut short is text as it is."""
    try:
        said = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text, None
    if isinstance(said, dict) and isinstance(call := said.get("call"), dict):
        arguments = json.dumps(call.get("arguments", {}), ensure_ascii=False)
        return "", [ToolCall(f"call_{turn}_0", str(call.get("name", "")), arguments)]
    return (str(said["answer"]), None) if isinstance(said, dict) and "answer" in said else (text, None)


def _wanted(functions: list[dict[str, Any]], choice: Any) -> tuple[list[dict[str, Any]], bool]:
    """The tools that may be called, and whether an answer without a call will do."""
    if not isinstance(choice, dict):
        return functions, choice != "required"
    name = choice.get("function", {}).get("name")
    found = [function for function in functions if function["name"] == name]
    if not found:
        raise Refused(f"`tool_choice` names {name}, which is not among `tools`")
    return found, False


def _arguments(function: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """The schema of a tool's arguments; what it defines under `$defs` goes to `shared`, under the tool's name."""
    parameters = function.get("parameters") or {"type": "object"}
    prefix = f"#/$defs/{function['name']}."

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: item.replace("#/$defs/", prefix) if key == "$ref" and isinstance(item, str) else moved(item)
                for key, item in value.items()
            }
        return [moved(item) for item in value] if isinstance(value, list) else value

    defined = parameters.get("$defs", {})
    shared.update((f"{function['name']}.{name}", moved(schema)) for name, schema in defined.items())
    return {key: moved(value) for key, value in parameters.items() if key != "$defs"}


def _only(key: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {key: schema}, "required": [key], "additionalProperties": False}


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    """A message as it would have been said in words."""
    if message.get("role") == "tool":
        return {"role": "user", "content": f"The tool has given: {message.get('content')}"}
    if calls := message.get("tool_calls"):
        functions = [call["function"] for call in calls]
        said = [
            f'{{"call": {{"name": {json.dumps(function["name"])}, "arguments": {function.get("arguments") or "{}"}}}}}'
            for function in functions
        ]
        return {"role": "assistant", "content": "\n".join(said)}
    return message


def _instructed(messages: list[dict[str, Any]], told: str) -> list[dict[str, Any]]:
    """The messages with something more in the instructions."""
    first = messages[0] if messages else {}
    if first.get("role") in ("system", "developer") and isinstance(first.get("content"), str):
        return [{**first, "content": f"{first['content']}\n\n{told}"}, *messages[1:]]
    return [{"role": "system", "content": told}, *messages]
