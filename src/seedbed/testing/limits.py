"""The limits of an endpoint: how many requests at once and in one window, and what its headers say about that."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(slots=True)
class Limits:
    """What the front refuses with 429, and how slow it gets."""

    api_key: str | None = None
    """The key that requests must bring; others get 401. None: any or none will do."""
    max_in_flight: int | None = None
    """More requests at once get 429."""
    max_requests: int | None = None
    """More requests within one window get 429."""
    max_tokens: int | None = None
    """Once so many tokens were used in one window, requests get 429 until it ends."""
    window: float = 60.0
    """The length of a window in seconds."""
    slots: int | None = None
    """Requests worked on at once; others wait, as at a server that queues instead of refusing."""
    rate_headers: bool = False
    """Whether answers bear `x-ratelimit-*` headers about `max_requests` and `max_tokens`."""


class Limiter:
    """Counts requests and tokens of the present window."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._start = 0.0
        self._requests = 0
        self._tokens = 0

    def wait(self, in_flight: int) -> float | None:
        """Seconds that a request, one of `in_flight`, is asked to wait; None where it may go on and is counted."""
        limits = self._limits
        if limits.max_in_flight is not None and in_flight > limits.max_in_flight:
            return 0.05
        if limits.max_requests is None and limits.max_tokens is None:
            return None
        now = time.monotonic()
        if now - self._start >= limits.window:
            self._start, self._requests, self._tokens = now, 0, 0
        if (limits.max_requests is not None and self._requests >= limits.max_requests) or (
            limits.max_tokens is not None and self._tokens >= limits.max_tokens
        ):
            return self._start + limits.window - now
        self._requests += 1
        return None

    def used(self, tokens: int) -> None:
        """Counts the tokens of an answer."""
        self._tokens += tokens

    def headers(self) -> dict[str, str]:
        """The `x-ratelimit-*` headers as OpenAI sends them."""
        limits = self._limits
        left = max(0.0, self._start + limits.window - time.monotonic())
        headers = {}
        for name, most, used in (
            ("requests", limits.max_requests, self._requests),
            ("tokens", limits.max_tokens, self._tokens),
        ):
            if most is not None:
                headers[f"x-ratelimit-limit-{name}"] = str(most)
                headers[f"x-ratelimit-remaining-{name}"] = str(max(0, most - used))
                headers[f"x-ratelimit-reset-{name}"] = f"{left:.3f}s"
        return headers
