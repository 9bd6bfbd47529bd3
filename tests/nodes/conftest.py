"""A run around one `llm` node, with models that answer from a function and keep what they were asked."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from seedbed.graph.contracts import Visit
from seedbed.models.contract import Answer, Reply, Request
from seedbed.nodes.llm import LlmNode
from seedbed.run.prepare import prepare
from seedbed.run.session import Options, Session
from seedbed.testing.server import ScriptedServer


class Model:
    """A caller that answers with its name, the sample, and nothing it was not told."""

    def __init__(self, name: str, answer: Callable[[Request, int], Any] | None = None) -> None:
        self.name = name
        self.answer = answer or (lambda request, sample: f"{name} {sample}")
        self.load = 0.0
        self.known: set[int] = set()
        self.asked: list[Request] = []

    def knows(self, request: Request, visit: Visit, sample: int = 0) -> bool:
        return sample in self.known

    async def ask(self, request: Request, visit: Visit, sample: int = 0) -> Answer:
        self.asked.append(request)
        reply = self.answer(request, sample)
        if isinstance(reply, Exception):
            raise reply
        reply = Reply(reply) if isinstance(reply, str) else reply
        return Answer(reply, request.accept(reply) if request.accept else reply.text)


class Scene:
    """Models by name, and nodes that ask them."""

    def __init__(self, base: Path) -> None:
        self.seed, self.params, self.base, self.folder = 0, dict[str, Any](), base, base
        self.models: dict[str, Model] = {}

    def add(self, name: str, answer: Callable[[Request, int], Any] | None = None) -> Model:
        self.models[name] = Model(name, answer)
        return self.models[name]

    def model(self, name: str) -> Model:
        return self.models.get(name) or self.add(name)

    def run_blocking(self, call: Callable[[], Any]) -> Awaitable[Any]:
        return asyncio.to_thread(call)

    def node(self, **spec: Any) -> LlmNode:
        node = LlmNode.model_validate({"type": "llm", "model": "m", **spec})
        node._name, node._base = "draft", self.base
        return node

    def run(self, scope: dict[str, Any] | None = None, record: str = "r1", number: int = 1, **spec: Any) -> Any:
        """The value of one visit, and the visit."""
        node = self.node(**spec)
        assert list(node.check(self.base)) == []
        visit = Visit(scope or {}, record, "draft", number, 0)
        return asyncio.run(node.prepare(self)(visit)), visit  # type: ignore[arg-type]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


class Lab:
    """A pipeline of a few nodes in a folder, run whole against a scripted server, in this process or as one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, server: ScriptedServer, rows: list[dict[str, Any]], nodes: dict[str, Any], **keys: Any) -> None:
        limits = {"concurrency": 4}
        one = {"provider": "openai", "base_url": server.url, "limits": limits, "retries": 1}
        models = {name: {**one, "model": name} for name in ("m", "world", "judge")}
        used = {name: models[name] for name in models if f'"{name}"' in json.dumps(nodes)}
        whole = {"name": "p", "models": used, "source": rows, "nodes": nodes, "sink": "out.jsonl", **keys}
        (self.folder / "p.yaml").write_text(json.dumps(whole), "utf-8")

    def go(self, *given: Any, **keys: Any) -> tuple[list[Any], dict[str, str]]:
        """The rows that came out, and what is said of those that failed, by id."""
        self.write(*given, **keys)
        asyncio.run(Session(prepare(self.folder / "p.yaml"), Options()).run())
        return self.rows(), {line["id"]: line["message"] for line in self._lines("runs/*/*/failed.jsonl")}

    def rows(self) -> list[Any]:
        return self._lines("out.jsonl")

    def start(self) -> subprocess.Popen[bytes]:
        """`seedbed run p.yaml --quiet` as a process of its own."""
        return subprocess.Popen([sys.executable, "-m", "seedbed", "run", "p.yaml", "--quiet"], cwd=self.folder)

    def kill_when(self, holds: Callable[[], bool]) -> None:
        """Starts a process, and kills it once something holds."""
        end = time.monotonic() + 30
        with self.start() as process:
            try:
                while not holds():
                    assert process.poll() is None, "it ended before"
                    assert time.monotonic() < end, "it never came to be"
                    time.sleep(0.01)
            finally:
                process.kill()

    def _lines(self, name: str) -> list[Any]:
        return [json.loads(line) for path in self.folder.glob(name) for line in path.read_bytes().splitlines()]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)
