"""HTTP to model endpoints: JSON in, JSON out, every failure as one of our errors. Knows no provider."""

from __future__ import annotations

import asyncio
import email.utils
import errno
import os
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

import aiohttp

from seedbed.errors import AccessDenied, RateLimited, Refused, Unavailable, Unreachable

MOST_BYTES = 64 * 1024 * 1024
"""A longer reply is refused, so that one endpoint cannot fill the memory."""


class Http:
    """One keep-alive connection pool for one endpoint."""

    def __init__(self, address: str, headers: Mapping[str, str], secrets: tuple[str, ...] = ()) -> None:
        self.address = address
        self._headers = dict(headers)
        self._secrets = tuple(secret for secret in secrets if secret)
        self._session: aiohttp.ClientSession | None = None
        self._proxy = proxy_for(address)
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30.0, ttl_dns_cache=300)
            self._session = aiohttp.ClientSession(
                connector=connector, headers=self._headers, proxy=self._proxy, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session

    async def post(self, url: str, body: bytes, timeout: float) -> bytes:
        """The body of the answer to a POST. Raises ModelError or AccessDenied for everything but a 2xx."""
        return await self._ask("POST", url, body, timeout)

    async def get(self, url: str, timeout: float) -> bytes:
        """The body of the answer to a GET. Raises as `post` does."""
        return await self._ask("GET", url, None, timeout)

    async def _ask(self, method: str, url: str, body: bytes | None, timeout: float) -> bytes:
        session = self._session or self._open()
        limit = self._timeouts.get(timeout)
        if limit is None:
            limit = self._timeouts[timeout] = aiohttp.ClientTimeout(total=timeout, connect=min(30.0, timeout))
        try:
            async with session.request(method, url, data=body, timeout=limit) as response:
                answer = await self._read(response)
                if response.status < 300:
                    return answer
                raise self._refusal(response.status, response.headers, answer)
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(f"cannot reach {self.address}: {_reason(error)}") from error
        except TimeoutError as error:
            raise Unavailable(f"{self.address} did not answer within {timeout:g} s") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Unavailable(f"the connection to {self.address} broke: {_reason(error)}") from error

    async def close(self) -> None:
        """Closes all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None
            await asyncio.sleep(0)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        if response.content_length is not None and response.content_length <= MOST_BYTES:
            return await response.read()
        chunks, size = [], 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > MOST_BYTES:
                raise Unavailable(f"{self.address} answered with more than {MOST_BYTES:,} bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    def _refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> Exception:
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


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for a URL. Looked up once: per call it would cost more than the call."""
    parts = urllib.parse.urlsplit(url)
    if not parts.hostname or urllib.request.proxy_bypass(parts.hostname):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header (seconds, also fractions, or a date) asks for."""
    text = headers.get("Retry-After", "")
    if not text:
        return None
    try:
        return max(float(text), 0.0)
    except ValueError:
        pass
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def _reason(error: BaseException) -> str:
    cause: Any = getattr(error, "os_error", None) or error
    if isinstance(cause, OSError) and cause.errno in errno.errorcode and cause.errno > 0:
        return os.strerror(cause.errno)
    return str(cause) or type(error).__name__
