"""A key is in no file of a run, no message and no log, also where the endpoint sends it back."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from seedbed.testing.http import HttpAnswer, HttpRequest, HttpServer

KEY = "sk-3f9a77c1d2e84b06"
OTHER = "team-secret-55e1"


class Parrot:
    """An endpoint that answers with what it was sent, headers included, one way after the other."""

    ways = ("400", "error 200", "500", "answer", "garbage")

    def __init__(self) -> None:
        self.count = 0
        self.keys: set[str] = set()

    def handle(self, request: HttpRequest) -> HttpAnswer:
        way = self.ways[self.count % len(self.ways)]
        self.count += 1
        self.keys.add(request.headers.get("authorization", ""))
        echo = json.dumps({"error": {"message": f"bad key: {request.headers}"}}).encode()
        if way == "answer":
            return HttpAnswer(body=json.dumps({"choices": [{"message": {"content": f"{self.count}"}}]}).encode())
        if way == "garbage":
            return HttpAnswer(body=b"<html>" + echo)
        return HttpAnswer(200 if "200" in way else int(way), echo)


class Denying(Parrot):
    ways = ("answer", "answer", "answer", "401")


@pytest.fixture
def parrot(request: pytest.FixtureRequest) -> Iterator[tuple[Parrot, str]]:
    made: Parrot = request.param()
    started = threading.Event()
    loop = asyncio.new_event_loop()
    server = HttpServer(made.handle)
    port = 0

    async def start() -> None:
        nonlocal port
        port = await server.start("127.0.0.1", 0)
        started.set()

    def serve() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(server.stop())
        loop.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    started.wait()
    yield made, f"http://127.0.0.1:{port}/v1"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@pytest.mark.parametrize(
    ("parrot", "literal"), [(Parrot, True), (Denying, False)], indirect=["parrot"], ids=["in the file", "environment"]
)
def test_it_is_nowhere(project: Any, parrot: tuple[Parrot, str], literal: bool) -> None:
    endpoint, url = parrot
    project.environment |= {"MY_KEY": KEY, "MY_OTHER": OTHER}
    headers = {"X-Team-Key": OTHER if literal else "${MY_OTHER}"}
    model = {
        "provider": "openai",
        "model": "m",
        "base_url": url,
        "api_key": KEY if literal else "${MY_KEY}",
        "headers": headers,
        "retries": 1,
        "limits": {"concurrency": 2},
    }
    project.seeds(*[{"topic": f"topic {i}"} for i in range(8)])
    project.pipeline(
        models={"w": model},
        source="seeds.jsonl",
        nodes={"text": {"type": "llm", "model": "w", "prompt": "On {{ topic }}"}},
    )
    said = ""
    for arguments in (["run", "p.yaml"], ["run", "p.yaml", "--json"], ["run", "p.yaml", "--retry-failed"]):
        ran = project.end(project.start(*arguments))
        assert ran.code in (0, 1, 3), ran.err
        said += ran.out + ran.err
    assert endpoint.keys == {f"Bearer {KEY}"}, "it was sent"
    assert "<redacted>" in said or "<redacted>" in json.dumps(project.failed())
    assert KEY not in said
    assert OTHER not in said
    files = [path for path in (project.folder / "runs").rglob("*") if path.is_file()]
    assert len(files) >= 6
    for path in [*files, project.folder / "out.jsonl"]:
        data = path.read_bytes() if path.exists() else b""
        assert KEY.encode() not in data, path
        assert OTHER.encode() not in data, path
    resolved = (project.runs[0] / "pipeline.yaml").read_text("utf-8")
    assert ("<redacted>" if literal else "${MY_KEY}") in resolved
    if literal:
        assert "warning" in said
