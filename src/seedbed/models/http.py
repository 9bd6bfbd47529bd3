"""HTTP to model endpoints: bytes in, bytes out, every failure as one of our errors. Knows no provider."""

from __future__ import annotations

import email.utils
import math
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Protocol

from seedbed.errors import AccessDenied, RateLimited, Refused, SeedbedError, Unavailable

MOST_BYTES = 64 * 1024 * 1024
"""A longer reply is refused, so that one endpoint cannot fill the memory."""


class Transport(Protocol):
    """An HTTP library with its pool of connections."""

    async def send(
        self, method: str, url: str, body: bytes | None, timeout: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the answer. Raises Unreachable or Unavailable."""

    async def close(self) -> None:
        """Closes all connections."""


class Http:
    """One endpoint. Use and close it in one event loop."""

    def __init__(self, address: str, headers: Mapping[str, str], secrets: tuple[str, ...] = ()) -> None:
        self.address = address
        self._secrets = tuple(secret for secret in secrets if secret)
        self._transport = _transport(address, headers)

    async def post(self, url: str, body: bytes, timeout: float) -> bytes:
        """The body of the answer to a POST. Raises ModelError or AccessDenied for everything but a 2xx."""
        status, headers, answer = await self._transport.send("POST", url, body, timeout)
        if 200 <= status < 300:
            return answer
        raise self._refusal(status, headers, answer)

    async def get(self, url: str, timeout: float) -> bytes:
        """The body of the answer to a GET. Raises as `post` does."""
        status, headers, answer = await self._transport.send("GET", url, None, timeout)
        if 200 <= status < 300:
            return answer
        raise self._refusal(status, headers, answer)

    async def close(self) -> None:
        """Closes all connections."""
        await self._transport.close()

    def _refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> SeedbedError:
        said = self.redacted(body[:2000].decode("utf-8", "replace"))
        message = f"{self.address} answered {status}: {' '.join(said.split())[:300] or 'nothing'}"
        if status in (401, 403):
            return AccessDenied(message, hint="check the model's `api_key`")
        if status == 429:
            if "insufficient_quota" in said:
                return AccessDenied(message, hint="the account has no quota left")
            return RateLimited(message, reply=said, wait=retry_after(headers))
        if status in (408, 409, 425) or status >= 500:
            return Unavailable(message, reply=said, wait=retry_after(headers))
        return Refused(message, reply=said, hint="" if status != 404 else "check the model's `base_url` and `model`")

    def redacted(self, text: str) -> str:
        """`text` without the endpoint's secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "<redacted>")
        return text


def _transport(address: str, headers: Mapping[str, str]) -> Transport:
    proxy = proxy_for(address)
    try:
        from seedbed.models.transports.pyreqwest import PyreqwestTransport
    except ImportError:
        from seedbed.models.transports.aiohttp import AiohttpTransport

        return AiohttpTransport(address, headers, proxy, MOST_BYTES)
    return PyreqwestTransport(address, headers, proxy, MOST_BYTES)


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for a URL. Looked up once: per call it would cost more than the call."""
    parts = urllib.parse.urlsplit(url)
    if not parts.hostname or urllib.request.proxy_bypass(parts.hostname):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header (seconds, also fractions, or a date) asks for."""
    text = headers.get("retry-after", "")
    if not text:
        return None
    try:
        seconds = float(text)
        return max(seconds, 0.0) if math.isfinite(seconds) else None
    except ValueError:
        pass
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except ValueError:
        return None
