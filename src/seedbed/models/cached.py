"""A model as nodes see it: what was answered before is not asked again.

The key of a call is the hash of what is sent and of a sample index; of attached media their own hash counts, and
nothing else of them is kept. The index comes from record id, visit and place
in `n`, so that a hundred records that ask the same get a hundred answers; at temperature 0 it is 0, and they share
one. The endpoint's address is not part of the key. Two calls with one key at the same time are one call.
"""

from __future__ import annotations

import asyncio
from hashlib import blake2b
from typing import Any

import msgspec

from seedbed.errors import BadReply, ModelError
from seedbed.graph.contracts import Visit
from seedbed.models.contract import Answer, Caller, Provider, Request
from seedbed.models.ledger import Ledger
from seedbed.models.media import shortened
from seedbed.models.retry import Retrying

_encode = msgspec.json.Encoder(order="deterministic").encode


class Cached:
    """A retrying model with a memory."""

    def __init__(self, provider: Provider, retrying: Retrying, ledger: Ledger, fallback: Caller | None = None) -> None:
        self.name = provider.name
        self.provider = provider
        self.retrying = retrying
        self.ledger = ledger
        self.fallback = fallback
        identity = provider.identity()
        self._prefix = _encode([identity[key] for key in sorted(identity) if key != "params"])
        self._lookup = provider.cache != "off"
        self._under_way: dict[bytes, asyncio.Future[None]] = {}

    async def ask(self, request: Request, visit: Visit, sample: int = 0) -> Answer:
        """The kept answer, or a fresh one."""
        request = self._complete(request)
        asked = self.asked(request)
        key = self._key(request, asked, visit, sample)
        if self._lookup:
            while (other := self._under_way.get(key)) is not None:
                await asyncio.wait([other])
            answer = self._remembered(key, request, visit)
            if answer is not None:
                return answer
        done = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            answer, usd = await self.retrying.ask(request, key, asked, visit)
        except ModelError as error:
            # No reply means no kept call: what was asked stays with the record, so that one can see it.
            visit.calls.append(
                {
                    "key": key.hex(),
                    "model": self.name,
                    "error": type(error).__name__,
                    "attempts": error.attempts,
                    "usd": error.usd,
                    "messages": shortened(request.messages),
                }
            )
            if self.fallback is None:
                raise
        else:
            usage = answer.reply.usage
            visit.calls.append(
                {
                    "key": key.hex(),
                    "model": self.name,
                    "input": usage.input,
                    "output": usage.output,
                    "usd": usd,
                    "seconds": round(answer.reply.seconds, 4),
                    "attempts": answer.reply.attempts,
                }
            )
            return answer
        finally:
            self._under_way.pop(key, None)
            done.set_result(None)
        return await self.fallback.ask(request, visit, sample)

    @property
    def load(self) -> float:
        """Calls at the endpoint's gate, under way or waiting, per place that it has."""
        gate = self.retrying.gate
        return (gate.busy + len(gate.waiting)) / max(gate.limit, 1.0)

    def knows(self, request: Request, visit: Visit, sample: int = 0) -> bool:
        """Whether the answer is kept already."""
        if not self._lookup:
            return False
        request = self._complete(request)
        key = self._key(request, self.asked(request), visit, sample)
        return self.ledger.store.find(key, self.provider.cache) is not None

    @staticmethod
    def asked(request: Request) -> bytes:
        """The messages as they are hashed and kept."""
        return _encode(shortened(request.messages))

    def _complete(self, request: Request) -> Request:
        own = self.provider.params
        return msgspec.structs.replace(request, params={**own, **request.params}) if own else request

    def _remembered(self, key: bytes, request: Request, visit: Visit) -> Answer | None:
        reply = self.ledger.store.find(key, self.provider.cache)
        if reply is None:
            return None
        try:
            value = request.accept(reply) if request.accept else reply.text
        except BadReply:
            return None
        self.ledger.cached(visit.node, self.name)
        visit.calls.append({"key": key.hex(), "model": self.name, "cached": True})
        return Answer(reply, value)

    def _key(self, request: Request, asked: bytes, visit: Visit, sample: int) -> bytes:
        params: dict[str, Any] = request.params
        hashed = blake2b(self._prefix, digest_size=16)
        hashed.update(b"\0")
        hashed.update(asked)
        hashed.update(_encode([params, request.schema]))
        if request.tools:
            hashed.update(b"\0tools" + _encode([request.tools, request.tool_choice]))
        if params.get("temperature") != 0:
            hashed.update(f"\0{visit.identity}\0{visit.number}\0{sample}".encode("utf-8", "surrogatepass"))
        return hashed.digest()
