"""The OpenAI-compatible provider: what goes over the wire, and what each answer or failure becomes."""

from __future__ import annotations

import asyncio
import email.utils
import json
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import AccessDenied, InputError, ModelError, RateLimited, Refused, Unavailable, Unreachable
from seedbed.models.contract import Reply, Request, Usage
from seedbed.models.http import retry_after
from seedbed.models.providers.openai import OpenAI
from seedbed.testing.http import HttpAnswer, HttpRequest, HttpServer
from seedbed.testing.server import ScriptedServer

ASKED = [{"role": "user", "content": "Hello"}]


def openai(url: str, **more: Any) -> OpenAI:
    return OpenAI.model_validate({"provider": "openai", "model": "m", "base_url": url, **more})


async def once(provider: OpenAI, **request: Any) -> Reply:
    await provider.open(Path())
    try:
        return await provider.ask(Request(ASKED, **request), None)
    finally:
        await provider.close()


def ask(url: str, request: dict[str, Any] | None = None, **more: Any) -> Reply:
    return asyncio.run(once(openai(url, **more), **(request or {})))


def against(answer: HttpAnswer | bytes, request: dict[str, Any] | None = None, **more: Any) -> Reply:
    """What comes of one answer that is made up byte by byte."""
    made = HttpAnswer(body=answer) if isinstance(answer, bytes) else answer

    async def run() -> Reply:
        server = HttpServer(lambda _: made)
        port = await server.start("127.0.0.1", 0)
        try:
            return await once(openai(f"http://127.0.0.1:{port}/v1", **more), **(request or {}))
        finally:
            await server.stop()

    return asyncio.run(run())


def completion(message: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"choices": [{"message": message, **more}]}).encode()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(params=["pyreqwest", "aiohttp"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both HTTP libraries, where both are there."""
    module = "seedbed.models.transports.pyreqwest"
    if request.param == "aiohttp":
        monkeypatch.setitem(sys.modules, module, None)
    else:
        pytest.importorskip(module, exc_type=ImportError)


# what is sent


def test_what_goes_over_the_wire(either: None) -> None:
    with ScriptedServer() as server:
        more = {"headers": {"X-Team": "data"}, "extra_body": {"top_k": 40}, "api_key": "sk-secret-9876"}
        ask(server.url, {"params": {"temperature": 0.5, "max_tokens": 7}}, **more)
        (seen,) = server.requests
    assert seen.path == "/v1/chat/completions"
    assert seen.body == {"model": "m", "messages": ASKED, "temperature": 0.5, "max_tokens": 7, "top_k": 40}
    assert seen.headers["authorization"] == "…9876"
    assert seen.headers["x-team"] == "data"
    assert seen.headers["content-type"] == "application/json"


def test_the_key_of_the_environment_goes_to_no_address_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    with ScriptedServer() as server:
        ask(server.url)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        asyncio.run(once(OpenAI.model_validate({"provider": "openai", "model": "m"})))
        assert ["authorization" in seen.headers for seen in server.requests] == [False, True]


def test_a_trailing_slash_is_no_other_address() -> None:
    assert openai("http://h/v1/").address() == openai("http://h/v1").address()


def test_an_address_that_is_none_is_said_before_anything_is_asked() -> None:
    with pytest.raises(InputError, match="base_url localhost:8000 is not a URL"):
        ask("localhost:8000")


def test_what_decides_an_answer_is_its_identity() -> None:
    same = openai("http://a").identity()
    assert openai("http://b", api_key="k", timeout=3.0, headers={"a": "b"}, retries=0).identity() == same
    for other in ({"model": "n"}, {"params": {"a": 1}}, {"extra_body": {"a": 1}}, {"cache_key": "x"}):
        assert openai("http://a", **other).identity() != same


# what is answered


def test_all_parts_of_an_answer() -> None:
    logprobs = [{"token": "Hi", "logprob": -0.1, "top_logprobs": []}]
    reply = against(
        json.dumps(
            {
                "model": "m-2026",
                "choices": [
                    {
                        "message": {"content": "Hi", "reasoning_content": "hm"},
                        "finish_reason": "stop",
                        "logprobs": {"content": logprobs},
                    }
                ],
                "usage": {
                    "prompt_tokens": 12,
                    "completion_tokens": 3,
                    "prompt_tokens_details": {"cached_tokens": 8},
                },
                "x_unknown": 1,
            }
        ).encode()
    )
    assert (reply.text, reply.model, reply.reasoning, reply.logprobs) == ("Hi", "m-2026", "hm", logprobs)
    assert reply.usage == Usage(12, 3, 8)
    assert reply.finish_reason == "stop"
    assert reply.seconds > 0


@pytest.mark.parametrize(
    ("message", "more", "text", "finish"),
    [
        ({"content": None}, {"finish_reason": "stop"}, "", "stop"),
        ({}, {}, "", "stop"),
        ({"content": "half"}, {"finish_reason": "length"}, "half", "length"),
        ({"content": "half"}, {"finish_reason": "max_tokens"}, "half", "length"),
        ({"content": ""}, {"finish_reason": "content_filter"}, "", "content_filter"),
        ({"content": "x"}, {"finish_reason": "eos"}, "x", "stop"),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, {}, "ab", "stop"),
        ({"content": "x", "reasoning": "r", "tool_calls": None}, {"logprobs": None}, "x", "stop"),
    ],
)
def test_answers_of_all_kinds(message: dict[str, Any], more: dict[str, Any], text: str, finish: str) -> None:
    reply = against(completion(message, **more))
    assert (reply.text, reply.finish_reason) == (text, finish)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Bad gateway</html>",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"choices": []}',
        b'{"choices": [{"message": {"content": 3}}]}',
        b'{"error": {"message": "the model is loading", "code": 503}}',
    ],
)
def test_what_is_no_answer_is_asked_again(body: bytes) -> None:
    with pytest.raises(Unavailable, match="no chat completion") as failure:
        against(body)
    assert failure.value.retryable
    assert failure.value.reply is not None, "it answered, so it is there"


def test_an_error_within_a_200_is_told() -> None:
    with pytest.raises(Unavailable, match="the model is loading"):
        against(b'{"error": {"message": "the model is loading"}}')


# what fails


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused), (404, Refused), (413, Refused), (422, Refused), (401, AccessDenied), (403, AccessDenied),
        (408, Unavailable), (409, Unavailable), (429, RateLimited), (500, Unavailable), (503, Unavailable),
        (529, Unavailable),
    ],
)  # fmt: skip
def test_what_a_status_means(status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=f"answered {status}: .*out of luck") as failure:
        against(HttpAnswer(status, b'{"error": {"message": "out of luck"}}'))
    assert type(failure.value) is kind


def test_a_wrong_path_says_what_to_check() -> None:
    with pytest.raises(Refused, match="check the model's `base_url` and `model`"):
        against(HttpAnswer(404, b"nothing here"))


def test_no_quota_is_no_rate() -> None:
    with pytest.raises(AccessDenied, match="no quota left"):
        against(HttpAnswer(429, b'{"error": {"code": "insufficient_quota"}}'))


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("value", "seconds"), [("2", 2.0), ("0.25", 0.25), ("soon", None), ("inf", None), ("-3", 0.0)])
def test_retry_after(status: int, value: str, seconds: float | None) -> None:
    with pytest.raises(ModelError) as failure:
        against(HttpAnswer(status, b"slow down", headers={"Retry-After": value}))
    assert failure.value.wait == seconds


def test_retry_after_a_date() -> None:
    in_a_minute = email.utils.formatdate(time.time() + 60, usegmt=True)
    assert 55 < (retry_after({"retry-after": in_a_minute}) or 0) <= 61
    assert retry_after({"retry-after": email.utils.formatdate(0)}) == 0.0
    assert retry_after({}) is None


def test_nobody_listens(either: None) -> None:
    with pytest.raises(Unreachable, match=r"cannot reach http://127.0.0.1:\d+/v1: Connection refused"):
        ask(f"http://127.0.0.1:{free_port()}/v1")


def test_a_name_that_is_not_known(either: None) -> None:
    with pytest.raises(Unreachable, match=r"cannot reach http://nowhere\.invalid/v1"):
        ask("http://nowhere.invalid/v1")


def test_tls_to_a_port_that_speaks_none(either: None) -> None:
    async def run() -> None:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            await once(openai(f"https://127.0.0.1:{port}/v1"))

    with pytest.raises(Unreachable, match="cannot reach https://"):
        asyncio.run(run())


def test_too_slow(either: None) -> None:
    with ScriptedServer([{"fail": "hang"}]) as server, pytest.raises(Unavailable, match=r"within 0\.2 s"):
        ask(server.url, timeout=0.2)


@pytest.mark.parametrize("kind", ["drop", "half"])
def test_a_connection_that_breaks(kind: str, either: None) -> None:
    with ScriptedServer([{"fail": kind}]) as server, pytest.raises(Unavailable, match="broke: "):
        ask(server.url)


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
def test_no_error_shows_a_secret(status: int) -> None:
    async def run() -> str:
        def echo(request: HttpRequest) -> HttpAnswer:
            return HttpAnswer(status, json.dumps({"error": request.headers}).encode())

        server = HttpServer(echo)
        port = await server.start("127.0.0.1", 0)
        more = {"api_key": "sk-very-secret", "headers": {"X-Other": "also-secret"}}
        try:
            await once(openai(f"http://127.0.0.1:{port}/v1", **more))
        except Exception as error:
            return f"{error} {getattr(error, 'reply', '')}"
        finally:
            await server.stop()
        return "no error"

    said = asyncio.run(run())
    assert "<redacted>" in said
    assert "secret" not in said


# structured output


SCHEMA = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}


@pytest.mark.parametrize(
    ("refused", "mode"), [(0, "json_schema"), (1, "tool"), (2, "json_object"), (3, "prompt")], ids=str
)
def test_the_best_way_to_ask_is_found_by_the_first_call_and_remembered(refused: int, mode: str) -> None:
    ways = ["json_schema", "tool", "json_object"][:refused]
    refusals = [
        {"wants": way, "fail": {"status": 400, "message": f"{way}: unsupported response_format"}} for way in ways
    ]
    with ScriptedServer([*refusals, {"json": {"score": 3}}]) as server:

        async def run() -> list[Reply]:
            provider = openai(server.url)
            await provider.open(Path())
            replies = [await provider.ask(Request(ASKED, schema=SCHEMA), None) for _ in range(2)]
            await provider.close()
            return replies

        replies = asyncio.run(run())
        assert [json.loads(reply.text) for reply in replies] == [{"score": 3}] * 2
        assert {reply.mode for reply in replies} == {mode}
        assert server.counts.received == refused + 2


def test_a_refusal_that_is_about_the_request_is_not_asked_in_other_ways() -> None:
    with ScriptedServer([{"fail": {"status": 400, "message": "the prompt is too long"}}]) as server:
        with pytest.raises(Refused, match="too long"):
            ask(server.url, {"schema": SCHEMA})
        assert server.counts.received == 1
