"""A GGUF model loaded into this process by xllamacpp, shared by all who want the same file.

It takes and gives OpenAI chat bodies and knows neither requests nor records. A call blocks a thread of the model's own
until the answer is whole; answers are streamed only so that a call that nobody waits for any more can be cut short.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seedbed.errors import InputError, MissingExtra

SMALL = 200_000_000
"""Bytes of weights under which a second thread costs more than it gives."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a model is loaded: tokens of context per slot, answers written at once, and threads."""

    context: int
    slots: int
    threads: int


def default_threads(path: Path) -> int:
    """One thread for a tiny model, else one per core up to eight; half of the logical ones where there are many."""
    if path.stat().st_size < SMALL:
        return 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(8, usable if usable <= 4 else usable // 2))


class Engine:
    """One loaded model. Get one from `acquire`, and give it back with `release`."""

    def __init__(self, path: Path, shape: Shape) -> None:
        self.path = path
        self.shape = shape
        self.users = 0
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(shape.slots, thread_name_prefix="seedbed-local")
        self._server = _load(path, shape)

    async def chat(self, body: dict[str, Any]) -> Answered:
        """Answers a chat body. When the caller is cancelled, so is the answer, at its next token."""
        loop = asyncio.get_running_loop()
        left = threading.Event()

        def unwanted() -> bool:
            return left.is_set() or self._stopped.is_set() or loop.is_closed()

        try:
            return await loop.run_in_executor(self._pool, self._answer, body, unwanted)
        except asyncio.CancelledError:
            left.set()
            raise

    def _answer(self, body: dict[str, Any], unwanted: Callable[[], bool]) -> Answered:
        answered = Answered()

        def take(chunk: Any) -> bool:
            answered.add(chunk)
            return unwanted()

        asked = {**body, "stream": True, "stream_options": {"include_usage": True}}
        try:
            failed = self._server.handle_chat_completions(asked, take)
        except ValueError as error:
            failed = {"error": {"code": 400, "message": str(error)}}
        if isinstance(failed, dict):
            answered.add(failed)
        elif not answered.finish_reason and not answered.error:
            answered.error = {"code": 503, "message": "the answer was cut short, because the model was closed"}
        return answered

    def close(self) -> None:
        """Cuts short what is being answered and lets the model go. Blocks until it is gone."""
        self._stopped.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        del self._server


@dataclass(slots=True)
class Answered:
    """What a model has answered so far."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str = ""
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)
    """OpenAI's error object, with `code` the HTTP status, when there is no answer."""

    def add(self, chunk: dict[str, Any]) -> None:
        """Takes in one chunk of the stream."""
        self.error = chunk.get("error") or self.error
        self.usage = chunk.get("usage") or self.usage
        for choice in chunk.get("choices", ()):
            delta = choice.get("delta") or {}
            self.text += delta.get("content") or ""
            self.reasoning += delta.get("reasoning_content") or ""
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
            self.logprobs += (choice.get("logprobs") or {}).get("content") or ()


_engines: list[Engine] = []
_lock = threading.Lock()


def acquire(path: Path, shape: Shape) -> Engine:
    """The model of a file, loaded if no loaded one will do: same slots and threads, and enough context. Blocks."""
    with _lock:
        for engine in _engines:
            same = (engine.path, engine.shape.slots, engine.shape.threads) == (path, shape.slots, shape.threads)
            if same and engine.shape.context >= shape.context:
                break
        else:
            engine = Engine(path, shape)
            _engines.append(engine)
        engine.users += 1
        return engine


def release(engine: Engine) -> None:
    """Gives a model back; the last one to do so unloads it. Blocks."""
    with _lock:
        engine.users -= 1
        last = engine.users == 0
        if last:
            _engines.remove(engine)
    if last:
        engine.close()


def _load(path: Path, shape: Shape) -> Any:
    # With its default of spinning at each barrier, OpenMP starves as soon as another process wants a core.
    os.environ.setdefault("GOMP_SPINCOUNT", "300")
    try:
        import xllamacpp
    except ImportError as error:
        raise MissingExtra("the embedded model", "local") from error
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_parallel = shape.slots
    params.n_ctx = shape.context * shape.slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = shape.threads
    params.warmup = False
    params.verbosity = 0
    params.cache_ram_mib = 0  # Prompts of other records are no use later; the default keeps 8 GB of them.
    params.ui = False
    params.api_keys = [secrets.token_hex(16)]  # It also listens on loopback, where no one else shall use it.
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise InputError(
            f"the embedded runtime cannot load {path}: {error}", hint="is it a whole GGUF file?"
        ) from error
