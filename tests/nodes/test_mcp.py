"""Tools of MCP servers: one over standard input and output, one over HTTP, and ones that die."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from seedbed.nodes.agent import AgentNode
from seedbed.testing.server import ScriptedServer

pytest.importorskip("mcp")

SERVER = """
import os, sys
from mcp.server.mcpserver import MCPServer

server = MCPServer("shop")
open("started", "a").write(f"{os.getpid()}\\n")

@server.tool()
def price(item: str) -> str:
    "Tells a price."
    if item == "bomb":
        os._exit(1)
    if item == "air":
        raise ValueError("not for sale")
    return f"{item}: 3 coins for {os.environ.get('BUYER')}"

@server.tool()
def secret() -> str:
    "Not for everyone."
    return "42"

if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", port=int(sys.argv[1]))
    else:
        server.run()
"""
RULES = [
    {"matches": "coins|Error", "role": "tool", "reply": "Done."},
    {"matches": r"buy (\w+)", "tool_calls": [{"name": "price", "arguments": {"item": "{{ match[1] }}"}}]},
]


def nodes(*names: str, **server: Any) -> dict[str, Any]:
    one = {"type": "agent", "model": "m", "prompt": "I buy {{ item }}", "mcp": {"shop": server}}
    return {name: {**one, "output": name} for name in names}


def items(*names: str) -> list[dict[str, str]]:
    return [{"id": name, "item": name} for name in names]


@pytest.fixture
def stdio(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "shop.py").write_text(SERVER)
    return {"command": sys.executable, "args": ["shop.py"], "env": {"BUYER": "Ada"}, "allow": ["price"]}


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_server_is_started_once_and_ends_with_the_run(lab: Any, stdio: dict[str, Any]) -> None:
    with ScriptedServer(RULES) as server:
        rows, failed = lab.go(server, items("tea", "rice", "air"), nodes("a", "b", **stdio))
        assert [tool["function"]["name"] for tool in server.requests[0].body["tools"]] == ["price"]
    assert failed == {}
    assert [row["a"][2]["content"] for row in rows[:2]] == ["tea: 3 coins for Ada", "rice: 3 coins for Ada"]
    assert rows[2]["b"][2]["content"].startswith("Error: Error executing tool price")
    (pid,) = (lab.folder / "started").read_text().split()
    assert gone(int(pid))


def test_a_server_that_dies_fails_the_record_that_killed_it(lab: Any, stdio: dict[str, Any]) -> None:
    with ScriptedServer(RULES) as server:
        rows, failed = lab.go(server, items("tea", "bomb", "rice"), nodes("a", **stdio))
    assert failed == {"bomb": "the MCP server `shop` ended during a call of `price`"}
    assert [row["a"][2]["content"] for row in rows] == ["tea: 3 coins for Ada", "rice: 3 coins for Ada"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"args": ["-c", "print('no server'); raise SystemExit(3)"]}, "cannot be started"),
        ({"allow": ["prize"]}, "has no tool `prize`"),
    ],
)
def test_a_server_that_is_none(lab: Any, stdio: dict[str, Any], change: dict[str, Any], said: str) -> None:
    with ScriptedServer(RULES) as server:
        rows, failed = lab.go(server, items("tea"), nodes("a", **{**stdio, **change}))
        assert len(server.requests) == 0
    assert rows == []
    assert said in failed["tea"]


def test_a_tool_that_must_be_used_and_is_not_there(lab: Any, stdio: dict[str, Any]) -> None:
    made = nodes("a", **stdio)
    made["a"]["must_use"] = ["prize"]
    with ScriptedServer(RULES) as server:
        _, failed = lab.go(server, items("tea"), made)
    assert failed == {"tea": "`must_use`: there is no tool `prize`; there are price"}


def test_without_the_sdk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("seedbed.nodes.acting.servers.find_spec", lambda name: None)
    node = AgentNode.model_validate(nodes("a", url="http://127.0.0.1:1/mcp")["a"])
    (issue,) = node.check(tmp_path)
    assert issue.path == ("mcp",)
    assert issue.fix == "install it with: pip install 'seedbed[mcp]'"


def test_an_address_where_nobody_listens(lab: Any) -> None:
    with ScriptedServer(RULES) as server:
        _, failed = lab.go(server, items("tea"), nodes("a", url="http://127.0.0.1:9/mcp"))
    assert "the MCP server `shop` cannot be started: " in failed["tea"]


def test_over_http(lab: Any, stdio: dict[str, Any]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "shop.py", str(port)]
    with subprocess.Popen(command, cwd=lab.folder, stderr=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 30
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert time.monotonic() < end
                    time.sleep(0.05)
            with ScriptedServer(RULES) as server:
                rows, failed = lab.go(server, items("tea"), nodes("a", url=f"http://127.0.0.1:{port}/mcp"))
        finally:
            process.terminate()
    assert failed == {}
    assert rows[0]["a"][2]["content"] == "tea: 3 coins for None"
