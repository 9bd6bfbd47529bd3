"""HTTP by pyreqwest (Rust): a third of aiohttp's cost per call. Used where the extra `fast` is installed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import RequestError, RequestTimeoutError
from pyreqwest.proxy import ProxyBuilder

from seedbed.errors import Unavailable, Unreachable


class PyreqwestTransport:
    """A pool of keep-alive connections (see `seedbed.models.http.Transport`)."""

    def __init__(self, address: str, headers: Mapping[str, str], proxy: str | None, most_bytes: int) -> None:
        self._address = address
        self._most_bytes = most_bytes
        builder = ClientBuilder().default_headers(dict(headers)).follow_redirects(False)
        builder = builder.connect_timeout(timedelta(seconds=30)).pool_idle_timeout(timedelta(seconds=30))
        builder = builder.no_proxy() if proxy is None else builder.proxy(ProxyBuilder.all(proxy))
        self._client = builder.build()
        self._timeouts: dict[float, timedelta] = {}

    async def send(
        self, method: str, url: str, body: bytes | None, timeout: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the answer. Raises Unreachable or Unavailable."""
        limit = self._timeouts.get(timeout)
        if limit is None:
            limit = self._timeouts[timeout] = timedelta(seconds=timeout)
        request = self._client.request(method, url).timeout(limit)
        if body is not None:
            request = request.body_bytes(body)
        try:
            async with request.build_streamed() as response:
                length = response.get_header("content-length")
                if length is not None and int(length) <= self._most_bytes:
                    return response.status, response.headers, bytes(await response.bytes())
                reader, chunks, size = response.body_reader, [], 0
                while (chunk := await reader.read_chunk()) is not None:
                    size += len(chunk)
                    if size > self._most_bytes:
                        raise Unavailable(f"{self._address} answered with more than {self._most_bytes:,} bytes")
                    chunks.append(bytes(chunk))
                return response.status, response.headers, b"".join(chunks)
        except RequestError as error:
            # Its classes take a connection that breaks or is slow later for one that cannot be made; its causes do not.
            if any("(Connect)" in cause for cause in _causes(error)):
                raise Unreachable(f"cannot reach {self._address}: {_reason(error)}") from error
            if isinstance(error, RequestTimeoutError):
                raise Unavailable(f"{self._address} did not answer within {timeout:g} s") from error
            raise Unavailable(f"the connection to {self._address} broke: {_reason(error)}") from error

    async def close(self) -> None:
        """Closes all connections."""
        await self._client.close()


def _causes(error: RequestError) -> list[str]:
    return [cause["message"] for cause in (error.details or {}).get("causes") or []]


def _reason(error: RequestError) -> str:
    """The innermost cause, which says what happened and not where in the library."""
    return [error.message, *_causes(error)][-1].split(" (os error")[0]
