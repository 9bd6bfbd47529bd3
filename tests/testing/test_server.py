import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from seedbed.errors import SpecError
from seedbed.testing.server import ScriptedServer

Call = Callable[..., Awaitable[tuple[int, Any, Any]]]


def chat(server: ScriptedServer, work: Callable[[Call], Awaitable[Any]], key: str = "sk-abcdefgh") -> Any:
    """Runs `work` with a function that posts one chat completion and returns status, body and headers."""

    async def run() -> Any:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:

            async def call(prompt: str = "hi", **more: Any) -> tuple[int, Any, Any]:
                body = {"model": "m", "messages": [{"role": "user", "content": prompt}], **more}
                timeout = aiohttp.ClientTimeout(total=more.pop("timeout", 10))
                url = f"{server.url}/chat/completions"
                async with session.post(url, json=body, timeout=timeout) as response:
                    raw = await response.read()
                    is_json = response.content_type == "application/json"
                    return response.status, json.loads(raw) if is_json else raw.decode(), response.headers

            return await work(call)

    return asyncio.run(run())


def once(server: ScriptedServer, prompt: str = "hi", key: str = "sk-abcdefgh", **more: Any) -> tuple[int, Any, Any]:
    async def work(call: Call) -> tuple[int, Any, Any]:
        return await call(prompt, **more)

    result: tuple[int, Any, Any] = chat(server, work, key)
    return result


def text(body: Any) -> str:
    content: str = body["choices"][0]["message"]["content"]
    return content


def test_answers_log_and_counts() -> None:
    with ScriptedServer([{"contains": "France", "reply": "Paris"}]) as server:
        status, body, _ = once(server, "The capital of France?", temperature=0.5)
        assert (status, text(body), body["model"]) == (200, "Paris", "m")
        assert body["usage"]["prompt_tokens"] == 6
        assert body["usage"]["total_tokens"] == 8
        (seen,) = server.requests
        assert seen.body is not None
        assert seen.body["temperature"] == 0.5
        assert (seen.status, seen.rule, seen.prompt) == (200, 1, "The capital of France?")
        assert seen.path == "/v1/chat/completions"
        assert seen.headers["authorization"] == "…efgh"
        assert "abcd" not in repr(seen)
        counts = server.counts
        assert (counts.received, counts.answered, counts.in_flight, counts.max_in_flight) == (1, 1, 0, 1)
        assert (counts.input_tokens, counts.output_tokens) == (6, 2)


def test_failures_with_a_status() -> None:
    rules = [
        {"contains": "busy", "fail": {"status": 429, "retry_after": 0.25, "times": 1}, "reply": "fine"},
        {"contains": "down", "fail": {"status": 500, "message": "no luck"}},
        {"contains": "empty", "fail": "empty", "reply": "x"},
        {"contains": "cut", "fail": "cut", "reply": "12345678"},
        {"contains": "unfillable", "reply": "{{ match.a.b }}"},
    ]
    with ScriptedServer(rules) as server:

        async def work(call: Call) -> None:
            status, body, headers = await call("busy")
            assert (status, headers["Retry-After"]) == (429, "0.25")
            assert body["error"]["type"] == "rate_limit_error"
            assert (await call("busy"))[0] == 200
            status, body, headers = await call("down")
            assert (status, body["error"]["message"], "Retry-After" in headers) == (500, "no luck", False)
            assert text((await call("empty"))[1]) == ""
            choice = (await call("cut"))[1]["choices"][0]
            assert (choice["message"]["content"], choice["finish_reason"]) == ("1234", "length")
            assert (await call("unfillable"))[0] == 400

        chat(server, work)
        assert [seen.status for seen in server.requests] == [429, 200, 500, 200, 200, 400]
        assert (server.counts.answered, server.counts.failed) == (3, 3)


def test_failures_of_the_connection() -> None:
    rules = [{"contains": kind, "fail": kind} for kind in ("drop", "half", "hang", "garbage")]
    with ScriptedServer(rules) as server:

        async def work(call: Call) -> None:
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await call("drop")
            with pytest.raises(aiohttp.ClientPayloadError):
                await call("half")
            with pytest.raises(TimeoutError):
                await call("hang", timeout=0.1)
            status, body, _ = await call("garbage")
            assert (status, body[:6]) == (200, "<html>")
            assert (await call("fine"))[0] == 200

        chat(server, work)
        assert [(seen.status, seen.fault) for seen in server.requests] == [
            (None, "drop"),
            (200, "half"),
            (None, "hang"),
            (200, "garbage"),
            (200, ""),
        ]
        counts = server.counts
        assert (counts.answered, counts.failed, counts.gone, counts.in_flight) == (1, 3, 1, 0)


def test_a_client_that_does_not_wait_is_counted_as_gone() -> None:
    with ScriptedServer(latency=5) as server:
        with pytest.raises(TimeoutError):
            once(server, timeout=0.05)
        deadline = time.monotonic() + 2
        while server.counts.in_flight and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (server.counts.gone, server.requests[0].fault) == (1, "gone")


def test_latency_and_many_at_once() -> None:
    with ScriptedServer(latency=0.1) as server:

        async def work(call: Call) -> None:
            await asyncio.gather(*[call(f"{i}") for i in range(50)])

        started = time.monotonic()
        chat(server, work)
        assert 0.1 <= time.monotonic() - started < 3
        assert server.counts.max_in_flight == 50
        assert len(server.requests) == 50


def test_limits() -> None:
    with ScriptedServer(latency=0.2, max_in_flight=2) as server:

        async def work(call: Call) -> list[int]:
            return [status for status, _, _ in await asyncio.gather(*[call(f"{i}") for i in range(5)])]

        assert sorted(chat(server, work)) == [200, 200, 429, 429, 429]
        assert server.counts.refused == 3

    with ScriptedServer(max_requests=2, window=30, rate_headers=True) as server:
        _, _, headers = once(server)
        assert headers["x-ratelimit-limit-requests"] == "2"
        assert headers["x-ratelimit-remaining-requests"] == "1"
        once(server)
        status, _, headers = once(server)
        assert status == 429
        assert 0 < float(headers["Retry-After"]) <= 30

    with ScriptedServer(max_tokens=10, window=0.3) as server:
        assert [once(server)[0] for _ in range(2)] == [200, 429]
        time.sleep(0.35)
        assert once(server)[0] == 200


def test_slots_make_requests_wait() -> None:
    with ScriptedServer(latency=0.05, slots=1) as server:

        async def work(call: Call) -> list[int]:
            return [status for status, _, _ in await asyncio.gather(*[call(f"{i}") for i in range(5)])]

        started = time.monotonic()
        assert chat(server, work) == [200] * 5
        assert time.monotonic() - started >= 0.25
        assert server.counts.answered == 5


def test_key() -> None:
    with ScriptedServer(api_key="right") as server:
        assert once(server, key="wrong")[0] == 401
        assert once(server, key="right")[0] == 200


SCHEMA = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}


def test_schema_tool_and_object_modes() -> None:
    with ScriptedServer([{"contains": "no schema", "wants": "json_schema", "fail": 400}]) as server:
        form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
        assert isinstance(json.loads(text(once(server, response_format=form)[1]))["score"], int)
        assert once(server, "no schema", response_format=form)[0] == 400
        assert isinstance(json.loads(text(once(server, response_format={"type": "json_object"})[1])), dict)
        tool = {"type": "function", "function": {"name": "answer", "parameters": SCHEMA}}
        choice = {"type": "function", "function": {"name": "answer"}}
        message = once(server, tools=[tool], tool_choice=choice)[1]["choices"][0]["message"]
        assert message["content"] is None
        assert message["tool_calls"][0]["function"]["name"] == "answer"
        assert isinstance(json.loads(message["tool_calls"][0]["function"]["arguments"])["score"], int)


def test_scripted_tool_calls_and_parts() -> None:
    rule = {
        "tool_calls": [{"name": "add", "arguments": {"a": 1}}],
        "reasoning": "because",
        "usage": {"input": 9, "output": 1, "cached_input": 4},
    }
    with ScriptedServer([rule]) as server:
        body = once(server)[1]
        choice = body["choices"][0]
        assert choice["finish_reason"] == "tool_calls"
        assert choice["message"]["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a":1}'}
        assert choice["message"]["reasoning_content"] == "because"
        assert body["usage"]["prompt_tokens_details"] == {"cached_tokens": 4}


def test_several_choices() -> None:
    with ScriptedServer([{"contains": "turn", "replies": ["a", "b", "c"]}]) as server:
        body = once(server, n=3)[1]
        assert len({choice["message"]["content"] for choice in body["choices"]}) == 3
        body = once(server, "turn", n=2)[1]
        assert [choice["message"]["content"] for choice in body["choices"]] == ["a", "b"]


def test_stream() -> None:
    with ScriptedServer([{"reply": "one two three"}]) as server:
        status, body, _ = once(server, stream=True, stream_options={"include_usage": True})
        events = [line.removeprefix("data: ") for line in body.split("\n\n") if line]
        assert (status, events.pop()) == (200, "[DONE]")
        parsed = [json.loads(event) for event in events]
        said = [part["choices"][0]["delta"].get("content", "") for part in parsed if part["choices"]]
        assert "".join(said) == "one two three"
        assert len(said) == 5
        assert parsed[-1]["usage"]["completion_tokens"] == 4


def test_rules_may_change_while_it_runs() -> None:
    with ScriptedServer([{"reply": "before"}]) as server:
        assert text(once(server)[1]) == "before"
        server.rules = [{"reply": "after"}]
        assert text(once(server)[1]) == "after"
        with pytest.raises(SpecError, match="unknown key `replay`"):
            server.rules = [{"replay": "after"}]


def test_bad_requests_and_other_paths() -> None:
    async def work() -> None:
        async with aiohttp.ClientSession() as session:

            async def status(method: str, path: str, **more: Any) -> int:
                async with session.request(method, root + path, **more) as response:
                    return response.status

            assert await status("POST", "/v1/chat/completions", data=b"{") == 400
            assert await status("POST", "/v1/chat/completions", json=[]) == 400
            assert await status("POST", "/v1/chat/completions", json={"messages": []}) == 400
            assert await status("GET", "/v1/chat/completions") == 405
            assert await status("GET", "/v1/nothing") == 404
            assert await status("GET", "/health") == 200
            async with session.get(root + "/v1/models") as response:
                assert [model["id"] for model in (await response.json())["data"]] == ["a", "b"]
            async with session.get(root + "/stats") as response:
                assert (await response.json())["failed"] == 4

    with ScriptedServer(models=["a", "b"]) as server:
        root = server.url.removesuffix("/v1")
        asyncio.run(work())


def test_raw_bytes_pieces_pipelining_and_nonsense() -> None:
    body = b'{"messages":[{"role":"user","content":"x"}]}'
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    with ScriptedServer([{"reply": "pong"}]) as server:
        address = ("127.0.0.1", int(server.url.split(":")[2].split("/")[0]))
        with socket.create_connection(address, timeout=5) as sock:
            for byte in head + body:
                sock.sendall(bytes([byte]))
            assert b"pong" in sock.recv(65536)
            sock.sendall((head + body) * 3)
            got = b""
            while got.count(b"pong") < 3:
                got += sock.recv(65536)
        for nonsense, status in (
            (b"hello\r\n\r\n", b"400"),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
            (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
            (b"x" * 70_000, b"431"),
        ):
            with socket.create_connection(address, timeout=5) as sock:
                sock.sendall(nonsense)
                assert sock.recv(65536).split(b" ")[1] == status


def test_a_port_in_use_is_an_error() -> None:
    with ScriptedServer() as server:
        port = int(server.url.split(":")[2].split("/")[0])
        with pytest.raises(OSError, match="in use"):
            ScriptedServer(port=port).start()


def test_stop_ends_what_is_under_way() -> None:
    with ScriptedServer([{"fail": "hang"}]) as server:

        async def work(call: Call) -> None:
            waiting = asyncio.ensure_future(call())
            while not server.counts.in_flight:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(server.stop)
            with pytest.raises(aiohttp.ClientError):
                await waiting

        chat(server, work)


def test_as_a_process() -> None:
    command = [sys.executable, "-m", "seedbed.testing.server", "--port", "0", "--latency", "0.01"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        server = ScriptedServer()
        server._port = int(url.split(":")[2].split("/")[0])
        assert once(server)[0] == 200
        process.terminate()
        assert process.wait(10) == 0
