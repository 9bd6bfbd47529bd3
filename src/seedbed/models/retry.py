"""Asks again where asking again can help: the one place where attempts are repeated.

An attempt waits for its place at the endpoint's gate, and asks the ledger whether the run may go on. Waiting times
grow from half a second to a minute, with jitter; Retry-After wins. A 429 does not use up attempts as long as the
endpoint answers others, or did within the last two minutes. A connection error while nothing else is answered stops
the run: the endpoint is down, and no record is to blame.
"""

from __future__ import annotations

import random
import time
from hashlib import blake2b
from typing import Any

import msgspec

from seedbed.errors import (
    AccessDenied,
    BadReply,
    EndpointDown,
    ModelError,
    RateLimited,
    StopRun,
    Unavailable,
    Unreachable,
)
from seedbed.graph.contracts import Visit
from seedbed.models.contract import Answer, Provider, Reply, Request
from seedbed.models.gate import Gate
from seedbed.models.ledger import Call, Ledger

FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
REPAIRS = 2
"""How often a reply that does not follow its schema is sent back with what is wrong with it."""
PATIENCE = 70.0
"""Seconds without any answer after which a 429 uses up attempts: many limits are counted by the minute."""


class Retrying:
    """A provider behind its gate, asked until it answers or cannot."""

    def __init__(self, provider: Provider, gate: Gate, ledger: Ledger) -> None:
        self.provider = provider
        self.name = provider.name
        self.gate = gate
        self.ledger = ledger
        self._jitter = random.Random()

    async def ask(self, request: Request, key: bytes, asked: bytes, visit: Visit) -> tuple[Answer, float]:
        """The answer and what all attempts for it cost. Raises ModelError or StopRun."""
        gate, ledger, provider = self.gate, self.ledger, self.provider
        failures = repairs = attempts = refusals = 0
        usd = 0.0
        heard, since = gate.answers, time.monotonic()
        first = request
        estimate = len(asked) // 4 + int(request.params.get("max_tokens") or 256) if gate._tokens else 0
        while True:
            ledger.check()
            attempts += 1
            pause = await gate.enter(estimate, ledger)
            try:
                if pause:
                    await ledger.pause(pause)
                ledger.check()
                started = time.monotonic()
                if provider.draws:
                    request = msgspec.structs.replace(request, draw=_draw(key, visit.seed, attempts))
                reply = await provider.ask(request, visit)
                reply.attempts = attempts
                gate.succeeded()
                gate.used(reply.usage.input + reply.usage.output, estimate)
                cost = provider.price.usd(reply.usage) if provider.price else 0.0
                usd += cost
                return Answer(reply, self._accepted(request, reply, key, asked, cost, visit)), usd
            except AccessDenied as error:
                if ledger.stopped is None:
                    error.message = f"model `{provider.name}`: {error.message}"
                    ledger.stop(error)
                raise
            except ModelError as error:
                error.attempts, error.usd = attempts, usd
                self._note(error, visit, started)
                refusals = refusals + 1 if isinstance(error, RateLimited) else 0
                if not error.retryable:
                    raise
                if not (refusals and self._busy_lately(since)):
                    if failures >= provider.retries:
                        if self._is_down(error, heard):
                            raise self._down(error) from error
                        raise
                    failures += 1
                heard = gate.answers
                wait = self._wait(max(failures, refusals), error)
                if isinstance(error, BadReply):
                    wait = 0.0
                    repairs += bool(error.feedback)
                    request = _told(first, error) if error.feedback and repairs <= REPAIRS else first
            finally:
                gate.leave()
            if wait:
                await ledger.pause(wait)

    def _accepted(self, request: Request, reply: Reply, key: bytes, asked: bytes, usd: float, visit: Visit) -> Any:
        """What the asker makes of a reply, which is kept either way. Raises BadReply."""
        try:
            value = request.accept(reply) if request.accept else reply.text
        except BadReply as error:
            error.reply = reply.text or error.reply
            self._keep(key, asked, reply, usd, visit, error)
            raise
        self._keep(key, asked, reply, usd, visit, None)
        return value

    def _busy_lately(self, since: float) -> bool:
        """Whether the endpoint answered someone not long ago, or this call is not that old itself."""
        return time.monotonic() - max(self.gate.last_success, since) < PATIENCE

    def _is_down(self, error: ModelError, heard: int) -> bool:
        """Whether nobody gets an answer: nobody ever did, or nobody since the attempt before this one failed."""
        if isinstance(error, RateLimited | BadReply):
            return False
        return not self.gate.answers or (isinstance(error, Unreachable) and self.gate.answers == heard)

    def _wait(self, failures: int, error: ModelError) -> float:
        growing = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** max(failures - 1, 0)) * self._jitter.uniform(0.5, 1.0)
        if error.wait is None:
            return growing
        return error.wait + self._jitter.uniform(0.0, 0.1) * min(error.wait + 0.1, 5.0)

    def _note(self, error: ModelError, visit: Visit, started: float) -> None:
        self.ledger.failed_attempt(type(error).__name__, visit.node, self.name)
        if isinstance(error, RateLimited):
            self.gate.throttled(error.wait, started)
        elif isinstance(error, Unavailable) and not isinstance(error, Unreachable):
            if error.reply is not None:
                self.gate.answers += 1
            if error.wait is not None:
                self.gate.throttled(error.wait, started)
        elif not isinstance(error, Unavailable):
            self.gate.answers += 1

    def _keep(self, key: bytes, asked: bytes, reply: Reply, usd: float, visit: Visit, error: BadReply | None) -> None:
        provider = self.provider
        why = "" if error is None else error.message
        shared = provider.cache == "user"
        self.ledger.record(
            Call(key, error is None, visit.node, self.name, visit.record_id, asked, reply, usd, why, shared)
        )

    def _down(self, error: ModelError) -> StopRun:
        hint = "check that it runs and its address; the same command goes on where this run stopped"
        stop = EndpointDown(f"model `{self.provider.name}`: {error.message}", hint=hint)
        self.ledger.stop(stop)
        return stop


def _draw(key: bytes, seed: int, attempt: int) -> int:
    """The number of an attempt, the same in every run with the same seed."""
    return int.from_bytes(blake2b(b"%d %d " % (seed, attempt) + key, digest_size=7).digest(), "big")


def _told(request: Request, error: BadReply) -> Request:
    """The request with a reply that cannot be used, and what is wrong with it."""
    told = [{"role": "assistant", "content": error.reply or ""}, {"role": "user", "content": error.feedback}]
    return msgspec.structs.replace(request, messages=[*request.messages, *told])
