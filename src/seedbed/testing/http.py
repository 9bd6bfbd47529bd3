"""A small HTTP/1.1 server that can also misbehave: close without an answer, in the middle of one, or never answer.

Written on asyncio's protocols, since what a test server costs is taken from what is measured with it. Knows requests
with a Content-Length, keep-alive and pipelining; neither TLS nor chunked requests. Meant for loopback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

MOST_HEAD = 64 * 1024
MOST_BODY = 64 * 1024 * 1024

_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(slots=True)
class HttpRequest:
    """One request. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class HttpAnswer:
    """One answer, or the way in which it fails to come."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds to wait first."""
    fault: Literal["", "drop", "half", "hang"] = ""
    """Close without a byte, close after half the body, or never answer."""
    done: Callable[[bool], None] | None = None
    """Called once: with True just before the answer is sent, with False where client or server went first."""


Handler = Callable[[HttpRequest], HttpAnswer | Coroutine[Any, Any, HttpAnswer]]


class HttpServer:
    """Listens until it is stopped. Lives in one event loop."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def start(self, host: str, port: int) -> int:
        """Starts to listen; port 0 takes a free one. Returns the port. Raises OSError where it cannot."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self._handler, self._connections), host, port, backlog=1024
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stops listening and closes every connection."""
        if self._server is not None:
            self._server.close()
            for connection in list(self._connections):
                connection.close()
            await asyncio.sleep(0)
            await self._server.wait_closed()


class _Connection(asyncio.Protocol):
    """One client: reads a request, has it answered, reads the next."""

    def __init__(self, handler: Handler, connections: set[_Connection]) -> None:
        self._handler = handler
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._busy = False
        self._keep = True
        self._answer: HttpAnswer | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._expected = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        self._finish(False)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._busy:
            self._next()

    def close(self) -> None:
        """Ends the connection at once."""
        self._transport.abort()

    def _next(self) -> None:
        """Takes the next whole request out of the buffer, if there is one."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MOST_HEAD:
                self._refuse(431)
            return None
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        first = lines[0].split(" ")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = headers.get("content-length", "0")
        if len(first) != 3 or not length.isdecimal():
            return self._refuse(400)
        if "transfer-encoding" in headers:
            return self._refuse(411)
        if int(length) > MOST_BODY:
            return self._refuse(413)
        size = end + 4 + int(length)
        if len(self._buffer) < size:
            if headers.get("expect", "").lower() == "100-continue" and not self._expected:
                self._expected = True
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None
        body = bytes(self._buffer[end + 4 : size])
        del self._buffer[:size]
        self._expected = False
        self._keep = headers.get("connection", "").lower() != "close" and first[2] != "HTTP/1.0"
        self._busy = True
        return self._handle(HttpRequest(first[0], first[1], headers, body))

    def _handle(self, request: HttpRequest) -> None:
        answer = self._handler(request)
        if isinstance(answer, HttpAnswer):
            self._schedule(answer)
        else:
            self._task = self._loop.create_task(self._wait(answer))

    async def _wait(self, coming: Awaitable[HttpAnswer]) -> None:
        answer = await coming
        self._task = None
        self._schedule(answer)

    def _schedule(self, answer: HttpAnswer) -> None:
        self._answer = answer
        if answer.delay > 0:
            self._timer = self._loop.call_later(answer.delay, self._send)
        else:
            self._send()

    def _send(self) -> None:
        answer = self._answer
        if answer is None or answer.fault == "hang" or self._transport.is_closing():
            return
        self._finish(True)  # first, so that a client that has its answer finds it counted
        if answer.fault != "drop":
            self._transport.write(_encode(answer, self._keep))
        if answer.fault or not self._keep:
            self._transport.close()
        self._busy = False
        if self._buffer and not self._transport.is_closing():
            self._next()

    def _finish(self, sent: bool) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and answer.done is not None:
            answer.done(sent)

    def _refuse(self, status: int) -> None:
        self._keep = False
        self._busy = True
        self._schedule(HttpAnswer(status, b'{"error": {"message": "not a request this server can read"}}'))


def _encode(answer: HttpAnswer, keep: bool) -> bytes:
    extra = "".join([f"{name}: {value}\r\n" for name, value in answer.headers.items()]) if answer.headers else ""
    if not keep:
        extra += "Connection: close\r\n"
    head = (
        f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Status')}\r\nContent-Type: {answer.content_type}\r\n"
        f"Content-Length: {len(answer.body)}\r\n{extra}\r\n"
    )
    body = answer.body[: len(answer.body) // 2] if answer.fault == "half" else answer.body
    return head.encode("latin-1", "replace") + body
