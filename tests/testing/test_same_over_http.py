"""The same rules give the same replies and the same errors in process and over HTTP."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import SeedbedError
from seedbed.models.contract import Provider, Reply, Request
from seedbed.models.providers.openai import OpenAI
from seedbed.models.providers.scripted import Scripted
from seedbed.testing.server import ScriptedServer

SCHEMA = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}
RULES: list[dict[str, Any]] = [
    *[{"contains": kind, "fail": kind} for kind in ("drop", "half", "hang", "garbage")],
    *[{"contains": f"status {status}", "fail": status} for status in (400, 401, 403, 404, 408, 429, 500, 503)],
    {"contains": "wait", "fail": {"status": 429, "retry_after": 0.5}},
    {"contains": "empty", "fail": "empty", "reply": "x"},
    {"contains": "cut", "fail": "cut", "reply": "12345678"},
    {"contains": "parts", "reply": "a", "reasoning": "b", "usage": {"input": 5, "output": 6, "cached_input": 2}},
    {"contains": "echo", "echo": True},
]


def outcome(provider: Provider, prompt: str, schema: Any) -> Any:
    """What a call comes to, without what depends on the way it took."""

    async def run() -> Reply:
        await provider.open(Path())
        try:
            return await provider.ask(Request([{"role": "user", "content": prompt}], schema=schema), None)
        finally:
            await provider.close()

    try:
        reply = asyncio.run(run())
    except SeedbedError as error:
        return type(error), getattr(error, "wait", None)
    return reply.text, reply.finish_reason, reply.usage, reply.reasoning, reply.model, reply.mode


@pytest.fixture(scope="module")
def server() -> Any:
    with ScriptedServer(RULES) as server:
        yield server


@pytest.mark.parametrize("prompt", [*[str(rule["contains"]) for rule in RULES], "made up", "made up by schema"])
def test_same(server: ScriptedServer, prompt: str) -> None:
    schema = SCHEMA if "schema" in prompt else None
    common: dict[str, Any] = {"model": "m", "timeout": 0.3}
    here = outcome(Scripted.model_validate({"provider": "scripted", "rules": RULES, **common}), prompt, schema)
    there = {"provider": "openai", "base_url": server.url, "api_key": "k", **common}
    remote = outcome(OpenAI.model_validate(there), prompt, schema)
    if schema is None:
        assert here == remote
    else:
        assert here[1:2] + here[3:] == remote[1:2] + remote[3:]
