"""What a conversation is: the check behind the schema type `messages`, shared by all chat formats."""

from __future__ import annotations

import json
from typing import Any

ROLES = ("system", "developer", "user", "assistant", "tool")


def check_messages(value: Any) -> str | None:
    """What is wrong with a conversation, or None if it is one.

    A conversation is a list of at least one `{role, content}`. Users and assistants say something: their content is
    not blank, unless an assistant calls tools. Content is text or a list of parts (`{type, …}`).
    """
    if not isinstance(value, list):
        return f"messages must be a list of {{role, content}}, not {kind(value)}"
    if not value:
        return "messages must hold at least one message"
    for number, message in enumerate(value, 1):
        problem = _check_message(message)
        if problem:
            return f"message {number}: {problem}"
    return None


def kind(value: Any) -> str:
    """A value's type in the words of JSON, with its article: "a list", "null"."""
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a map"}
    return names.get(type(value), f"a {type(value).__name__}")


def _check_message(message: Any) -> str | None:
    if not isinstance(message, dict):
        return f"must be a map with `role` and `content`, not {kind(message)}"
    role, content = message.get("role"), message.get("content")
    if role not in ROLES:
        return f"role must be one of {', '.join(ROLES)}, not {json.dumps(role, ensure_ascii=False, default=str)}"
    calls = message.get("tool_calls")
    if calls is not None:
        problem = _check_calls(role, calls)
        if problem:
            return problem
    return _check_content(role, content, bool(calls))


def _check_content(role: str, content: Any, calls: bool) -> str | None:
    if isinstance(content, list):
        if not content:
            return "content must not be empty"
        if not all(isinstance(part, dict) and isinstance(part.get("type"), str) for part in content):
            return "content given as a list must hold parts, maps with a `type`"
        return None
    if content is None and calls:
        return None
    if not isinstance(content, str):
        return f"content must be text or a list of parts, not {kind(content)}"
    if role in ("user", "assistant") and not calls and not content.strip():
        return f"the {role}'s content must not be empty"
    return None


def _check_calls(role: str, calls: Any) -> str | None:
    if not isinstance(calls, list):
        return f"tool_calls must be a list, not {kind(calls)}"
    if calls and role != "assistant":
        return f"only an assistant calls tools, not the {role}"
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            return "each of tool_calls must be {type: function, function: {name, arguments}}"
        if not isinstance(function.get("arguments", {}), dict | str):
            return f"the arguments of `{function['name']}` must be a map or JSON text"
    return None
