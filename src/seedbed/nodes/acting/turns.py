"""A model with tools, asked in turns until it answers: the heart of the `agent` node and of a role that has tools.

What is asked is a function of the messages, the seed and the replies, so that a run that goes on finds the answers it
has had.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from seedbed.errors import NodeError
from seedbed.graph.contracts import Context, Visit
from seedbed.graph.prompt import Messages
from seedbed.models.contract import Caller, Reply, Request, ToolCall, Usage
from seedbed.models.parsing import acceptor
from seedbed.models.tools import Tool, assistant_message, calls_as_text, result_message
from seedbed.nodes.acting.toolbox import Acts, Toolbox
from seedbed.nodes.drawn_params import param_drawer

_accept_text = acceptor()


class Spoken(NamedTuple):
    """What came of asking."""

    text: str
    """The answer."""
    messages: Messages
    """All that was said and done on the way, the answer last."""
    turns: int
    """How often the model was asked."""
    called: dict[str, int]
    """How often each tool was called."""
    state: dict[str, Any]
    """What simulated tools have stored."""
    tools: list[dict[str, Any]]
    """The tools it had, as it was told of them."""
    usage: Usage
    model: str
    """The model's name under `models:`."""


class Actor:
    """A model at work. `place` tells its chance apart from that of others in the same visit; `must_use` is True for any
    tool, or the names of those that must be used."""

    def __init__(
        self,
        spec: Acts,
        context: Context,
        *,
        place: str = "",
        must_use: bool | Sequence[str] = False,
    ) -> None:
        self._caller: Caller = context.model(spec.model)
        self._draw = param_drawer(spec.params)
        self._box = Toolbox(spec, context, place)
        self._most = spec.max_turns
        self._must_use = must_use

    def begin(self, visit: Visit) -> dict[str, Any]:
        """What simulated tools have stored at first."""
        return self._box.begin(visit)

    async def speak(self, messages: Messages, state: dict[str, Any], visit: Visit, sample: int = 0) -> Spoken:
        """Asks until there is an answer. `sample` tells apart several answers to the same messages.

        Raises NodeError where there is none within the turns allowed, or a tool that must be used was not.
        """
        tools = await self._box.tools()
        self._find_all(tools)
        offered = [tool.schema for tool in tools.values()]
        said, kept = list(messages), Messages()
        called, used = Counter[str](), set[str]()
        usage, reminded, ids = Usage(), False, _ids(messages)
        for turn in range(1, self._most + 1):
            request = Request(list(said), self._draw(visit, sample), accept=_accept, tools=offered or None)
            reply = (await self._caller.ask(request, visit, sample)).reply
            usage = _sum(usage, reply.usage)
            calls = [_with_id(call, ids, turn, i) for i, call in enumerate(reply.tool_calls or ())]
            message = assistant_message(reply.text, calls)
            if not calls:
                missing = self._missing(used, tools)
                if not missing:
                    kept.append(message)
                    return Spoken(reply.text, kept, turn, dict(called), state, offered, usage, self._caller.name)
                if reminded:
                    raise NodeError(f"the model answered without having used {missing}", hint="see `must_use`")
                reminded = True
                visit.notes.append(f"reminded to use {missing}; neither that nor the answer before it is kept")
                said += [message, {"role": "user", "content": f"Use {missing} before you answer."}]
                continue
            said.append(message)
            kept.append(message)
            for i, call in enumerate(calls):
                done = await self._box.call(call, tools, state, visit, (len(messages), turn, i, sample))
                state = done.state
                called[call.name] += 1
                if done.done:
                    used.add(call.name)
                said.append(result_message(call, done.text))
                kept.append(said[-1])
        raise NodeError(f"the model has not answered within {self._most} turns", hint="raise `max_turns`")

    def _find_all(self, tools: dict[str, Tool]) -> None:
        """Raises NodeError where it must use a tool that there is not: an MCP server's are known only now."""
        for name in () if isinstance(self._must_use, bool) else self._must_use:
            if name not in tools:
                raise NodeError(f"`must_use`: there is no tool `{name}`", hint=f"there are {', '.join(tools)}")

    def _missing(self, used: set[str], tools: dict[str, Tool]) -> str:
        """What it should have used, in words; empty if it has."""
        if self._must_use is False:
            return ""
        if self._must_use is True:
            return "" if used else f"a tool ({', '.join(tools)})" if len(tools) > 1 else "".join(map(_quoted, tools))
        return " and ".join(_quoted(name) for name in self._must_use if name not in used)


def _accept(reply: Reply) -> None:
    """Refuses what is cut off, filtered, or neither text nor a call."""
    calls = reply.tool_calls or ()
    _accept_text(msgspec.structs.replace(reply, text=calls_as_text(calls)) if calls else reply)


def _quoted(name: str) -> str:
    return f"`{name}`"


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(one.input + other.input, one.output + other.output, one.cached_input + other.cached_input)


def _ids(messages: Messages) -> set[str]:
    return {call["id"] for message in messages for call in message.get("tool_calls") or ()}


def _with_id(call: ToolCall, ids: set[str], turn: int, place: int) -> ToolCall:
    """The call with an id that no other call of the conversation has: some endpoints give none, or the same again."""
    number, name = 0, call.id
    while not name or name in ids:
        name = f"call_{turn}_{place}" + (f"_{number}" if number else "")
        number += 1
    ids.add(name)
    return call if name == call.id else msgspec.structs.replace(call, id=name)
