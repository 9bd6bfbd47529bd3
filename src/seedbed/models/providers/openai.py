"""Any OpenAI-compatible chat endpoint: OpenAI, vLLM, SGLang, TGI, llama.cpp, Ollama, Together, Groq, …"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec
from pydantic import Field

from seedbed.errors import InputError, Refused, Unavailable
from seedbed.graph.contracts import Text, Visit
from seedbed.models.contract import FinishReason, Provider, Reply, Request, ToolCall, Usage
from seedbed.models.http import Http
from seedbed.models.structured import strict_schema

__all__ = ["OpenAI"]

Mode = Literal["json_schema", "tool", "json_object", "prompt"]
_MODES: tuple[Mode, ...] = ("json_schema", "tool", "json_object", "prompt")
_FINISH: dict[str | None, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
_ABOUT_MODE = re.compile(r"response_format|json|schema|tool|function|unsupported|not support|unknown|unrecogni", re.I)
"""What a refusal says when it is about how a schema was asked for, and not about the request itself."""
_ANSWER = "answer"
"""What a schema, or the tool that stands for one, is called."""
_found: dict[tuple[str, str], Mode] = {}
"""How each model at each address takes a schema, once one of its own calls has shown it."""


class _Function(msgspec.Struct, frozen=True):
    name: str = ""
    arguments: str | dict[str, Any] | None = ""

    @property
    def text(self) -> str:
        """The arguments as text: some servers send them decoded."""
        return self.arguments if isinstance(self.arguments, str) else _encode(self.arguments or {}).decode()


class _ToolCall(msgspec.Struct, frozen=True):
    id: str | None = None
    function: _Function = _Function()


class _Message(msgspec.Struct, frozen=True):
    content: str | list[dict[str, Any]] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Logprobs(msgspec.Struct, frozen=True):
    content: list[dict[str, Any]] | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Message = _Message()
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Details(msgspec.Struct, frozen=True):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None


class _Answer(msgspec.Struct, frozen=True):
    choices: list[_Choice]
    usage: _Usage | None = None
    model: str | None = None


_decode = msgspec.json.Decoder(_Answer).decode
_encode = msgspec.json.Encoder().encode


class OpenAI(Provider):
    """An endpoint that speaks OpenAI's chat completions."""

    provider: Literal["openai"]
    model: Text = Field(min_length=1, json_schema_extra={"minLength": 1})
    """The model's name at the endpoint."""
    base_url: Text | None = None
    """Where the endpoint is, up to and with `/v1`. Default: $OPENAI_BASE_URL, else OpenAI's own."""
    api_key: Text | None = None
    """Write ${NAME}. Default: $OPENAI_API_KEY where the file names no `base_url`."""
    headers: dict[str, Text] = {}
    """Further HTTP headers."""
    extra_body: dict[str, Any] = {}
    """Further keys of each request, as the endpoint wants them."""

    def address(self) -> str:
        """The endpoint's URL."""
        url = self.base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        return url.rstrip("/")

    def identity(self) -> dict[str, Any]:
        """Further keys of the requests decide the answers as parameters do."""
        return {**super().identity(), **({"extra_body": self.extra_body} if self.extra_body else {})}

    @cached_property
    def chat(self) -> _Chat:
        """The open endpoint, kept beside the fields: pydantic's private attributes are slow to read at every call."""
        address = self.address()
        # A key from the environment goes to no address that the file has chosen.
        key = self.api_key or (os.environ.get("OPENAI_API_KEY", "") if self.base_url is None else "")
        headers = {"Content-Type": "application/json", "User-Agent": "seedbed"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        headers.update(self.headers)
        http = Http(address, headers, (key, *self.headers.values()))
        return _Chat(http, address, self.model, self.extra_body, self.timeout)

    async def open(self, base: Path) -> None:
        """Makes sure of the address; connects with the first call."""
        if not self.address().startswith(("http://", "https://")):
            fix = "write for instance http://127.0.0.1:8000/v1"
            raise InputError(f"model `{self.name}`: base_url {self.address()} is not a URL", hint=fix)

    async def close(self) -> None:
        """Closes the connections."""
        chat: _Chat | None = self.__dict__.pop("chat", None)
        if chat is not None:
            await chat.http.close()

    async def ask(self, request: Request, visit: Visit | None) -> Reply:
        """One POST to /chat/completions; with a schema, in the best mode the endpoint takes."""
        chat = self.chat
        if request.schema is None:
            return await chat.ask(request, None)
        place = (chat.address, chat.model)
        if place in _found:
            return await chat.ask(request, _found[place])
        first: Refused | None = None
        for mode in _MODES:
            try:
                reply = await chat.ask(request, mode)
            except Refused as error:
                first = first or error
                if not _ABOUT_MODE.search(error.reply or ""):
                    break
                continue
            _found[place] = mode
            return reply
        assert first is not None
        raise first


@dataclass(slots=True)
class _Chat:
    """An open endpoint."""

    http: Http
    address: str
    model: str
    extra_body: dict[str, Any]
    timeout: float

    async def ask(self, request: Request, mode: Mode | None) -> Reply:
        """One attempt."""
        body: dict[str, Any] = {"model": self.model, "messages": request.messages, **request.params, **self.extra_body}
        if request.tools:
            body["tools"] = request.tools
            if request.tool_choice is not None:
                body["tool_choice"] = request.tool_choice
        if mode is not None and request.schema is not None:
            body.update(_asking(mode, request.schema, request))
        started = time.monotonic()
        answer = await self.http.post(f"{self.address}/chat/completions", _encode(body), self.timeout)
        return self._reply(answer, mode, bool(request.tools), time.monotonic() - started)

    def _reply(self, answer: bytes, mode: Mode | None, told_tools: bool, seconds: float) -> Reply:
        try:
            decoded = _decode(answer)
            choice = decoded.choices[0]
        except (msgspec.DecodeError, UnicodeDecodeError, IndexError) as error:
            said = self.http.redacted(answer[:300].decode("utf-8", "replace"))
            raise Unavailable(f"{self.address} answered with no chat completion: {said}", reply=said) from error
        message = choice.message
        text = message.content
        if isinstance(text, list):
            text = "".join(str(part.get("text", "")) for part in text)
        finish = _FINISH.get(choice.finish_reason, "stop")
        calls = [
            ToolCall(call.id or f"call_{i}", call.function.name, call.function.text)
            for i, call in enumerate(message.tool_calls or ())
        ]
        if mode == "tool" and calls and (not told_tools or calls[0].name == _ANSWER):
            text, finish, calls = calls[0].arguments, "stop", []
        usage = decoded.usage or _Usage()
        details = usage.prompt_tokens_details
        return Reply(
            text=text or "",
            finish_reason=finish,
            usage=Usage(
                usage.prompt_tokens or 0, usage.completion_tokens or 0, (details and details.cached_tokens) or 0
            ),
            model=decoded.model or self.model,
            reasoning=message.reasoning_content or message.reasoning,
            logprobs=choice.logprobs.content if choice.logprobs else None,
            seconds=seconds,
            mode=mode or "",
            tool_calls=calls or None,
        )


def _asking(mode: Mode, schema: dict[str, Any], request: Request) -> dict[str, Any]:
    """The keys of a request that ask for an answer that follows a schema."""
    if mode == "json_schema":
        strict = strict_schema(schema)
        wanted = {"name": _ANSWER, "schema": strict or schema, "strict": strict is not None}
        return {"response_format": {"type": "json_schema", "json_schema": wanted}}
    if mode == "tool":
        tool = {"name": _ANSWER, "description": "Gives the answer.", "parameters": schema}
        only = {"type": "function", "function": {"name": _ANSWER}}
        tools = [*(request.tools or ()), {"type": "function", "function": tool}]
        return {"tools": tools, "tool_choice": "required" if request.tools else only}
    text = _encode(schema).decode()
    told = {"role": "system", "content": f"Answer with one JSON object that follows this JSON Schema:\n{text}"}
    asked: dict[str, Any] = {"messages": [told, *request.messages]}
    if mode == "json_object":
        asked["response_format"] = {"type": "json_object"}
    return asked
