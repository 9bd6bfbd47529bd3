"""The `agent` node in whole runs: what goes over the wire, what is written, what becomes of all that fails."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from seedbed.graph.contracts import Issue
from seedbed.graph.messages import check_messages
from seedbed.graph.yaml import read_yaml
from seedbed.nodes.agent import AgentNode
from seedbed.testing.server import ScriptedServer

HOOKS = '''
import time

def weather(city: str) -> dict:
    """Tells the weather.

    Args:
        city: Where.
    """
    if city == "Atlantis":
        raise ValueError("no such city")
    if city == "Babel":
        return "x" * 5_000_000
    if city == "Limbo":
        time.sleep(3)
    return {"city": city, "degrees": 7}

async def clock() -> str:
    """Tells the time."""
    return "noon"
'''
TOOLS = ["./hooks.py:weather", "./hooks.py:clock"]
DONE = {"matches": "(degrees|noon|Error|cut off)", "role": "tool", "reply": "It is fine."}


def call(city: str, name: str = "weather") -> dict[str, Any]:
    return {"contains": city, "role": "last", "tool_calls": [{"name": name, "arguments": {"city": city}}]}


def agent(**more: Any) -> dict[str, Any]:
    prompt = "What is it like in {{ city }}?"
    return {"a": {"type": "agent", "model": "m", "prompt": prompt, "tools": TOOLS, **more}}


@pytest.fixture(autouse=True)
def hooks(tmp_path: Path) -> None:
    (tmp_path / "hooks.py").write_text(HOOKS)


def results(row: dict[str, Any]) -> list[str]:
    return [message["content"] for message in row["a"] if message["role"] == "tool"]


def test_it_calls_tools_until_it_answers(lab: Any) -> None:
    both = [{"name": "weather", "arguments": {"city": "Rome"}}, {"name": "clock"}]
    with ScriptedServer([DONE, {"contains": "Rome", "tool_calls": both, "reply": "Let me see."}]) as server:
        (row,), failed = lab.go(server, [{"city": "Rome"}], agent(system="Be brief, {{ city }}."))
        first, second = (seen.body for seen in server.requests)
    assert failed == {}
    assert [tool["function"]["name"] for tool in first["tools"]] == ["weather", "clock"]
    assert first["tools"] == second["tools"] == row["a_tools"]
    assert first["tools"][0]["function"]["parameters"]["properties"] == {
        "city": {"type": "string", "description": "Where."}
    }
    assert [message["role"] for message in second["messages"]] == ["system", "user", "assistant", "tool", "tool"]
    assert second["messages"][:2] == first["messages"]
    assert first["messages"][0]["content"] == "Be brief, Rome."
    asked = second["messages"][2]
    assert asked["content"] == "Let me see."
    ids = [one["id"] for one in asked["tool_calls"]]
    assert len(set(ids)) == 2
    assert [message["tool_call_id"] for message in second["messages"][3:]] == ids
    assert results(row) == ['{"city": "Rome", "degrees": 7}', "noon"]
    assert row["a"] == [*second["messages"], {"role": "assistant", "content": "It is fine."}]
    assert check_messages(row["a"]) is None
    assert (row["a_answer"], row["a_turns"], row["a_calls"]) == ("It is fine.", 2, {"weather": 1, "clock": 1})


def test_what_goes_wrong_with_a_call_is_told_to_the_model(lab: Any) -> None:
    bad = {"contains": "Oz", "tool_calls": [{"name": "weather", "arguments": {"town": "Oz"}}]}
    rules = [DONE, call("Atlantis"), call("Babel"), call("Limbo"), call("Nowhere", "fly"), bad]
    cities = ["Atlantis", "Babel", "Limbo", "Nowhere", "Oz"]
    with ScriptedServer(rules) as server:
        rows, failed = lab.go(
            server, [{"city": city} for city in cities], agent(result_chars=100, tool_seconds=0.3), output=None
        )
    assert failed == {}
    said = dict(zip(cities, (results(row)[0] for row in rows), strict=True))
    assert said["Atlantis"] == "Error: ValueError: no such city"
    assert said["Babel"] == "x" * 100 + "\n[cut off here: these are the first 100 of 5,000,000 characters]"
    assert said["Limbo"] == "Error: `weather` gave no result within 0.3 s."
    assert said["Nowhere"] == "Error: there is no tool `fly`. You may call: weather, clock."
    assert "`city` is missing" in said["Oz"]


def test_an_agent_that_loops_or_says_nothing_fails_alone(lab: Any) -> None:
    loops = {"contains": "Loop", "tool_calls": [{"name": "clock"}]}
    rules = [loops, {"contains": "Void", "reply": ""}, {"reply": "Fine."}]
    with ScriptedServer(rules) as server:
        rows, failed = lab.go(server, [{"id": c, "city": c} for c in ("Loop", "Void", "Rome")], agent(max_turns=4))
        asked = sum("Loop" in str(seen.messages[0]) for seen in server.requests)
    assert [row["id"] for row in rows] == ["Rome"]
    assert failed["Loop"] == "the model has not answered within 4 turns; raise `max_turns`"
    assert "empty" in failed["Void"]
    assert asked == 4


def test_a_tool_that_must_be_used(lab: Any) -> None:
    reminded = {"contains": "before you answer", "matches": "Rome", "tool_calls": [{"name": "clock"}]}
    with ScriptedServer([DONE, reminded, {"reply": "I guess."}]) as server:
        rows, failed = lab.go(server, [{"id": c, "city": c} for c in ("Rome", "Oslo")], agent(must_use=["clock"]))
        prompts = [seen.messages[-1]["content"] for seen in server.requests if "Oslo" in seen.messages[0]["content"]]
    (row,) = rows
    assert [message["role"] for message in row["a"]] == ["user", "assistant", "tool", "assistant"]
    assert row["a_turns"] == 3
    assert prompts[1] == "Use `clock` before you answer."
    assert failed == {"Oslo": "the model answered without having used `clock`; see `must_use`"}


def test_failures_are_put_in_by_chance_and_the_same_ones_again(lab: Any) -> None:
    rows = [{"id": f"r{i}", "city": f"City{i}"} for i in range(12)]
    rules = [DONE, {"matches": r"City\d+", "tool_calls": [{"name": "clock"}]}]
    said = []
    with ScriptedServer(rules) as server:
        for _ in range(2):
            made, _ = lab.go(
                server, rows, agent(failures={"rate": 0.5, "message": "try later"}), params={"n": len(said)}
            )
            said.append([results(row)[0] for row in made])
        assert len(server.requests) == 24
    assert said[0] == said[1]
    assert set(said[0]) == {"noon", "Error: try later"}


ORDERS = [
    {"name": "find", "description": "Finds an order.", "parameters": {"number": "int"}},
    {"name": "cancel", "description": "Cancels an order.", "parameters": {"number": "int"}},
]


def test_simulated_tools_keep_a_state(lab: Any) -> None:
    cancelled = {"orders": {"7": "cancelled"}, "log": ["cancelled 7"]}
    rules = [
        {"model": "world", "contains": '"name": "cancel"', "json": {"result": {"ok": True}, "stored": cancelled}},
        {"model": "world", "json": {"result": "it is cancelled", "stored": cancelled}},
        {"contains": "it is cancelled", "role": "tool", "reply": "Done."},
        {"contains": "ok", "role": "tool", "tool_calls": [{"name": "find", "arguments": {"number": 7}}]},
        {"model": "m", "tool_calls": [{"name": "cancel", "arguments": {"number": 7}}]},
    ]
    simulate = {"model": "world", "prompt": "A shop in {{ city }}.", "state": {"orders": "{{ orders }}", "log": []}}
    with ScriptedServer(rules) as server:
        rows, failed = lab.go(
            server, [{"city": "Rome", "orders": {"7": "open"}}], agent(tools=ORDERS, simulate=simulate)
        )
        world = [seen.messages for seen in server.requests if seen.body["model"] == "world"]
        schema = server.requests[1].body["response_format"]["json_schema"]["schema"]
    assert failed == {}
    assert [json.loads(messages[1]["content"])["stored"] for messages in world] == [
        {"orders": {"7": "open"}, "log": []},
        cancelled,
    ]
    assert world[0][0]["content"].endswith("A shop in Rome.")
    assert schema["properties"]["stored"]["required"] == ["orders", "log"]
    assert rows[0]["a_state"] == cancelled
    assert results(rows[0]) == ['{"ok": true}', "it is cancelled"]


def test_killed_and_resumed_no_turn_is_paid_for_twice(lab: Any) -> None:
    rules = [
        {"contains": "noon", "role": "tool", "reply": "It is fine.", "latency": 0.05},
        {"contains": "degrees", "role": "tool", "tool_calls": [{"name": "clock"}], "latency": 0.05},
        {"reply": "", "tool_calls": [{"name": "weather", "arguments": {"city": "Rome"}}], "latency": 0.05},
    ]
    rows = [{"id": f"r{i}", "city": f"City{i}"} for i in range(20)]
    with ScriptedServer(rules) as server:
        lab.write(server, rows, agent())
        lab.kill_when(lambda: len(server.requests) >= 25)
        assert lab.start().wait(60) == 0
        assert 60 <= len(server.requests) <= 60 + 4 + 8, "what was in flight, and what was answered within 100 ms"
    assert [row["a_turns"] for row in lab.rows()] == [3] * 20


@pytest.mark.parametrize(
    ("spec", "path", "said"),
    [
        ({"prompt": None}, (), "add `prompt:`"),
        ({"tools": None}, (), "add `tools:`"),
        ({"tools": ORDERS}, ("tools", 0), "add `simulate"),
        ({"simulate": {"model": "m"}}, ("simulate",), "describe one"),
        ({"must_use": ["wether"]}, ("must_use", 0), "weather, clock"),
        ({"tools": ["./hooks.py:wether"]}, ("tools", 0), "did you mean"),
        ({"mcp": {"s": {}}}, ("mcp", "s"), "exactly one"),
        ({"mcp": {"s": {"command": "no-such-program"}}}, ("mcp", "s", "command"), "install it"),
        ({"mcp": {"s": {"url": "http://x", "env": {"A": "b"}}}}, ("mcp", "s", "env"), "leave `env` out"),
        ({"params": {"tools": 1}}, ("params", "tools"), "beside `params:`"),
    ],
)
def test_mistakes_are_found_at_load(spec: dict[str, Any], path: tuple[Any, ...], said: str, tmp_path: Path) -> None:
    node = AgentNode.model_validate(agent(**spec)["a"])
    issues: list[Issue] = list(node.check(tmp_path))
    assert [issue.path for issue in issues] == [path]
    assert said in issues[0].fix


@pytest.mark.parametrize("spec", [{"prompt": None}, {"tools": None}, {"mcp": {}, "tools": None}, {"max_turn": 3}])
def test_its_json_schema_refuses_what_check_refuses(spec: dict[str, Any]) -> None:
    validator = jsonschema_rs.validator_for(AgentNode.model_json_schema())
    assert validator.is_valid(agent()["a"])
    assert validator.is_valid(agent(tools=None, mcp={"s": {"command": "x"}})["a"])
    assert not validator.is_valid(agent(**spec)["a"])


def test_its_example_is_accepted(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", inspect.getdoc(AgentNode) or "", re.DOTALL)
    (example,) = read_yaml(block, "example").data.values()
    assert list(AgentNode.model_validate(example).check(tmp_path)) == []
