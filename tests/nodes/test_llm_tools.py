"""Tools that an `llm` node offers once: what is sent, what becomes of the calls."""

from __future__ import annotations

from typing import Any

import pytest

from seedbed.errors import BadReply
from seedbed.models.contract import Reply, ToolCall

SEND = {"name": "send", "description": "Sends.", "parameters": {"to": "str"}}
CALLED = Reply("", finish_reason="tool_calls", tool_calls=[ToolCall("c1", "send", '{"to": "Ada"}')])


def test_calls_are_the_value(scene: Any) -> None:
    (scene.base / "hooks.py").write_text('def look(city: str) -> str:\n    """Looks."""\n    raise ValueError\n')
    model = scene.add("m", lambda request, sample: CALLED)
    value, _ = scene.run(prompt="x", tools=["./hooks.py:look", SEND], tool_choice="send")
    assert value == {"content": None, "tool_calls": [{"name": "send", "arguments": {"to": "Ada"}}]}
    request = model.asked[0]
    assert [tool["function"]["name"] for tool in request.tools or ()] == ["look", "send"]
    assert request.tool_choice == {"type": "function", "function": {"name": "send"}}
    assert scene.node(prompt="x", tools=["./hooks.py:look", SEND]).files() == ["./hooks.py"]


def test_an_answer_without_a_call(scene: Any) -> None:
    model = scene.add("m", lambda request, sample: "No need.")
    assert scene.run(prompt="x", tools=[SEND])[0] == {"content": "No need.", "tool_calls": []}
    assert model.asked[0].tool_choice is None
    for choice in ("required", "send"):
        with pytest.raises(BadReply, match="calls no tool"):
            scene.run(prompt="x", tools=[SEND], tool_choice=choice)


def test_several_answers_and_a_history(scene: Any) -> None:
    scene.add("m", lambda request, sample: CALLED)
    value, _ = scene.run(prompt="x", tools=[SEND], n=2)
    assert [len(one["tool_calls"]) for one in value] == [1, 1]
    model = scene.add("m", lambda request, sample: CALLED)
    _, visit = scene.run(prompt="x", tools=[SEND], history="chat", scope={"chat": None})
    chat = visit.extra["chat"]
    assert chat[-1]["content"] is None
    assert chat[-1]["tool_calls"][0]["function"] == {"name": "send", "arguments": '{"to": "Ada"}'}
    done = [*chat, {"role": "tool", "tool_call_id": "c1", "content": "sent"}]
    scene.run(history="chat", scope={"chat": done}, tools=[SEND])
    assert model.asked[-1].messages == done


@pytest.mark.parametrize(
    ("spec", "path", "said"),
    [
        ({"schema": {"a": "str"}}, ("schema",), "leave out `schema`"),
        ({"parse": "json"}, ("parse",), "leave out `parse`"),
        ({"tool_choice": "sent"}, ("tool_choice",), "auto, none, required, send"),
        ({"tools": None, "tool_choice": "send"}, ("tool_choice",), "add `tools:`"),
        ({"tools": [{"nme": "x"}]}, ("tools", 0), "did you mean `name`"),
        ({"tools": []}, ("tools",), "leave `tools` out"),
    ],
)
def test_mistakes_are_found_at_load(scene: Any, spec: dict[str, Any], path: tuple[Any, ...], said: str) -> None:
    issues = list(scene.node(**{"prompt": "x", "tools": [SEND], **spec}).check(scene.base))
    assert [issue.path for issue in issues] == [path]
    assert said in issues[0].fix
