"""The embedded model: a small language model in this process, with no server, no key and no network.

What it answers at temperature 0 is the same each time only with `slots: 1`: several answers written at once share
their arithmetic, and rounding differs with who shares it.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, PrivateAttr, field_validator

from seedbed.errors import InputError, ModelError, Refused, Unavailable
from seedbed.graph.contracts import Visit
from seedbed.models import embedded, weights
from seedbed.models.catalogue import DEFAULT
from seedbed.models.contract import FinishReason, Provider, Reply, Request, Usage
from seedbed.models.tool_prompt import as_plain, from_plain
from seedbed.record import chance, digest

__all__ = ["Local"]

MAX_TOKENS = 512
"""Tokens of an answer when nobody says how many: a small model that has lost its thread would go on for ever."""


class Local(Provider):
    """A model run in process: `model: local`, `local/0.5b`, `local/135m`, or `local/./my.gguf`."""

    draws: ClassVar[bool] = True

    provider: Literal["local"]
    """Run in this process by llama.cpp; needs the extra `local`."""
    model: str = ""
    """A name of `seedbed models list`, or the path of a GGUF file. Default: 1.5b."""
    context: int = Field(default=4096, ge=256)
    """Tokens that prompt and answer together may have."""
    slots: int = Field(default=4, ge=1, le=64)
    """Answers written at once. With 1, the same call gives the same answer each time."""
    threads: int | None = Field(default=None, ge=1)
    """Threads of computation. Default: 1 for a tiny model, else as many as there are cores, at most 8."""

    _engine: embedded.Engine | None = PrivateAttr(default=None)

    @field_validator("model")
    @classmethod
    def _known(cls, model: str) -> str:
        try:
            if not weights.is_path(model):
                weights.chat_entry(model)
        except InputError as error:
            raise ValueError(str(error)) from error
        return model

    def identity(self) -> dict[str, Any]:
        """The default by its name, so that `local` and `local/1.5b` are one model."""
        return {**super().identity(), "model": self.model or DEFAULT}

    def address(self) -> str:
        """Each loaded model has limits of its own."""
        return f"local:{self.model or DEFAULT}"

    def default_concurrency(self) -> int:
        """More calls than slots would only wait inside."""
        return self.slots

    async def open(self, base: Path) -> None:
        """Finds the weights, fetches them if need be, and loads them. Raises UserError."""
        if self._engine is None:
            self._engine = await asyncio.to_thread(self._load, base)

    def _load(self, base: Path) -> embedded.Engine:
        path = weights.locate(self.model, base)
        threads = self.threads or embedded.default_threads(path)
        return embedded.acquire(path, embedded.Shape(self.context, self.slots, threads))

    async def ask(self, request: Request, visit: Visit | None) -> Reply:
        """One answer. Raises Refused where the prompt does not fit or the request is wrong, else Unavailable."""
        engine = self._engine
        if engine is None:
            raise Unavailable(f"the embedded model `{self.name}` is closed")
        given = request
        if request.tools and request.tool_choice != "none":
            request = as_plain(request)
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.timeout):
                answered = await engine.chat(self._body(request, visit))
        except TimeoutError as error:
            hint = "raise `timeout:` of the model, or lower `max_tokens`"
            raise Unavailable(f"no answer in {self.timeout:g} seconds", hint=hint) from error
        if answered.error:
            raise self._failure(answered.error)
        usage = answered.usage
        told = request is not given
        text, calls = from_plain(answered.text, len(given.messages)) if told else (answered.text, None)
        return Reply(
            text=text,
            finish_reason="tool_calls" if calls else _FINISH.get(answered.finish_reason, "stop"),
            usage=Usage(
                input=usage.get("prompt_tokens", 0),
                output=usage.get("completion_tokens", 0),
                cached_input=(usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0),
            ),
            model=engine.path.name,
            reasoning=answered.reasoning or None,
            logprobs=answered.logprobs or None,
            seconds=time.monotonic() - started,
            mode="json_schema" if given.schema is not None else "",
            tool_calls=calls,
        )

    def _body(self, request: Request, visit: Visit | None) -> dict[str, Any]:
        body = {"max_tokens": MAX_TOKENS, **request.params, "messages": request.messages}
        # What is in the prefix cache changes how a prompt is batched, and so, by a rounding, the answer.
        body.setdefault("cache_prompt", self.slots > 1)
        body.setdefault("seed", _seed(request, visit))
        if request.schema is not None:
            schema = {"name": "answer", "strict": True, "schema": request.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body

    def _failure(self, error: dict[str, Any]) -> ModelError:
        if error.get("type") == "exceed_context_size_error":
            return Refused(
                f"the prompt has {error.get('n_prompt_tokens')} tokens and the model `{self.name}` a context of "
                f"{error.get('n_ctx')}",
                hint="shorten the prompt, or raise `context:` of the model",
            )
        said = f"the embedded model `{self.name}`: {error.get('message', error)}"
        if error.get("code") in range(400, 500):
            return Refused(said)
        return Unavailable(said)

    async def close(self) -> None:
        """Cuts short what is being answered; the last user of a loaded model unloads it."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await asyncio.to_thread(embedded.release, engine)


_FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length", "tool_calls": "tool_calls"}


def _seed(request: Request, visit: Visit | None) -> int:
    """The seed of a call that brings none: of this attempt if it is known which that is, else of what is asked."""
    if request.draw is not None:
        return request.draw & 0x7FFFFFFF
    asked = digest([request.messages, request.params, request.schema]).hex()
    if visit is None:
        return chance(0, asked).getrandbits(31)
    return visit.random(asked).getrandbits(31)
