"""A run around one `llm` node, with models that answer from a function and keep what they were asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from seedbed.graph.contracts import Visit
from seedbed.models.contract import Answer, Reply, Request
from seedbed.nodes.llm import LlmNode


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
