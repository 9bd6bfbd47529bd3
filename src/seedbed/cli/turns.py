"""Messages as a person reads them: text parts as text, attached media and tool calls in one line each."""

from __future__ import annotations

import json
from typing import Any

_CARRIERS = {"image_url": "url", "input_audio": "data", "file": "file_data"}
_SHOWN = 80


def said(message: dict[str, Any]) -> str:
    """What a message says: its content, and the tools it calls."""
    content = message.get("content")
    lines = [part_text(part) for part in content] if isinstance(content, list) else [_text(content)]
    calls = message.get("tool_calls")
    lines += [call_text(call) for call in calls] if isinstance(calls, list) else []
    return "\n".join(line for line in lines if line)


def part_text(part: Any) -> str:
    """One part of a message's content."""
    if not isinstance(part, dict):
        return _text(part)
    kind = str(part.get("type", ""))
    if kind == "text":
        return _text(part.get("text"))
    carrier = part.get(kind)
    source = carrier.get(_CARRIERS.get(kind, "")) if isinstance(carrier, dict) else carrier
    name = carrier.get("filename", "") if isinstance(carrier, dict) else ""
    shown = " ".join(text for text in (name, _cut(source)) if text)
    return f"[{kind.removesuffix('_url').removeprefix('input_')}: {shown}]"


def call_text(call: dict[str, Any]) -> str:
    """A tool call: `→ send({"to": "Ada"})`, in OpenAI form or as a reply has it."""
    function = call.get("function")
    called: dict[str, Any] = function if isinstance(function, dict) else call
    arguments = called.get("arguments", "")
    return f"→ {called.get('name', '')}({arguments if isinstance(arguments, str) else json.dumps(arguments)})"


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _cut(source: Any) -> str:
    text = source if isinstance(source, str) else _text(source)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
