"""Rows for supervised fine-tuning."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seedbed.dataset.formats.sft import Sft
from seedbed.errors import RowError

CHAT = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


def row(**fields: Any) -> dict[str, Any]:
    return Sft().row(fields)


def test_the_first_shape_a_record_has() -> None:
    assert row(text="t", completion="c", messages=CHAT, prompt="p", score=3) == {"messages": CHAT}
    assert row(text="t", completion="c", messages=None, prompt="p") == {"prompt": "p", "completion": "c"}
    assert row(text="t", prompt="p") == {"text": "t"}


def test_prompt_and_completion_as_messages() -> None:
    made = row(completion=CHAT[1:], prompt=CHAT[:1])
    assert list(made.items()) == [("prompt", CHAT[:1]), ("completion", CHAT[1:])]


def test_tools_and_calls() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    chat = [
        {"role": "system", "content": ""},
        {"content": "1+1?", "role": "user"},
        {"role": "assistant", "content": None, "tool_calls": [call, call], "reasoning": "sum", "x": 1},
        {"role": "tool", "name": "add", "tool_call_id": "1", "content": ""},
        {"role": "assistant", "content": "2"},
    ]
    tools = [{"type": "function", "function": {"name": "add"}}]
    made = row(messages=chat, images=["a.png"], tools=tools, chat_template_kwargs={"t": 1})
    assert list(made) == ["messages", "tools", "chat_template_kwargs", "images"]
    assert json.loads(made["tools"]) == tools
    assert row(messages=chat, tools=json.dumps(tools))["tools"] == json.dumps(tools)
    assistant = made["messages"][2]
    assert list(assistant) == ["role", "content", "reasoning_content", "tool_calls"]
    assert assistant["tool_calls"][0]["function"]["arguments"] == {"a": 1}
    assert call["function"]["arguments"] == '{"a": 1}', "the record itself is not changed"
    assert list(made["messages"][3]) == ["role", "content", "tool_call_id", "name"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"score": 1, "x": None}, "an `sft` row needs `messages`.* this record has score; make one"),
        ({}, "this record has no field"),
        ({"messages": []}, "`messages`: messages must hold at least one message"),
        ({"messages": CHAT[:1]}, "`messages` must end with a message of the assistant, not of the user"),
        ({"messages": [{"role": "bot", "content": "x"}]}, 'message 1: role must be one of .*, not "bot"'),
        ({"messages": [*CHAT, {"role": "assistant", "content": " "}]}, "message 3: the assistant's content"),
        ({"prompt": "p", "completion": CHAT[1:]}, "must be both text or both lists of messages, not a text and a list"),
        ({"prompt": "p", "completion": " "}, "`completion` must not be empty"),
        ({"prompt": CHAT[:1], "completion": CHAT[:1]}, "`completion` must end with a message of the assistant"),
        ({"text": 3}, "`text` must be text, not a number"),
        ({"text": "x", "tools": "{"}, "`tools` is not JSON"),
        ({"text": "x", "tools": {"a": 1}}, "`tools` must be a list"),
        ({"text": "x", "images": "a.png"}, "`images` must be a list"),
        ({"text": "x", "chat_template_kwargs": []}, "`chat_template_kwargs` must be a map"),
    ],
)
def test_what_no_trainer_could_use(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(RowError, match=said):
        Sft().row(fields)
