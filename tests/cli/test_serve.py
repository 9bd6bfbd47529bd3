import asyncio
import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from seedbed.cli.serve import serve
from seedbed.errors import InputError, SpecError
from seedbed.models.contract import Provider, Reply, Request, Usage
from seedbed.testing.bridge import answer_from
from seedbed.testing.front import Front
from seedbed.testing.http import HttpServer


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    command = [sys.executable, "-c", "from seedbed.cli.serve import serve; serve()", *arguments, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


def ask(url: str, prompt: str) -> Any:
    body = json.dumps({"messages": [{"role": "user", "content": prompt}]}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{url}/chat/completions", body)) as response:
        return json.load(response)


def test_scripted_answers_until_interrupted(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {contains: ping, reply: pong}\n", "utf-8")
    with serving("scripted", str(rules), "--latency", "0.01") as (url, process):
        assert ask(url, "ping")["choices"][0]["message"]["content"] == "pong"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_scripted_says_what_is_wrong(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {contains: ping, replay: pong}\n", "utf-8")
    result = CliRunner().invoke(serve, ["scripted", str(rules)])
    assert isinstance(result.exception, SpecError)
    assert "rules.yaml:1:20: unknown key `replay`" in str(result.exception)
    result = CliRunner().invoke(serve, ["scripted", str(tmp_path / "none.yaml")])
    assert isinstance(result.exception, InputError)


def test_a_port_in_use_is_said() -> None:
    with serving("scripted") as (url, _):
        port = url.split(":")[2].split("/")[0]
        result = CliRunner().invoke(serve, ["scripted", "--port", port])
        assert isinstance(result.exception, InputError)
        assert f"cannot listen on 127.0.0.1:{port}" in str(result.exception)


def test_local_names_a_model_that_is_not_there() -> None:
    result = CliRunner().invoke(serve, ["local", "no-such-model", "--port", "0"])
    assert isinstance(result.exception, InputError)
    assert "no-such-model" in str(result.exception)


class Echo(Provider):
    """Answers with what it was given."""

    async def ask(self, request: Request, visit: Any) -> Reply:
        said = json.dumps([request.messages[-1]["content"], request.params, request.schema])
        return Reply(said, usage=Usage(3, 2), reasoning="thought")


def test_a_provider_behind_the_front() -> None:
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.5,
        "n": 2,
        "seed": 7,
        "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}},
    }

    async def run() -> Any:
        server = HttpServer(Front(answer_from(Echo(provider="echo"))).handle)
        port = await server.start("127.0.0.1", 0)
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=body) as response,
        ):
            answer = await response.json()
        await server.stop()
        return answer

    answer = asyncio.run(run())
    said = [json.loads(choice["message"]["content"]) for choice in answer["choices"]]
    assert said == [["hi", {"temperature": 0.5, "seed": seed}, {"type": "object"}] for seed in (7, 8)]
    assert answer["usage"]["completion_tokens"] == 4
    assert answer["choices"][0]["message"]["reasoning_content"] == "thought"


@pytest.mark.parametrize("command", ["scripted", "local"])
def test_help(command: str) -> None:
    assert "--port" in CliRunner().invoke(serve, [command, "--help"]).output
