"""What a conversation is."""

from __future__ import annotations

from typing import Any

import pytest

from seedbed.graph.messages import check_messages

CALL = {"type": "function", "function": {"name": "f", "arguments": {}}}


@pytest.mark.parametrize(
    "value",
    [
        [{"role": "user", "content": "x"}],
        [{"role": "system", "content": ""}, {"role": "developer", "content": "x"}, {"role": "tool", "content": ""}],
        [{"role": "assistant", "content": None, "tool_calls": [CALL]}],
        [{"role": "assistant", "tool_calls": [CALL], "reasoning": "r"}],
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "x"}]}],
    ],
)
def test_conversations(value: Any) -> None:
    assert check_messages(value) is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "messages must be a list of {role, content}, not null"),
        ({}, "messages must be a list of {role, content}, not a map"),
        ([], "messages must hold at least one message"),
        (["x"], "message 1: must be a map with `role` and `content`, not a text"),
        ([{"content": "x"}], "message 1: role must be one of system, developer, user, assistant, tool, not null"),
        ([{"role": ["user"], "content": "x"}], 'tool, not ["user"]'),
        ([{"role": "user", "content": "\n"}], "message 1: the user's content must not be empty"),
        ([{"role": "assistant", "tool_calls": []}], "content must be text or a list of parts, not null"),
        ([{"role": "user", "content": 3}], "content must be text or a list of parts, not a number"),
        ([{"role": "user", "content": []}], "content must not be empty"),
        ([{"role": "user", "content": ["x"]}], "must hold parts, maps with a `type`"),
        ([{"role": "user", "content": "x", "tool_calls": [CALL]}], "only an assistant calls tools, not the user"),
        ([{"role": "assistant", "tool_calls": [{"name": "f"}]}], "each of tool_calls must be"),
        ([{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": 3}}]}], "arguments of `f`"),
    ],
)
def test_what_is_none(value: Any, said: str) -> None:
    problem = check_messages(value)
    assert problem
    assert said in problem
