"""An OpenAI-compatible front before anything that answers: routes, key, limits, counts, and a log of what was asked.

Knows neither rules nor models; a function from what is asked to an answer is given to it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec

from seedbed.errors import AccessDenied, ModelError, RateLimited, Refused, TemplateError
from seedbed.models.script.exchange import GARBAGE, Answer, Asked
from seedbed.models.script.rules import Fault
from seedbed.testing import chat
from seedbed.testing.http import HttpAnswer, HttpRequest
from seedbed.testing.limits import Limiter, Limits
from seedbed.testing.log import SECRET_HEADERS, Counts, Exchange, redacted

Respond = Callable[[Asked], Answer | Coroutine[Any, Any, Answer]]
"""What answers: at once, or after some time. It may raise ModelError, AccessDenied or TemplateError."""


@dataclass
class Front:
    """Handles HTTP requests; give its `handle` to an `HttpServer`."""

    respond: Respond
    limits: Limits = field(default_factory=Limits)
    models: list[str] = field(default_factory=lambda: ["scripted"])
    keep: int = 100_000
    """How many exchanges the log holds; the oldest half is let go beyond it."""
    counts: Counts = field(default_factory=Counts)
    log: list[Exchange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.limiter = Limiter(self.limits)
        self._slots = asyncio.Semaphore(self.limits.slots) if self.limits.slots else None

    def handle(self, request: HttpRequest) -> HttpAnswer | Coroutine[Any, Any, HttpAnswer]:
        """Answers one HTTP request."""
        path = request.path.partition("?")[0].rstrip("/")
        if path.endswith("/chat/completions"):
            return self._completion(request)
        if path.endswith("/models"):
            return HttpAnswer(body=chat.models(self.models)) if self._allowed(request) else _no_key()
        if path.endswith("/health"):
            return HttpAnswer(body=b'{"status":"ok"}')
        if path.endswith("/stats"):
            return HttpAnswer(body=msgspec.json.encode(asdict(self.counts)))
        return HttpAnswer(404, chat.error(f"there is nothing at {path or '/'}", "invalid_request_error", "not_found"))

    def _completion(self, request: HttpRequest) -> HttpAnswer | Coroutine[Any, Any, HttpAnswer]:
        counts = self.counts
        exchange = Exchange(time.time(), request.method, request.path, redacted(request.headers), None)
        self._remember(exchange)
        counts.received += 1
        counts.in_flight += 1
        counts.max_in_flight = max(counts.max_in_flight, counts.in_flight)
        refusal = self._refusal(request, exchange)
        if refusal is not None:
            return self._closing(refusal, exchange)
        try:
            exchange.body = chat.read_body(request.body)
            asked = chat.read_chat(exchange.body)
            if self._slots is not None:
                return self._queued(asked, exchange, self._slots)
            answer = self.respond(asked.asked)
        except (chat.BadRequest, TemplateError, ModelError, AccessDenied) as error:
            return self._closing(_refused(error), exchange)
        if isinstance(answer, Answer):
            return self._closing(self._answer(asked, answer, exchange), exchange, answer)
        return self._later(asked, answer, exchange)

    async def _later(self, asked: chat.Chat, coming: Coroutine[Any, Any, Answer], exchange: Exchange) -> HttpAnswer:
        try:
            answer = await coming
        except (TemplateError, ModelError, AccessDenied) as error:
            return self._closing(_refused(error), exchange)
        except asyncio.CancelledError:
            self._gone(exchange)
            raise
        return self._closing(self._answer(asked, answer, exchange), exchange, answer)

    async def _queued(self, asked: chat.Chat, exchange: Exchange, slots: asyncio.Semaphore) -> HttpAnswer:
        """Waits for a slot and keeps it while the answer takes its time."""

        async def answering() -> Answer:
            async with slots:
                answer = self.respond(asked.asked)
                if not isinstance(answer, Answer):
                    return await answer
                await asyncio.sleep(answer.latency)
                answer.latency = 0.0
                return answer

        return await self._later(asked, answering(), exchange)

    def _answer(self, asked: chat.Chat, answer: Answer, exchange: Exchange) -> HttpAnswer:
        exchange.rule = answer.rule
        fault = answer.fault
        if fault is not None and fault.status is not None:
            made = _status(fault, answer.rule)
        else:
            body = chat.stream(asked, answer) if asked.stream else chat.completion(asked, answer)
            made = HttpAnswer(200, body, "text/event-stream" if asked.stream else "application/json")
            if fault is not None:
                exchange.fault = fault.kind
                if fault.kind == "garbage":
                    made.body, made.content_type = GARBAGE.encode(), "text/html"
                elif fault.kind in ("drop", "half", "hang"):
                    made.fault = fault.kind
        made.delay = answer.latency
        return made

    def _closing(self, made: HttpAnswer, exchange: Exchange, answer: Answer | None = None) -> HttpAnswer:
        """Has the outcome counted and logged once the answer is on its way."""
        if self.limits.rate_headers:
            made.headers = {**made.headers, **self.limiter.headers()}

        def done(sent: bool) -> None:
            if not sent:
                return self._gone(exchange)
            counts = self.counts
            counts.in_flight -= 1
            exchange.seconds = time.time() - exchange.time
            exchange.status = None if made.fault == "drop" else made.status
            if answer is None or made.status != 200 or exchange.fault:
                counts.failed += exchange.fault != "limit"
                return None
            counts.answered += 1
            counts.input_tokens += answer.usage.input
            counts.output_tokens += answer.usage.output
            self.limiter.used(answer.usage.input + answer.usage.output)
            return None

        made.done = done
        return made

    def _gone(self, exchange: Exchange) -> None:
        self.counts.in_flight -= 1
        self.counts.gone += 1
        exchange.fault = exchange.fault or "gone"

    def _remember(self, exchange: Exchange) -> None:
        self.log.append(exchange)
        if len(self.log) > self.keep:
            del self.log[: (self.keep + 1) // 2]

    def _allowed(self, request: HttpRequest) -> bool:
        key = self.limits.api_key
        given = (request.headers.get(name, "").removeprefix("Bearer ") for name in SECRET_HEADERS)
        return key is None or key in given

    def _refusal(self, request: HttpRequest, exchange: Exchange) -> HttpAnswer | None:
        """The answer to a request that does not get as far as being answered."""
        if request.method != "POST":
            return HttpAnswer(405, chat.error("use POST", "invalid_request_error"), headers={"Allow": "POST"})
        if not self._allowed(request):
            return _no_key()
        wait = self.limiter.wait(self.counts.in_flight)
        if wait is None:
            return None
        self.counts.refused += 1
        exchange.fault = "limit"
        return HttpAnswer(
            429,
            chat.error("too many requests", "rate_limit_error", "rate_limit_exceeded"),
            headers={"Retry-After": f"{wait:.3f}"},
        )


def _status(fault: Fault, rule: int) -> HttpAnswer:
    said = fault.message or f"scripted failure of rule {rule}"
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    kind = "rate_limit_error" if fault.status == 429 else "server_error"
    kind = kind if fault.status is None or fault.status == 429 or fault.status >= 500 else "invalid_request_error"
    return HttpAnswer(fault.status or 500, chat.error(said, kind), headers=headers)


def _refused(error: Exception) -> HttpAnswer:
    if isinstance(error, AccessDenied):
        return HttpAnswer(401, chat.error(str(error), "authentication_error"))
    if isinstance(error, RateLimited):
        wait = {} if error.wait is None else {"Retry-After": f"{error.wait:g}"}
        return HttpAnswer(429, chat.error(str(error), "rate_limit_error"), headers=wait)
    if isinstance(error, ModelError) and not isinstance(error, Refused):
        return HttpAnswer(503, chat.error(str(error), "server_error"))
    return HttpAnswer(400, chat.error(str(error), "invalid_request_error"))


def _no_key() -> HttpAnswer:
    return HttpAnswer(401, chat.error("this key is not known", "authentication_error", "invalid_api_key"))
