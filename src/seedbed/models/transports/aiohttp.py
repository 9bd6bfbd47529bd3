"""HTTP by aiohttp: always there."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Mapping
from typing import Any

import aiohttp

from seedbed.errors import Unavailable, Unreachable


class AiohttpTransport:
    """A pool of keep-alive connections (see `seedbed.models.http.Transport`)."""

    def __init__(self, address: str, headers: Mapping[str, str], proxy: str | None, most_bytes: int) -> None:
        self._address = address
        self._most_bytes = most_bytes
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30.0, ttl_dns_cache=300),
            headers=headers,
            proxy=proxy,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def send(
        self, method: str, url: str, body: bytes | None, timeout: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the answer. Raises Unreachable or Unavailable."""
        limit = self._timeouts.get(timeout)
        if limit is None:
            limit = self._timeouts[timeout] = aiohttp.ClientTimeout(total=timeout, connect=min(30.0, timeout))
        try:
            async with self._session.request(method, url, data=body, timeout=limit) as response:
                return response.status, response.headers, await self._read(response)
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(f"cannot reach {self._address}: {_reason(error)}") from error
        except TimeoutError as error:
            raise Unavailable(f"{self._address} did not answer within {timeout:g} s") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Unavailable(f"the connection to {self._address} broke: {_reason(error)}") from error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        if response.content_length is not None and response.content_length <= self._most_bytes:
            return await response.read()
        chunks, size = [], 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > self._most_bytes:
                raise Unavailable(f"{self._address} answered with more than {self._most_bytes:,} bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    async def close(self) -> None:
        """Closes all connections."""
        await self._session.close()
        await asyncio.sleep(0)


def _reason(error: BaseException) -> str:
    cause: Any = getattr(error, "os_error", None) or error
    number = getattr(cause, "errno", None)
    if isinstance(number, int) and number in errno.errorcode:
        return os.strerror(number)
    return str(cause) or type(error).__name__
