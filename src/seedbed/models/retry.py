"""Asks again where asking again can help: the one place where attempts are repeated.

An attempt waits for its place at the endpoint's gate, and asks the ledger whether the run may go on. Waiting times
grow from half a second to a minute, with jitter; Retry-After wins. A 429 does not use up attempts as long as the
endpoint answers others. A connection error while nothing else is answered stops the run: the endpoint is down, and no
record is to blame.
"""

from __future__ import annotations

import random

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


class Retrying:
    """A provider behind its gate, asked until it answers or cannot."""

    def __init__(self, provider: Provider, gate: Gate, ledger: Ledger) -> None:
        self.provider = provider
        self.gate = gate
        self.ledger = ledger
        self._encode = msgspec.json.Encoder().encode
        self._jitter = random.Random()

    async def ask(self, request: Request, key: bytes, asked: bytes, visit: Visit) -> tuple[Answer, float]:
        """The answer and what all attempts for it cost. Raises ModelError or StopRun."""
        gate, ledger, provider = self.gate, self.ledger, self.provider
        failures = repairs = attempts = 0
        usd = 0.0
        alive = gate.answers
        served = gate.successes
        messages = request.messages
        estimate = len(asked) // 4 + int(request.params.get("max_tokens") or 256) if gate._tokens else 0
        while True:
            ledger.check()
            attempts += 1
            await gate.enter(estimate)
            try:
                ledger.check()
                reply = await provider.ask(request, visit)
            except ModelError as error:
                self._note(error, visit)
                error.attempts = attempts
                if isinstance(error, Unreachable) and failures >= provider.retries and gate.answers == alive:
                    raise self._down(error) from error
                if not error.retryable:
                    raise
                if isinstance(error, RateLimited) and gate.successes != served:
                    served = gate.successes
                else:
                    if failures >= provider.retries:
                        if not isinstance(error, RateLimited) and not gate.answers:
                            raise self._down(error) from error
                        raise
                    failures += 1
                wait = self._wait(failures, error)
            except AccessDenied as error:
                error.message = f"model `{provider.name}`: {error.message}"
                ledger.stop(error)
                raise
            else:
                gate.succeeded()
                gate.used(reply.usage.input + reply.usage.output, estimate)
                reply.attempts = attempts
                cost = provider.price.usd(reply.usage) if provider.price else 0.0
                usd += cost
                try:
                    value = request.accept(reply) if request.accept else reply.text
                except BadReply as error:
                    self._keep(key, asked, reply, cost, visit, error)
                    self._note(error, visit)
                    error.attempts = attempts
                    if failures >= provider.retries:
                        raise
                    failures += 1
                    wait = 0.0
                    if error.feedback and repairs < REPAIRS:
                        repairs += 1
                        told = [
                            {"role": "assistant", "content": reply.text},
                            {"role": "user", "content": error.feedback},
                        ]
                        request = msgspec.structs.replace(request, messages=[*messages, *told])
                    else:
                        request = msgspec.structs.replace(request, messages=messages)
                else:
                    self._keep(key, asked, reply, cost, visit, None)
                    return Answer(reply, value), usd
            finally:
                gate.leave()
            if wait:
                await ledger.pause(wait)

    def _wait(self, failures: int, error: ModelError) -> float:
        growing = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** max(failures - 1, 0)) * self._jitter.uniform(0.5, 1.0)
        if error.wait is None:
            return growing
        return error.wait + self._jitter.uniform(0.0, 0.1) * min(error.wait + 0.1, 5.0)

    def _note(self, error: ModelError, visit: Visit) -> None:
        self.ledger.failed_attempt(type(error).__name__, visit.node, self.provider.name)
        if isinstance(error, RateLimited):
            self.gate.throttled(error.wait)
        elif isinstance(error, Unavailable) and not isinstance(error, Unreachable):
            if error.reply is not None:
                self.gate.answers += 1
            if error.wait is not None:
                self.gate.throttled(error.wait)
        elif not isinstance(error, Unavailable):
            self.gate.answers += 1

    def _keep(self, key: bytes, asked: bytes, reply: Reply, usd: float, visit: Visit, error: BadReply | None) -> None:
        provider = self.provider
        why = "" if error is None else error.message
        shared = provider.cache == "user"
        self.ledger.record(
            Call(key, error is None, visit.node, provider.name, visit.record_id, asked, reply, usd, why, shared)
        )

    def _down(self, error: ModelError) -> StopRun:
        hint = "check that it runs and its address; the same command goes on where this run stopped"
        stop = EndpointDown(f"model `{self.provider.name}`: {error.message}", hint=hint)
        self.ledger.stop(stop)
        return stop
