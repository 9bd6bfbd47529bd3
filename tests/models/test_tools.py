"""Tools: what a function tells of itself, and what a model's call of it must look like."""

from __future__ import annotations

import asyncio
import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from seedbed.errors import BadReply, InputError
from seedbed.models.contract import Reply, ToolCall
from seedbed.models.parsing import tool_acceptor
from seedbed.models.tools import (
    Tool,
    assistant_message,
    check_tools,
    load_tools,
    read_calls,
    result_message,
    tool_files,
    tool_from_function,
)


class Point(BaseModel):
    """A place."""

    x: int
    title: str = "here"


@dataclass
class Size:
    width: int


def draw(
    what: str,
    at: Point,
    unit: Literal["px", "cm"] = "px",
    schema: list[int] | None = None,
    size: Size | None = None,
    *,
    day: datetime.date | None = None,
    times: Annotated[int, Field(ge=1)] = 1,
) -> Any:
    """Draws something.

    Args:
        what: The thing.
        at: Where.
    """
    return what, at, unit, schema, size, day, times


def test_a_signature_is_a_schema() -> None:
    function = tool_from_function(draw).schema["function"]
    assert (function["name"], function["description"]) == ("draw", "Draws something.")
    parameters = function["parameters"]
    properties = parameters["properties"]
    assert list(properties) == ["what", "at", "unit", "schema", "size", "day", "times"]
    assert parameters["required"] == ["what", "at"]
    assert parameters["additionalProperties"] is False
    assert properties["what"] == {"type": "string", "description": "The thing."}
    assert properties["unit"] == {"type": "string", "enum": ["px", "cm"], "default": "px"}
    assert properties["schema"]["anyOf"] == [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]
    assert properties["times"]["minimum"] == 1
    assert set(parameters["$defs"]["Point"]["properties"]) == {"x", "title"}, "a parameter may be called title"


def test_arguments_become_what_the_function_takes() -> None:
    tool = tool_from_function(draw)
    assert tool.call is not None
    given = tool.read('{"what": "a", "at": {"x": 1}, "size": {"width": 2}, "day": "2026-01-02", "schema": [1]}')
    assert tool.call(given) == ("a", Point(x=1), "px", [1], Size(2), datetime.date(2026, 1, 2), 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "array|object"),
        ('{"at": {"x": 1}}', "`what` is missing"),
        ('{"what": 1, "at": {"x": 1}}', "what: 1 is not"),
        ('{"what": "a", "at": {"x": 1}, "more": 2}', "`more` should not be there"),
        ('{"what": "a", "at": {"x": 1}, "unit": "km"}', "unit"),
    ],
)
def test_wrong_arguments_are_told_to_the_model(arguments: str, said: str) -> None:
    with pytest.raises(BadReply, match=said) as caught:
        tool_from_function(draw).read(arguments)
    assert "`draw`" in caught.value.feedback


def test_functions_of_all_kinds() -> None:
    async def wait(seconds: float) -> str:
        return f"waited {seconds}"

    class Counter:
        """Counts."""

        def __call__(self, by: int = 1) -> int:
            return by

    def anything(a, **more):  # type: ignore[no-untyped-def]
        return a, more

    waiting = tool_from_function(wait)
    assert waiting.asynchronous
    assert waiting.call is not None
    assert asyncio.run(waiting.call({"seconds": 2})) == "waited 2.0"
    assert tool_from_function(Counter()).schema["function"]["name"] == "Counter"
    loose = tool_from_function(anything)
    assert loose.call is not None
    assert loose.call(loose.read('{"a": [1], "b": {}}')) == ([1], {"b": {}})
    assert tool_from_function(lambda: 3, name="three").read("") == {}


def test_functions_that_cannot_be_tools() -> None:
    def of_strange(x: ToolCall.__class__) -> None:  # type: ignore[name-defined]
        """X."""

    def of_unknown(x: Nowhere) -> None:  # type: ignore[name-defined]  # noqa: F821
        """X."""

    for function in (of_strange, of_unknown):
        with pytest.raises(InputError, match="cannot be a tool"):
            tool_from_function(function)


def test_a_list_of_tools(tmp_path: Path) -> None:
    (tmp_path / "hooks.py").write_text('def look(city: str) -> str:\n    """Looks."""\n    return city\n')
    specs = [
        "./hooks.py:look",
        {"call": "./hooks.py:look", "name": "look_again", "description": "Looks twice."},
        {"name": "send", "description": "Sends.", "parameters": {"to": "str", "copies": "int 1..3"}},
        {"type": "function", "function": {"name": "ping", "parameters": {"type": "object"}, "strict": True}},
        {"name": "stop"},
    ]
    tools = load_tools(specs, tmp_path)
    assert [tool.name for tool in tools] == ["look", "look_again", "send", "ping", "stop"]
    assert tools[1].description == "Looks twice."
    assert [tool.call is not None for tool in tools] == [True, True, False, False, False]
    assert tools[2].parameters["required"] == ["to", "copies"]
    assert tools[4].schema["function"]["parameters"] == {"type": "object", "properties": {}}
    assert list(check_tools(specs, tmp_path)) == []
    assert tool_files(specs) == ["./hooks.py"]


@pytest.mark.parametrize(
    ("spec", "path", "said"),
    [
        ("./hooks.py:lok", (0,), "did you mean `look`"),
        ("./hook.py:look", (0,), "did you mean hooks.py"),
        (3, (0,), "./hooks.py:function"),
        ({"name": "a b"}, (0,), "letters"),
        ({"description": "x"}, (0,), "name"),
        ({"name": "a", "parametres": {}}, (0,), "did you mean `parameters`"),
        ({"name": "a", "parameters": {"x": "strng"}}, (0, "parameters", "x"), "did you mean `str`"),
        ({"name": "a", "parameters": "[str]"}, (0, "parameters"), "{city: str}"),
        ({"call": "./hooks.py:look", "parameters": {"a": "str"}}, (0,), "signature"),
    ],
)
def test_mistakes_in_a_list_of_tools(tmp_path: Path, spec: Any, path: tuple[Any, ...], said: str) -> None:
    (tmp_path / "hooks.py").write_text("def look(city: str) -> str:\n    return city\n")
    (issue,) = check_tools([spec], tmp_path)
    assert issue.path == ("tools", *path)
    assert said in issue.fix


def test_two_tools_of_one_name() -> None:
    specs = [{"name": "a"}, {"name": "a"}]
    assert [issue.path for issue in check_tools(specs, Path())] == [("tools", 1)]
    with pytest.raises(InputError, match="two tools are called `a`"):
        load_tools(specs, Path())
    assert [issue.what for issue in check_tools([], Path())] == ["there are no tools"]


ADD = Tool("add", "Adds.", {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})


def reply(*calls: tuple[str, str], text: str = "", **more: Any) -> Reply:
    return Reply(text, tool_calls=[ToolCall(f"c{i}", *call) for i, call in enumerate(calls)] or None, **more)


def test_a_reply_with_tools_is_its_text_and_its_calls() -> None:
    accept = tool_acceptor([ADD])
    assert accept(reply(("add", '{"a": 1}'), ("add", '{"a": 2}'))).value == {
        "content": None,
        "tool_calls": [{"name": "add", "arguments": {"a": 1}}, {"name": "add", "arguments": {"a": 2}}],
    }
    assert accept(reply(text="Three.")).value == {"content": "Three.", "tool_calls": []}


@pytest.mark.parametrize(
    ("given", "required", "said", "feedback"),
    [
        (reply(("sub", "{}")), False, "calls `sub`", "There is no tool `sub`. You may call: add."),
        (reply(("add", '{"a": "x"}')), False, "arguments of `add` are wrong", "Call it again"),
        (reply(text="Three."), True, "calls no tool", "Call one of your tools: add."),
        (reply(), False, "is empty", ""),
        (reply(("add", '{"a": 1}'), finish_reason="length"), False, "was cut", ""),
    ],
)
def test_replies_that_are_no_calls(given: Reply, required: bool, said: str, feedback: str) -> None:
    with pytest.raises(BadReply, match=said) as caught:
        tool_acceptor([ADD], required)(given)
    assert feedback in caught.value.feedback
    if given.tool_calls and feedback:
        assert given.tool_calls[0].name in (caught.value.reply or "")


def test_messages_of_calls_and_results() -> None:
    call = ToolCall("c1", "add", '{"a": 1}')
    function = {"name": "add", "arguments": '{"a": 1}'}
    calls = [{"id": "c1", "type": "function", "function": function}]
    assert assistant_message("", [call]) == {"role": "assistant", "content": None, "tool_calls": calls}
    assert assistant_message("Hi", []) == {"role": "assistant", "content": "Hi"}
    assert result_message(call, {"sum": "größer"})["content"] == '{"sum": "größer"}'
    assert result_message(call, "x") == {"role": "tool", "tool_call_id": "c1", "content": "x"}
    assert read_calls([call], {"add": ADD}) == [(ADD, {"a": 1})]
