"""What an acting model may use: tools as written, those of MCP servers, and what becomes of each call.

Whatever goes wrong with a call is told to the model and is no failure of the record, except that an MCP server died or
the model behind simulated tools failed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from seedbed.errors import BadReply, NodeError, StopRun
from seedbed.graph.contracts import Context, Issue, Name, Read, Spec, Visit
from seedbed.graph.prompt import check_prompt, prompt_files, read_prompt
from seedbed.models.contract import ToolCall
from seedbed.models.tools import Tool, WrittenTools, check_tools, load_tools, tool_files
from seedbed.nodes.acting.servers import McpServer, ServerDied, ToolFailed, connection, server_issues
from seedbed.nodes.acting.simulation import Simulate, Simulator
from seedbed.nodes.drawn_params import PARAMS_SCHEMA, params_issues
from seedbed.registry.results import json_value

Place = tuple[str | int, ...]


class Failures(Spec):
    """Calls that fail by chance, so that models learn to cope."""

    rate: Annotated[float, Field(ge=0, le=1)]
    """The share of calls that fail; which ones, the seed decides."""
    message: Annotated[str, Field(min_length=1)] = "the service is not available at the moment, try again"
    """What the model is told."""


class Acts(Spec):
    """A model with tools: what an agent and a role have in common."""

    model: Name
    """The model that acts."""
    system: Annotated[str, Field(pattern=r"\S")] | None = None
    """Instructions to it, a template or its file."""
    params: dict[str, Any] = Field(default_factory=dict, json_schema_extra=PARAMS_SCHEMA)
    """Sampling parameters of its calls, over the model's own; one may be drawn, as for `llm`."""
    tools: WrittenTools | None = None
    """What it may call: `./hooks.py:function`, whose signature and docstring describe it, or a description
    `{name: …, description: …, parameters: {city: str}}` of a tool that `simulate` answers for."""
    mcp: dict[Name, McpServer] = {}
    """MCP servers by name, each `{command, args, env}` or `{url, headers}`, and `allow`, the tools that may be called.
    Each is started once a run. Needs the extra `mcp`."""
    simulate: Simulate | None = None
    """The model that answers for the tools that are only described: `{model, prompt, state}`. It is shown what is
    stored, and says what a call gives and what is stored then."""
    failures: Failures | None = None
    """Failures put in by chance: `{rate: 0.1, message: …}`."""
    max_turns: int = Field(default=10, ge=1)
    """How often the model may be asked before it has to have answered; past it, the record fails."""
    result_chars: int = Field(default=10_000, ge=1)
    """Characters of a result that the model is shown; the rest is cut off, with a note that says so."""
    tool_seconds: float = Field(default=60.0, gt=0)
    """Seconds that one call may take. A Python function that is not async cannot be ended; it is waited for no more."""

    def act_reads(self, base: Path, path: Place = ()) -> Iterator[Read]:
        """Where it reads fields."""
        yield from read_prompt(self.system, (*path, "system"), base)
        if self.simulate is not None:
            yield from self.simulate.reads(base, (*path, "simulate"))

    def act_models(self, path: Place = ()) -> list[tuple[str, Place]]:
        """The models it names."""
        simulate = [(self.simulate.model, (*path, "simulate", "model"))] if self.simulate is not None else []
        return [(self.model, (*path, "model")), *simulate]

    def act_files(self) -> list[str]:
        """The files it names."""
        simulate = prompt_files(self.simulate.prompt) if self.simulate is not None else []
        return [*prompt_files(self.system), *tool_files(self.tools or ()), *simulate]

    def act_issues(self, base: Path, path: Place = ()) -> Iterator[Issue]:
        """What is wrong with it."""
        if self.system is not None:
            yield from check_prompt(self.system, (*path, "system"), base)
        for issue in params_issues(self.params):
            yield Issue((*path, *issue.path), issue.what, issue.fix)
        yield from server_issues(self.mcp, base, (*path, "mcp"))
        if self.simulate is not None:
            yield from self.simulate.issues((*path, "simulate"))
            if self.simulate.prompt is not None:
                yield from check_prompt(self.simulate.prompt, (*path, "simulate", "prompt"), base)
        found = [] if self.tools is None else list(check_tools(self.tools, base, (*path, "tools")))
        yield from found
        if found:
            return
        tools = load_tools(self.tools or (), base)
        described = [i for i, tool in enumerate(tools) if tool.call is None]
        if described and self.simulate is None:
            fix = "add `simulate: {model: …}`, or name a function that runs it"
            name = tools[described[0]].name
            yield Issue((*path, "tools", described[0]), f"nothing answers for the tool `{name}`", fix)
        elif self.simulate is not None and not described:
            yield Issue((*path, "simulate"), "there is no tool to simulate", "describe one under `tools`")
        if self.failures is not None and not tools and not self.mcp:
            yield Issue((*path, "failures"), "there is no tool that could fail", "add `tools:`")


class Called(NamedTuple):
    """What the model is told of a call, and what simulated tools have stored after it."""

    text: str
    state: dict[str, Any]
    done: bool
    """Whether the tool gave a result."""


class Toolbox:
    """The tools of one who acts. `place` tells its chance apart from that of others in the same visit."""

    def __init__(self, spec: Acts, context: Context, place: str) -> None:
        self._spec = spec
        self._context = context
        self._place = place
        self._written = load_tools(spec.tools or (), context.base)
        self._simulator = Simulator(spec.simulate, context, context.base) if spec.simulate is not None else None

    def begin(self, visit: Visit) -> dict[str, Any]:
        """What simulated tools have stored at first."""
        return self._simulator.begin(visit) if self._simulator is not None else {}

    async def tools(self) -> dict[str, Tool]:
        """The tools by name. Raises NodeError."""
        tools = list(self._written)
        for name, server in self._spec.mcp.items():
            tools += await connection(name, server, self._context).tools(server.allow)
        by_name = {tool.name: tool for tool in tools}
        if len(by_name) < len(tools):
            twice = next(tool.name for tool in tools if by_name[tool.name] is not tool)
            raise NodeError(f"two tools are called `{twice}`", hint="leave one out with `allow`")
        return by_name

    async def call(
        self, call: ToolCall, tools: dict[str, Tool], state: dict[str, Any], visit: Visit, place: tuple[int, ...]
    ) -> Called:
        """What a call gives. Raises ServerDied, or ModelError where the model behind simulated tools fails."""
        tool = tools.get(call.name)
        if tool is None:
            return Called(f"Error: there is no tool `{call.name}`. You may call: {', '.join(tools)}.", state, False)
        try:
            arguments = tool.read(call.arguments)
        except BadReply as error:
            return Called(f"Error: {error.feedback}", state, False)
        failures = self._spec.failures
        if failures is not None and visit.random("failure", self._place, *place).random() < failures.rate:
            visit.notes.append(f"`{tool.name}` was made to fail")
            return Called(f"Error: {failures.message}", state, False)
        if tool.call is None:
            assert self._simulator is not None, "`act_issues` lets no tool through that nobody answers for"
            result, state = await self._simulator.call(tool, arguments, state, visit, place[-1])
            return Called(self._cut(_as_text(result)), state, True)
        try:
            result = json_value(await asyncio.wait_for(self._run(tool, arguments), self._spec.tool_seconds))
        except (ServerDied, StopRun):
            raise
        except TimeoutError:
            return Called(f"Error: `{tool.name}` gave no result within {self._spec.tool_seconds:g} s.", state, False)
        except (Exception, SystemExit) as error:
            return Called(self._cut(f"Error: {_said(error)}"), state, False)
        return Called(self._cut(_as_text(result)), state, True)

    async def _run(self, tool: Tool, arguments: dict[str, Any]) -> Any:
        run = tool.call
        assert run is not None
        if tool.asynchronous:
            try:
                return await run(arguments)
            except TimeoutError as error:
                raise ToolFailed(_said(error)) from error

        def held() -> Any:
            try:
                return run(arguments)
            except (StopIteration, SystemExit, TimeoutError) as error:
                # A future cannot carry the first, a thread must not die of the second, the third would read as ours.
                raise ToolFailed(_said(error)) from error

        return await self._context.run_blocking(held)

    def _cut(self, text: str) -> str:
        most = self._spec.result_chars
        if len(text) <= most:
            return text
        return f"{text[:most]}\n[cut off here: these are the first {most:,} of {len(text):,} characters]"


def _as_text(result: Any) -> str:
    return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)


def _said(error: BaseException) -> str:
    if isinstance(error, ToolFailed | NodeError):
        return str(error)
    if isinstance(error, BadReply):
        return error.feedback or error.message
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
