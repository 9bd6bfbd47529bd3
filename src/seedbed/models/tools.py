"""Tools that a model may call: their description for the model, what a call must look like, and what runs it.

A tool made of a Python function has its schema from the function's signature and docstring. Knows nothing of nodes,
nor of how a model is told.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import WithJsonSchema

from seedbed.errors import BadReply, InputError
from seedbed.graph.contracts import Issue
from seedbed.graph.json_schema import Checker, Invalid, JsonSchema
from seedbed.graph.shorthand import SchemaSyntaxError, to_json_schema
from seedbed.models.contract import ToolCall
from seedbed.models.signature import Signature
from seedbed.models.structured import parse_json
from seedbed.registry.code import file_or_reference, load_function

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEYS = ("name", "description", "parameters", "call")
FORM = "write ./hooks.py:function, or {name: …, description: …, parameters: {…}}"

WrittenTools = Annotated[
    list[Any],
    WithJsonSchema(
        {
            "type": "array",
            "minItems": 1,
            "items": {
                "anyOf": [
                    {"type": "string", "pattern": ":"},
                    {
                        "type": "object",
                        "properties": {
                            "name": {"type": "string", "pattern": f"^{_NAME.pattern}$"},
                            "description": {"type": "string"},
                            "parameters": {},
                            "call": {"type": "string", "pattern": ":"},
                        },
                        "anyOf": [{"required": ["name"]}, {"required": ["call"]}],
                        "additionalProperties": False,
                    },
                    {
                        "type": "object",
                        "properties": {"type": {"const": "function"}, "function": {"type": "object"}},
                        "required": ["type", "function"],
                        "additionalProperties": False,
                    },
                ]
            },
        }
    ),
]
"""The `tools:` of a node: Python functions by reference, or tools described in the file."""


@dataclass(frozen=True)
class Tool:
    """Something a model may call."""

    name: str
    """As the model calls it."""
    description: str
    parameters: JsonSchema
    """The JSON Schema of its arguments, an object."""
    call: Callable[[dict[str, Any]], Any] | None = None
    """What runs it: takes the arguments and gives a result, or an awaitable of one. None where the tool is only
    described, so that somebody else must answer for it."""
    asynchronous: bool = False
    """Whether `call` gives an awaitable; if not, it may block, and belongs into a thread."""
    file: str | None = None
    """The Python file of its function, for the place in an error."""
    checker: Checker = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "checker", Checker(self.parameters))

    @property
    def schema(self) -> dict[str, Any]:
        """{type: function, function: {name, description, parameters}}: what `Request.tools` is a list of."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": {key: value for key, value in function.items() if value != ""}}

    def read(self, arguments: str) -> dict[str, Any]:
        """The arguments a model wrote. Raises BadReply, with feedback for it, where they are not what it must give."""
        try:
            value = parse_json(arguments).value if arguments.strip() else {}
        except BadReply as error:
            feedback = f"The arguments of your call of `{self.name}` are not valid JSON. Call it again."
            raise BadReply(
                f"the arguments of `{self.name}` are not JSON", reply=arguments, feedback=feedback
            ) from error
        wrong = self.checker.check(value)
        if wrong is None and not isinstance(value, dict):
            wrong = "the arguments are no object"
        if wrong is not None:
            feedback = f"The arguments of your call of `{self.name}` are wrong: {wrong}. Call it again."
            raise BadReply(f"the arguments of `{self.name}` are wrong: {wrong}", reply=arguments, feedback=feedback)
        return value


def tool_from_function(function: Callable[..., Any], *, name: str = "", description: str = "") -> Tool:
    """A function as a tool. Raises InputError where a parameter cannot be given as JSON."""
    signature = Signature(function)
    called = getattr(function, "__call__", None)  # noqa: B004  (an object may have an async __call__)
    code = getattr(inspect.unwrap(function), "__code__", None)
    return Tool(
        name or signature.name,
        description or signature.description,
        signature.schema,
        lambda arguments: function(**signature.arguments(arguments)),
        inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called),
        code.co_filename if code else None,
    )


def load_tools(specs: Sequence[Any], base: Path) -> list[Tool]:
    """The tools of a `tools:` list. `base` is the folder of the pipeline file. Raises InputError."""
    tools: list[Tool] = []
    for spec in specs:
        tool = _load(spec, base)
        if any(tool.name == other.name for other in tools):
            raise InputError(f"two tools are called `{tool.name}`", hint="give one of them another name")
        tools.append(tool)
    return tools


def check_tools(specs: Sequence[Any], base: Path, path: tuple[str | int, ...] = ("tools",)) -> Iterator[Issue]:
    """What is wrong with a `tools:` list as written; `path` leads to it."""
    if not specs:
        yield Issue(path, "there are no tools", "name one, or leave `tools` out")
    found: set[str] = set()
    for i, spec in enumerate(specs):
        try:
            tool = _load(spec, base)
        except SchemaSyntaxError as error:
            yield Issue((*path, i, "parameters", *error.path), error.what, error.fix)
        except InputError as error:
            yield Issue((*path, i), error.message, error.hint)
        else:
            if tool.name in found:
                yield Issue((*path, i), f"two tools are called `{tool.name}`", "give one of them another name")
            found.add(tool.name)


def tool_files(specs: Sequence[Any]) -> list[str]:
    """The Python that a `tools:` list names, as `Node.files` wants it."""
    calls = [spec.get("call") if isinstance(spec, Mapping) else spec for spec in specs]
    return list(dict.fromkeys(file_or_reference(call) for call in calls if isinstance(call, str)))


def read_calls(calls: Sequence[ToolCall], tools: Mapping[str, Tool]) -> list[tuple[Tool, dict[str, Any]]]:
    """The tool and arguments of each call. Raises BadReply, with feedback for the model, at the first wrong one."""
    return [_read_call(call, tools) for call in calls]


def _read_call(call: ToolCall, tools: Mapping[str, Tool]) -> tuple[Tool, dict[str, Any]]:
    tool = tools.get(call.name)
    if tool is None:
        have = ", ".join(tools)
        feedback = f"There is no tool `{call.name}`. You may call: {have}."
        raise BadReply(f"the model calls `{call.name}`, which is not among its tools ({have})", feedback=feedback)
    return tool, tool.read(call.arguments)


def calls_as_text(calls: Sequence[ToolCall]) -> str:
    """Tool calls as one may show them, one a line."""
    return "\n".join(f"{call.name}({call.arguments})" for call in calls)


def assistant_message(text: str, calls: Sequence[ToolCall]) -> dict[str, Any]:
    """The message of a reply, in OpenAI form."""
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message["content"] = text or None
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
    return message


def result_message(call: ToolCall, result: Any) -> dict[str, Any]:
    """The message that tells a model what a tool gave: text as it is, any other JSON value as JSON."""
    content = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    return {"role": "tool", "tool_call_id": call.id, "content": content}


def _load(spec: Any, base: Path) -> Tool:
    if isinstance(spec, str):
        return _named(tool_from_function(load_function(spec, base)))
    if not isinstance(spec, Mapping):
        raise InputError("a tool is a Python function or a description", hint=FORM)
    if isinstance(inner := spec.get("function"), Mapping) and spec.keys() <= {"type", "function"}:
        spec = inner
        spec = {key: value for key, value in spec.items() if key != "strict"}
    for key in spec:
        if key not in _KEYS:
            near = get_close_matches(str(key), _KEYS, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"keys of a tool are {', '.join(_KEYS)}"
            raise InputError(f"unknown key `{key}` of a tool", hint=hint)
    name, description = spec.get("name", ""), spec.get("description", "")
    if not isinstance(name, str) or not isinstance(description, str):
        raise InputError("a tool's name and description are texts", hint=FORM)
    reference = spec.get("call")
    if isinstance(reference, str):
        if "parameters" in spec:
            hint = "leave `parameters` out: they come from the function's signature"
            raise InputError("`parameters` beside `call`", hint=hint)
        function = load_function(reference, base)
        return _named(tool_from_function(function, name=name, description=description))
    if not name:
        raise InputError("the tool has no name", hint=FORM)
    return _named(Tool(name, description, _parameters(spec.get("parameters"))))


def _parameters(written: Any) -> JsonSchema:
    if not written:
        return {"type": "object", "properties": {}}
    schema = to_json_schema(written)
    if schema.get("type") != "object":
        raise SchemaSyntaxError("the parameters of a tool are an object", "name them, as in `{city: str}`")
    return schema


def _named(tool: Tool) -> Tool:
    if not _NAME.fullmatch(tool.name):
        fix = "up to 64 letters, digits, `_` and `-`"
        raise Invalid(f"`{tool.name}` cannot be the name of a tool", fix, ())
    return tool
