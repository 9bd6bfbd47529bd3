"""Tools over the wire: what is sent, what comes back, and that the model in process does the same."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import Refused
from seedbed.models.contract import Provider, Reply, Request, ToolCall
from seedbed.models.providers import openai as openai_module
from seedbed.models.providers.openai import OpenAI
from seedbed.models.providers.scripted import Scripted
from seedbed.models.tool_prompt import as_plain, from_plain
from seedbed.testing.server import ScriptedServer

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": CITY}}
TIME = {"type": "function", "function": {"name": "time", "parameters": {"type": "object", "properties": {}}}}
ASKED = [{"role": "user", "content": "What is it like in Paris?"}]
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}}
ANSWERED = [
    *ASKED,
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "rain"},
]
RULES: list[dict[str, Any]] = [
    {"contains": "rain", "reply": "It rains."},
    {"contains": "both", "tool_calls": [{"name": "time"}, {"name": "weather", "arguments": {"city": "Rome"}}]},
    {"contains": "Paris", "tool_calls": [{"name": "weather", "arguments": {"city": "Paris"}}], "reply": "Let me see."},
]


def asked(provider: Provider, request: Request) -> Reply:
    async def run() -> Reply:
        await provider.open(Path())
        try:
            return await provider.ask(request, None)
        finally:
            await provider.close()

    return asyncio.run(run())


def remote(server: ScriptedServer) -> OpenAI:
    return OpenAI.model_validate({"provider": "openai", "model": "m", "base_url": server.url})


def local(rules: list[dict[str, Any]]) -> Scripted:
    return Scripted.model_validate({"provider": "scripted", "model": "m", "rules": rules})


@pytest.mark.parametrize("where", ["over HTTP", "in process"])
def test_calls_come_back(where: str) -> None:
    with ScriptedServer(RULES) as server:
        provider = remote(server) if where == "over HTTP" else local(RULES)
        reply = asked(provider, Request(ASKED, tools=[WEATHER, TIME]))
        assert (reply.text, reply.finish_reason, reply.mode) == ("Let me see.", "tool_calls", "")
        assert reply.tool_calls == [ToolCall("call_1_0", "weather", '{"city":"Paris"}')]
        both = asked(provider, Request([{"role": "user", "content": "both"}], tools=[WEATHER, TIME]))
        assert [call.name for call in both.tool_calls or ()] == ["time", "weather"]
        assert both.text == ""
        last = asked(provider, Request(ANSWERED, tools=[WEATHER]))
        assert (last.text, last.tool_calls, last.finish_reason) == ("It rains.", None, "stop")
        forced: Any = {"type": "function", "function": {"name": "weather"}}
        made_up = asked(
            provider, Request([{"role": "user", "content": "x"}], tools=[TIME, WEATHER], tool_choice=forced)
        )
        assert [call.name for call in made_up.tool_calls or ()] == ["weather"]
        assert isinstance(json.loads((made_up.tool_calls or [])[0].arguments)["city"], str)
        gone = {"type": "function", "function": {"name": "nothing"}}
        with pytest.raises(Refused, match="nothing, which is not among"):
            asked(provider, Request(ASKED, tools=[WEATHER], tool_choice=gone))


def test_what_is_sent() -> None:
    with ScriptedServer(RULES) as server:
        asked(remote(server), Request(ANSWERED, tools=[WEATHER], tool_choice="auto"))
        asked(remote(server), Request(ASKED))
        first, second = [exchange.body for exchange in server.requests]
    assert first["messages"] == ANSWERED, "messages of all roles pass through as they are"
    assert (first["tools"], first["tool_choice"]) == ([WEATHER], "auto")
    assert not {"tools", "tool_choice"} & second.keys()


def test_a_schema_by_tool_beside_tools() -> None:
    rules = [
        {"wants": "json_schema", "fail": {"status": 400, "message": "response_format is not supported"}},
        {"contains": "rain", "tool_calls": [{"name": "answer", "arguments": {"city": "Paris"}}]},
        {"contains": "Paris", "tool_calls": [{"name": "weather", "arguments": {"city": "Paris"}}]},
    ]
    openai_module._found.clear()
    with ScriptedServer(rules) as server:
        called = asked(remote(server), Request(ASKED, schema=CITY, tools=[WEATHER]))
        done = asked(remote(server), Request(ANSWERED, schema=CITY, tools=[WEATHER]))
        sent = server.requests[-1].body
    assert [call.name for call in called.tool_calls or ()] == ["weather"]
    assert (done.text, done.tool_calls, done.mode) == ('{"city":"Paris"}', None, "tool")
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["weather", "answer"]
    assert sent["tool_choice"] == "required"


def test_a_model_without_tools_is_told_in_words() -> None:
    defined = {"type": "object", "properties": {"at": {"$ref": "#/$defs/P"}}, "$defs": {"P": {"type": "integer"}}}
    point = {"type": "function", "function": {"name": "point", "parameters": defined}}
    system = {"role": "system", "content": "Be brief."}
    plain = as_plain(Request([system, *ANSWERED], tools=[WEATHER, point]))
    assert plain.tools is None
    assert plain.messages[0]["content"].startswith("Be brief.\n\nYou can call tools.")
    assert '"description": "Tells it."' in plain.messages[0]["content"]
    assert plain.messages[2]["content"] == '{"call": {"name": "weather", "arguments": {"city":"Paris"}}}'
    assert plain.messages[3] == {"role": "user", "content": "The tool has given: rain"}
    schema = plain.schema or {}
    calls = schema["anyOf"][0]["properties"]["call"]["anyOf"]
    assert calls[0]["properties"] == {"name": {"const": "weather"}, "arguments": CITY}
    assert calls[1]["properties"]["arguments"]["properties"] == {"at": {"$ref": "#/$defs/point.P"}}
    assert schema["$defs"] == {"point.P": {"type": "integer"}}
    must = as_plain(Request(ASKED, tools=[WEATHER], tool_choice="required")).schema or {}
    assert must["required"] == ["call"]
    with pytest.raises(Refused, match="a schema at once"):
        as_plain(Request(ASKED, schema=CITY, tools=[WEATHER]))
    with pytest.raises(Refused, match="names time"):
        as_plain(Request(ASKED, tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "time"}}))


def test_what_such_a_model_says_is_read() -> None:
    assert from_plain('{"answer": "Rain."}', 1) == ("Rain.", None)
    called = from_plain('{"call": {"name": "weather", "arguments": {"city": "Köln"}}}', 3)
    assert called == ("", [ToolCall("call_3_0", "weather", '{"city": "Köln"}')])
    assert from_plain('{"call": {"na', 1) == ('{"call": {"na', None)
