"""The `llm` node: prompts a model, and makes text or a structured value of its reply."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from seedbed.errors import InputError, NodeError, StopRun
from seedbed.graph.contracts import (
    Context,
    FieldName,
    Issue,
    Name,
    Node,
    NodeCall,
    Read,
    Visit,
    defined,
    given,
    not_both,
)  # fmt: skip
from seedbed.graph.json_schema import Checker
from seedbed.graph.prompt import Messages, Prompt, Written, check_prompt, read_prompt
from seedbed.graph.shorthand import SchemaSyntaxError, load_schema, schema_file
from seedbed.models.contract import Answer, Caller, Reply, Request
from seedbed.models.parsing import Parse, acceptor, check_parse

__all__ = ["LlmNode"]

_ELSEWHERE = {
    "model": "name the model with `model:`",
    "messages": "write them as `prompt:`",
    "n": "write `n:` beside `params:`",
    "stream": "leave it out: replies are read whole",
    "response_format": "write `schema:` or `parse: json`",
}
"""Sampling parameters that the node itself decides."""

_SAVED: dict[str, Callable[[Reply], Any]] = {
    "reasoning": lambda reply: reply.reasoning,
    "logprobs": lambda reply: reply.logprobs,
    "usage": lambda reply: {
        "input": reply.usage.input,
        "output": reply.usage.output,
        "cached_input": reply.usage.cached_input,
    },
    "finish_reason": lambda reply: reply.finish_reason,
    "model": lambda reply: reply.model,
}


_SEVERAL: dict[str, Any] = {"required": ["n"], "properties": {"n": {"type": "integer", "minimum": 2}}}


class LlmNode(Node):
    """Asks a model and writes its reply: text as it came, an object where there is a schema, or what `parse` finds.

    ```yaml
    verdict:
      type: llm
      model: judge
      prompt:
        - system: You are a strict examiner.
        - user: "Question: {{ question }}\\nAnswer: {{ answer }}"
      schema: {score: int 1..5, reason: str}
    ```
    """

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [given("prompt"), given("history")],
            "allOf": [not_both("schema", "parse"), {"not": {"allOf": [given("history"), _SEVERAL]}}],
        }
    )
    asynchronous: ClassVar[bool] = True

    type: Literal["llm"] = "llm"
    """Asks a language model."""
    model: Name
    """The model to ask, by its name under `models:`."""
    prompt: Written = None
    """Text for one user message, or a list of turns, each `system`, `developer`, `user` or `assistant` and its text."""
    schema_: Annotated[Any, defined("ObjectSchema")] = Field(default=None, alias="schema")
    """The object that is answered: shorthand, JSON Schema, `./schema.json` or `file.py:PydanticModel`."""
    parse: Parse = None
    """How the reply is read: `json`, `list`, `code`, `{code: python}`, `{tag: answer}` or `{regex: …, group: 1}`."""
    n: int = Field(default=1, ge=1)
    """How many answers to ask for; more than one make the value a list, and it is all or failed."""
    params: dict[str, Any] = Field(
        default_factory=dict, json_schema_extra={"propertyNames": {"not": {"enum": list(_ELSEWHERE)}}}
    )
    """Sampling parameters of this node's calls, over the model's own."""
    history: FieldName | None = None
    """A field with the messages so far, null at first; the turns of the prompt and the answer are appended to it."""
    save: list[Literal["reasoning", "logprobs", "usage", "finish_reason", "model"]] = Field(
        default_factory=list, json_schema_extra={"uniqueItems": True}
    )
    """What else to keep of the reply, each in a field of its own: `<output>_reasoning`, …"""

    def writes(self) -> list[str]:
        own = self.output or self.name
        history = [self.history] if self.history is not None else []
        return [own, *(f"{own}_{name}" for name in self.save), *history]

    def appends(self) -> list[str]:
        return [self.history] if self.history is not None else []

    def reads(self) -> Iterator[Read]:
        yield from super().reads()
        yield from read_prompt(self.prompt, ("prompt",))
        if self.history is not None:
            yield Read("field", self.history, ("history",))

    def models(self) -> list[tuple[str, tuple[str | int, ...]]]:
        return [(self.model, ("model",))]

    def files(self) -> list[str]:
        file = schema_file(self.schema_)
        return [file] if file else []

    def check(self, base: Path) -> Iterator[Issue]:
        if self.prompt is None and self.history is None:
            yield Issue((), "`prompt` is missing", "add `prompt:`")
        elif self.prompt is not None:
            yield from check_prompt(self.prompt, ("prompt",))
        if self.schema_ is not None and self.parse is not None:
            yield Issue(("parse",), "a reply with a schema is JSON already", "leave out `parse`, or `schema`")
        elif self.parse is not None:
            yield from check_parse(self.parse)
        if self.schema_ is not None:
            yield from self._check_schema(base)
        for key in self.params:
            if fix := _ELSEWHERE.get(key):
                yield Issue(("params", key), f"`{key}` is not a sampling parameter", fix)
        if self.history is not None and self.n > 1:
            yield Issue(("n",), "a history goes on with one answer, not several", "leave out `n`, or `history`")
        names = self.writes()
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            yield Issue(("save",), f"`{twice}` would be written twice", "name each thing once")

    def _check_schema(self, base: Path) -> Iterator[Issue]:
        try:
            schema = load_schema(self.schema_, base)
        except SchemaSyntaxError as error:
            yield Issue(("schema", *error.path), error.what, error.fix)
        except InputError as error:
            yield Issue(("schema",), error.message, error.hint)
        else:
            if schema.get("type", "object") != "object" or not schema:
                fix = "name its keys, as in `{items: [str]}`, or use `parse:`"
                yield Issue(("schema",), "structured output is an object", fix)

    def prepare(self, context: Context) -> NodeCall:
        caller: Caller = context.model(self.model)
        prompt = Prompt(self.prompt)
        schema = load_schema(self.schema_, context.base) if self.schema_ is not None else None
        accept = acceptor(self.parse, Checker(schema) if schema is not None else None)
        params = dict(self.params)
        if "logprobs" in self.save:
            params.setdefault("logprobs", True)
        history, n = self.history, self.n
        saved = [(f"{self.output or self.name}_{name}", _SAVED[name]) for name in self.save]

        async def call(visit: Visit) -> Any:
            turns = prompt.turns(visit.scope)
            before = prompt.instructions(visit.scope)
            if history is not None:
                so_far = _so_far(visit.scope.get(history), history)
                before += [_sent(message) for message in so_far if not before or message["role"] not in _INSTRUCTIONS]
            request = Request([*before, *turns], params, schema, accept)
            if n > 1:
                return _keep(visit, saved, await _all(caller.ask(request, visit, i) for i in range(n)))
            answer = await caller.ask(request, visit)
            if history is not None:
                visit.write(history, [*so_far, *turns, {"role": "assistant", "content": answer.reply.text}])
            for field, get in saved:
                visit.write(field, get(answer.reply))
            if answer.value.note:
                visit.notes.append(answer.value.note)
            return answer.value.value

        return call


_INSTRUCTIONS = ("system", "developer")


def _so_far(value: Any, field: str) -> Messages:
    """The messages in a history field. Raises NodeError where it holds something else."""
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(message, dict) and "role" in message for message in value):
        return value
    raise NodeError(f"`{field}` is not a list of messages", hint="a history is null or [{role: …, content: …}, …]")


def _sent(message: dict[str, Any]) -> dict[str, Any]:
    """A message as a model is sent it: what it thought before is not part of it."""
    return {key: value for key, value in message.items() if key != "reasoning" and (value is not None)}


async def _all(calls: Iterator[Awaitable[Answer]]) -> list[Answer]:
    """All answers. A failure waits for the others, so that answers under way are kept; one that stops the run wins."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    if errors:
        raise next((error for error in errors if isinstance(error, StopRun)), errors[0])
    return [result for result in results if isinstance(result, Answer)]


def _keep(visit: Visit, saved: list[tuple[str, Callable[[Reply], Any]]], answers: list[Answer]) -> list[Any]:
    for field, get in saved:
        visit.write(field, [get(answer.reply) for answer in answers])
    visit.notes += [f"answer {i}: {answer.value.note}" for i, answer in enumerate(answers, 1) if answer.value.note]
    return [answer.value.value for answer in answers]
