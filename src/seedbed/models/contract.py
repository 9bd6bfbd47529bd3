"""What a model is: a request goes in, a reply comes out.

A provider is one file in `models/providers/` with one class derived from `Provider`: its written form (the entry
under `models:` in a pipeline file) and its behaviour. Retry, cache, limits and budget stand around it, each in a file
of its own, and no provider knows of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Protocol

import msgspec
from pydantic import Field, PrivateAttr

from seedbed.graph.contracts import Name, Spec, Text, Visit

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one call. `cached_input` is the part of `input` that the endpoint had in its prefix cache."""

    input: int = 0
    output: int = 0
    cached_input: int = 0


class ToolCall(msgspec.Struct, frozen=True):
    """A tool that a model wants called."""

    id: str
    """What the message with its result names as `tool_call_id`."""
    name: str
    arguments: str
    """As the model wrote them: JSON, if it wrote well."""


class Request(msgspec.Struct):
    """What is asked: chat messages in OpenAI form, sampling parameters, and the JSON Schema of the answer, if any."""

    messages: list[dict[str, Any]]
    """Sent as they are, messages of role `tool` and an assistant's `tool_calls` among them."""
    params: dict[str, Any] = {}
    """Sent as they are: temperature, max_tokens, top_p, stop, logprobs, …"""
    schema: dict[str, Any] | None = None
    accept: Callable[[Reply], Any] | None = None
    """Makes the asker's value of a reply, or raises BadReply where the reply is unusable: it is then recorded but is no
    answer, and counts as an attempt. Not part of what is sent, nor of the call's key."""
    draw: int | None = None
    """A number of this very attempt, the same in every run with the same seed, for a provider that samples with a seed
    of its own choice. Not part of the call's key."""
    tools: list[dict[str, Any]] | None = None
    """What the model may call, in OpenAI form: {type: function, function: {name, description, parameters}}."""
    tool_choice: str | dict[str, Any] | None = None
    """`auto`, `none`, `required`, or {type: function, function: {name}}; None leaves it to the endpoint."""


class Reply(msgspec.Struct, omit_defaults=True):
    """What was answered."""

    text: str
    finish_reason: FinishReason = "stop"
    usage: Usage = Usage()
    model: str = ""
    """The model's own name, as the endpoint gave it."""
    reasoning: str | None = None
    logprobs: list[dict[str, Any]] | None = None
    """One object per token of `text`: token, logprob, top_logprobs, as OpenAI gives them."""
    seconds: float = 0.0
    """Time of the attempt that answered, limits and retries not included."""
    attempts: int = 1
    mode: str = ""
    """How structured output was asked for: json_schema, tool, json_object or prompt; empty without a schema."""
    tool_calls: list[ToolCall] | None = None
    """What it wants called, where the request has `tools`; `text` is then often empty."""


class Answer(NamedTuple):
    """A usable reply, and what the request's `accept` made of it; its text where there is no `accept`."""

    reply: Reply
    value: Any


class Limits(Spec):
    """What the endpoint allows."""

    concurrency: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """Calls in flight at once; `auto` finds the endpoint's limit."""
    rpm: int | None = Field(default=None, ge=1)
    """Requests per minute."""
    tpm: int | None = Field(default=None, ge=1)
    """Tokens per minute, prompt and answer together."""


class Price(Spec):
    """US dollars per million tokens."""

    input: float = Field(default=0.0, ge=0)
    """Of prompts."""
    output: float = Field(default=0.0, ge=0)
    """Of answers."""
    cached_input: float | None = Field(default=None, ge=0)
    """Default: the price of other input."""

    def usd(self, usage: Usage) -> float:
        """What a call costs."""
        cached = self.input if self.cached_input is None else self.cached_input
        fresh = usage.input - usage.cached_input
        return (fresh * self.input + usage.cached_input * cached + usage.output * self.output) / 1e6


class Provider(Spec):
    """Base of all providers: what every model entry may say, and the two things a provider does."""

    provider: str
    """Who serves it: the name of a file in `seedbed/models/providers/` or of a plug-in."""
    model: Text = ""
    """The model's name at the provider."""
    params: dict[str, Any] = {}
    """Sampling parameters of every call, sent as they are; a node's own `params` win."""
    limits: Limits = Limits()
    """What its endpoint allows. Models with one address share it."""
    price: Price | None = None
    """What its tokens cost. Default: nothing."""
    timeout: float = Field(default=300.0, gt=0)
    """Seconds for one attempt."""
    retries: int = Field(default=5, ge=0)
    """Further attempts after the first. Empty and cut replies count as attempts."""
    cache: Literal["project", "user", "run", "off"] = "project"
    """Which runs share answered calls: all under one `runs/` folder, all of this user's, this run alone, or none."""
    cache_key: Text = ""
    """Separates servers that serve different models under one name."""
    fallback: Name | None = None
    """The model to ask when this one still fails after all retries."""

    _name: str = PrivateAttr(default="")
    _base: Path | None = PrivateAttr(default=None)

    draws: ClassVar[bool] = False
    """Whether `ask` reads the request's `draw`: providers that make chance themselves do."""

    @property
    def name(self) -> str:
        """The model's name in the pipeline file."""
        return self._name

    @property
    def base(self) -> Path | None:
        """The folder of the file that names it, where that is not the pipeline file; set by the loader."""
        return self._base

    def identity(self) -> dict[str, Any]:
        """What decides the answer, and so belongs to the key of a call and of a pipeline. The address does not."""
        return {"provider": self.provider, "model": self.model, "params": self.params, "key": self.cache_key}

    def address(self) -> str:
        """Which endpoint this talks to; models with one address share its limits."""
        return self.provider

    def default_concurrency(self) -> int | None:
        """Calls in flight under `concurrency: auto` where the provider knows it; None to find out."""
        return None

    async def open(self, base: Path) -> None:
        """Gets ready: loads, connects. `base` is the folder of the pipeline file. Raises UserError or StopRun."""

    async def ask(self, request: Request, visit: Visit | None) -> Reply:
        """One attempt. Raises ModelError, or AccessDenied. `visit` tells for whom; it must not change the answer.

        An empty or cut reply is returned as it is: the retrying model decides what it means.
        """
        raise TypeError(f"{type(self).__name__} has no behaviour")

    async def close(self) -> None:
        """Lets everything go."""


class Caller(Protocol):
    """A model as nodes see it, with everything around it."""

    name: str

    @property
    def load(self) -> float:
        """How busy its endpoint is: calls under way or waiting, per call that it takes at once."""

    def knows(self, request: Request, visit: Visit, sample: int = 0) -> bool:
        """Whether `ask` would answer from the store."""

    async def ask(self, request: Request, visit: Visit, sample: int = 0) -> Answer:
        """Asks, waits its turn, retries; answers from the store what was answered before.

        `sample` tells apart the several answers a node wants to one request. A BadReply with `feedback` is asked again
        with the reply and the feedback appended. Leaves `request` as it is. Raises ModelError or StopRun.
        """
