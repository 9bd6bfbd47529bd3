"""Tools that exist in words only: a model says what each call gives, and keeps the state of the world it is about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from seedbed.graph.contracts import Context, Issue, Name, Read, Spec, Visit
from seedbed.graph.json_schema import Checker
from seedbed.graph.prompt import Prompt, read_prompt
from seedbed.models.contract import Caller, Request
from seedbed.models.parsing import acceptor
from seedbed.models.tools import Tool
from seedbed.nodes.drawn_params import PARAMS_SCHEMA, param_drawer, params_issues
from seedbed.template.value import Value

_RULES = """You are the system behind the tools of an assistant. You are given what is stored in the system now, one \
tool, and the arguments it is called with. Say what the tool returns, and what is stored afterwards.

- What is stored decides: a call that asks for something reads it there, and one that changes something changes it.
- Refuse as such a system would, with a short error text, what the arguments or the stored data do not allow.
- Where the stored data say nothing, return something plausible and store it, so that the same question has the same \
answer next time. Keep everything else as it is."""

_KINDS: list[tuple[type, str]] = [
    (bool, "boolean"),
    (int, "number"),
    (float, "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
]


class Simulate(Spec):
    """A model that answers for tools."""

    model: Name
    """The model."""
    prompt: Annotated[str, Field(pattern=r"\S")] | None = None
    """Further words about the world the tools belong to, a template or its file."""
    state: dict[str, Any] = {}
    """What is stored at first: any map, with templates in its texts. Its keys stay, their values change."""
    params: dict[str, Any] = Field(default_factory=dict, json_schema_extra=PARAMS_SCHEMA)
    """Sampling parameters of its calls."""

    def reads(self, base: Path, path: tuple[str | int, ...]) -> Iterator[Read]:
        """Where it reads fields."""
        yield from read_prompt(self.prompt, (*path, "prompt"), base)
        yield Read("value", self.state, (*path, "state"))

    def issues(self, path: tuple[str | int, ...]) -> Iterator[Issue]:
        """What is wrong with it."""
        for issue in params_issues(self.params):
            yield Issue((*path, *issue.path), issue.what, issue.fix)


class Simulated(NamedTuple):
    """What a call gave, and what is stored now."""

    result: Any
    state: dict[str, Any]


class Simulator:
    """The model at work."""

    def __init__(self, spec: Simulate, context: Context, base: Path) -> None:
        self._caller: Caller = context.model(spec.model)
        self._prompt = Prompt(spec.prompt, base)
        self._state = Value(spec.state)
        self._draw = param_drawer(spec.params)

    def begin(self, visit: Visit) -> dict[str, Any]:
        """What is stored at first."""
        return dict(self._state(visit.scope))

    async def call(
        self, tool: Tool, arguments: dict[str, Any], state: dict[str, Any], visit: Visit, sample: int
    ) -> Simulated:
        """What a call gives. Raises ModelError."""
        schema = _schema(state)
        said = "".join(f"\n\n{turn['content']}" for turn in self._prompt.turns(visit.scope))
        asked = {
            "stored": state,
            "tool": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            "arguments": arguments,
        }
        messages = [
            {"role": "system", "content": _RULES + said},
            {"role": "user", "content": json.dumps(asked, ensure_ascii=False, indent=1)},
        ]
        request = Request(messages, self._draw(visit, sample), schema, acceptor(None, Checker(schema)))
        value = (await self._caller.ask(request, visit, sample)).value.value
        return Simulated(value["result"], value["stored"])


def _schema(state: dict[str, Any]) -> dict[str, Any]:
    """A result of any kind, and a state with the keys it has, each of its kind; any map where it has none."""
    stored: dict[str, Any] = {"type": "object"}
    if state:
        stored |= {
            "properties": {key: _kind(value) for key, value in state.items()},
            "required": list(state),
            "additionalProperties": False,
        }
    return {
        "type": "object",
        "properties": {"result": {}, "stored": stored},
        "required": ["result", "stored"],
        "additionalProperties": False,
    }


def _kind(value: Any) -> dict[str, Any]:
    return next(({"type": name} for kind, name in _KINDS if isinstance(value, kind)), {})
