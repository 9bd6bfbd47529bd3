"""MCP servers, by the official SDK: started at the first use, one for all nodes of a run that write it alike.

A connection lives in a task of its own and ends with the run's event loop. A server that died is started again; calls
that were under way are made once more, one at a time, so that only the record whose call it dies of fails.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from json import dumps
from pathlib import Path
from typing import Annotated, Any
from weakref import WeakKeyDictionary

from pydantic import ConfigDict, Field

from seedbed.errors import InputError, MissingExtra, NodeError
from seedbed.graph.contracts import Context, Issue, Spec, Text, exactly_one
from seedbed.models.tools import Tool

START_SECONDS = 60.0
"""How long a server may take to start and to list its tools."""

_open: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Connection]] = WeakKeyDictionary()


class McpServer(Spec):
    """An MCP server: a command that speaks over its standard input and output, or the address of one."""

    model_config = ConfigDict(json_schema_extra=exactly_one("command", "url"))

    command: Annotated[str, Field(min_length=1)] | None = None
    """The program to start, in the pipeline file's folder."""
    args: list[Text] = []
    """Its arguments."""
    env: dict[str, Text] = {}
    """Environment variables beside the few that it inherits (PATH, HOME, …)."""
    url: Annotated[str, Field(pattern="^https?://")] | None = None
    """The address of a server that speaks HTTP."""
    headers: dict[str, Text] = {}
    """Headers for it, such as `Authorization`."""
    allow: Annotated[list[str], Field(min_length=1)] | None = None
    """The tools that may be called, by name. Default: all it has."""


class ToolFailed(Exception):
    """A tool says that it failed; the model is told."""


class ServerDied(NodeError):
    """A server cannot be started, or ended in a call."""


def server_issues(servers: dict[str, McpServer], base: Path, path: tuple[str | int, ...]) -> Iterator[Issue]:
    """What is wrong with the servers written at `path`."""
    if servers and find_spec("mcp") is None:
        missing = MissingExtra("an MCP server", "mcp")
        yield Issue(path, missing.message, missing.hint)
    for name, server in servers.items():
        here = (*path, name)
        if (server.command is None) == (server.url is None):
            yield Issue(here, f"`{name}` needs a `command` or a `url`", "write exactly one of them")
        elif server.command is not None and server.headers:
            yield Issue((*here, "headers"), "`headers` are for a `url`", "leave them out, or use `env`")
        elif server.url is not None and (server.args or server.env):
            key = "args" if server.args else "env"
            yield Issue((*here, key), f"`{key}` is for a `command`", f"leave `{key}` out")
        elif server.command is not None and _found(server.command, base) is None:
            fix = "install it, or write the path to it"
            yield Issue((*here, "command"), f"there is no program `{server.command}`", fix)


def _found(command: str, base: Path) -> str | None:
    """The program's path; one with a slash is relative to the pipeline file."""
    return shutil.which(str(base / command) if "/" in command else command)


def connection(name: str, server: McpServer, context: Context) -> Connection:
    """The run's connection to a server. Called within the run's event loop."""
    here = _open.setdefault(asyncio.get_running_loop(), {})
    written = server.model_dump(exclude={"allow"})
    key = dumps([str(context.folder), str(context.base), written], sort_keys=True)
    if key not in here:
        here[key] = Connection(name, server, context.base, context.folder)
    return here[key]


class Connection:
    """A server and the task that holds it."""

    def __init__(self, name: str, server: McpServer, base: Path, folder: Path) -> None:
        self.name = name
        self._server = server
        self._base = base
        self._log = folder / "mcp.log"
        self._ready: asyncio.Future[tuple[Any, list[Any]]] | None = None
        self._task: asyncio.Task[None] | None = None
        self._alone = asyncio.Lock()

    async def tools(self, allow: list[str] | None) -> list[Tool]:
        """Its tools that are allowed. Raises NodeError."""
        _, listed = await self._started()
        have = {tool.name: tool for tool in listed}
        for name in allow or ():
            if name not in have:
                hint = f"it has {', '.join(have) or 'none'}"
                raise NodeError(f"the MCP server `{self.name}` has no tool `{name}`", hint=hint)
        return [self._tool(tool) for tool in listed if allow is None or tool.name in allow]

    def _tool(self, listed: Any) -> Tool:
        async def call(arguments: dict[str, Any]) -> str:
            return await self._call(listed.name, arguments)

        try:
            return Tool(listed.name, listed.description or "", listed.input_schema, call, True)
        except InputError as error:
            raise NodeError(f"tool `{listed.name}` of the MCP server `{self.name}`: {error}") from error

    async def _call(self, name: str, arguments: dict[str, Any]) -> str:
        try:
            return await self._call_once(name, arguments)
        except ServerDied:
            # It may have died of another record's call.
            async with self._alone:
                return await self._call_once(name, arguments)

    async def _call_once(self, name: str, arguments: dict[str, Any]) -> str:
        # Only there with the extra.
        from mcp.shared.exceptions import MCPError
        from mcp_types import CONNECTION_CLOSED

        client, _ = await self._started()
        ready = self._ready
        try:
            result = await client.call_tool(name, arguments)
        except MCPError as error:
            if error.code != CONNECTION_CLOSED:
                raise ToolFailed(error.message) from error
            self._drop(ready)
            raise ServerDied(f"the MCP server `{self.name}` ended during a call of `{name}`") from error
        except Exception as error:
            self._drop(ready)
            raise ServerDied(f"the MCP server `{self.name}` failed during `{name}`: {_innermost(error)}") from error
        text = _text(result)
        if result.is_error:
            raise ToolFailed(text)
        return text

    async def _started(self) -> tuple[Any, list[Any]]:
        if self._ready is None or (self._task is not None and self._task.done()):
            self._ready = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._hold(self._ready), name=f"MCP server {self.name}")
        ready = self._ready
        done, _ = await asyncio.wait([ready], timeout=START_SECONDS)
        if not done:
            self._drop(ready)
            raise ServerDied(f"the MCP server `{self.name}` did not start within {START_SECONDS:g} s")
        return ready.result()

    async def _hold(self, ready: asyncio.Future[tuple[Any, list[Any]]]) -> None:
        """Keeps the connection open until it is cancelled."""
        try:
            async with self._client() as client:
                tools, cursor = [], None
                while True:
                    page = await client.list_tools(cursor=cursor)
                    tools += page.tools
                    cursor = page.next_cursor
                    if cursor is None:
                        break
                if not ready.done():
                    ready.set_result((client, tools))
                await asyncio.Event().wait()
        except Exception as error:
            if not ready.done():
                said = f"the MCP server `{self.name}` cannot be started: {_innermost(error)}"
                ready.set_exception(ServerDied(said, hint=f"what it wrote is in {self._log}"))
                ready.exception()  # it may be that nobody waits any more
        finally:
            ready.cancel()

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Any]:
        # Only there with the extra.
        from mcp.client.client import Client
        from mcp.client.stdio import StdioServerParameters, stdio_client
        from mcp.client.streamable_http import streamable_http_client
        from mcp.shared._httpx_utils import create_mcp_http_client

        async with AsyncExitStack() as stack:
            if self._server.url is not None:
                http = await stack.enter_async_context(create_mcp_http_client(headers=dict(self._server.headers)))
                transport = streamable_http_client(self._server.url, http_client=http)
            else:
                log = stack.enter_context(self._log.open("a", encoding="utf-8"))
                program = _found(self._server.command or "", self._base) or self._server.command or ""
                given = StdioServerParameters(
                    command=program, args=self._server.args, env=self._server.env, cwd=self._base
                )
                transport = stdio_client(given, errlog=log)
            yield await stack.enter_async_context(Client(transport, cache=None))

    def _drop(self, ready: asyncio.Future[tuple[Any, list[Any]]] | None) -> None:
        """Ends a connection, so that the next use starts another; not one that was started meanwhile."""
        if ready is self._ready:
            if self._task is not None:
                self._task.cancel()
            self._ready = None


def _text(result: Any) -> str:
    """What a tool gave, as text; other content is named by its type."""
    parts = [
        block.text if block.type == "text" else f"[{getattr(block, 'mime_type', None) or block.type}]"
        for block in result.content
    ]
    if not parts and result.structured_content is not None:
        return dumps(result.structured_content, ensure_ascii=False)
    return "\n".join(parts)


def _innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
