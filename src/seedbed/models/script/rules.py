"""The rules of a scripted model as they are written, in a YAML file or in Python.

Knows what a rule may say and whether it is well said; how rules answer is in `engine.py`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from seedbed.errors import InputError, SpecError
from seedbed.graph.contracts import Spec, Text, exactly_one, given
from seedbed.graph.validate import validated
from seedbed.graph.yaml import Document, read_yaml
from seedbed.models.contract import FinishReason, Usage
from seedbed.models.script.text import Templates

Role = Literal["any", "system", "user", "assistant", "tool", "last"]
Wants = Literal["text", "json_schema", "json_object", "tool"]
FaultKind = Literal["status", "drop", "hang", "half", "cut", "empty", "garbage"]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_latency(value: Any) -> Any:
    return {"seconds": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


def _as_fault(value: Any) -> Any:
    if isinstance(value, str):
        return {"kind": value}
    return {"status": value} if isinstance(value, int) and not isinstance(value, bool) else value


def _as_faults(value: Any) -> Any:
    return [_as_fault(item) for item in (value if isinstance(value, list) else [value])]


class LatencySpec(Spec):
    """How long an answer takes: `0.05`, `{uniform: [0.02, 0.2]}` or `{mean: 0.1, std: 0.03}`, in seconds."""

    model_config = ConfigDict(
        json_schema_extra={**exactly_one("seconds", "uniform", "mean"), "dependentRequired": {"mean": ["std"]}}
    )

    seconds: float | None = Field(default=None, ge=0)
    """The same for every answer; `latency: 0.05` is short for it."""
    uniform: list[float] | None = Field(default=None, min_length=2, max_length=2)
    """Drawn evenly between the two."""
    mean: float | None = Field(default=None, ge=0)
    """Drawn from a normal distribution around this, cut off at 0."""
    std: float | None = Field(default=None, ge=0)
    """The standard deviation that goes with `mean`."""

    @model_validator(mode="after")
    def _one_way(self) -> LatencySpec:
        ways = [self.seconds is not None, self.uniform is not None, self.mean is not None or self.std is not None]
        if sum(ways) != 1 or (self.mean is None) != (self.std is None):
            raise ValueError("`latency` is seconds, or {uniform: [from, to]}, or {mean: …, std: …}")
        return self


Seconds = Annotated[float, Field(ge=0)]
Latency = Annotated[LatencySpec, BeforeValidator(_as_latency, json_schema_input_type=Seconds | LatencySpec)]


class Fault(Spec):
    """A failure on demand. Without `times`, `every` or `rate` it comes every time; several of them must all hold."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": given("status"),
            "then": {"properties": {"kind": {"not": {"enum": [k for k in get_args(FaultKind) if k != "status"]}}}},
            "else": {"required": ["kind"], "properties": {"kind": {"not": {"const": "status"}}}},
        }
    )

    kind: FaultKind = "status"
    """`status`: an HTTP status; `drop`: the connection closes without an answer; `hang`: no answer, ever;
    `half`: the connection closes in the middle of the answer; `cut`: a whole answer with half the text and
    `finish_reason: length`; `empty`: an answer without text; `garbage`: status 200 and a body that is not JSON."""
    status: int | None = Field(default=None, ge=400, le=599)
    """The HTTP status, 400 to 599; goes with `kind: status`, which need not be written then."""
    retry_after: float | None = Field(default=None, ge=0)
    """Seconds for the Retry-After header; may be a fraction."""
    message: str = ""
    """The text of the error. Default: one that says it is scripted."""
    after: int = Field(default=0, ge=0)
    """How many matching requests go well before the counting for `times` and `every` begins."""
    times: int | None = Field(default=None, ge=1)
    """Only the first so many matching requests fail."""
    every: int | None = Field(default=None, ge=1)
    """Only each so-manieth matching request fails."""
    rate: float | None = Field(default=None, ge=0, le=1)
    """Only this share of requests fails; which ones depends on seed, prompt and how often it was asked, nothing else.
    """
    per_prompt: bool = False
    """Whether `after`, `times` and `every` count each prompt on its own, instead of all that match the rule."""

    @model_validator(mode="after")
    def _status_or_kind(self) -> Fault:
        if (self.kind == "status") != (self.status is not None):
            raise ValueError("write either a `status:` (400 to 599) or another `kind:`")
        return self


Status = Annotated[int, Field(ge=400, le=599)]
OtherKind = Literal["drop", "hang", "half", "cut", "empty", "garbage"]
AnyFault = OtherKind | Status | Fault
Faults = Annotated[
    list[Fault], BeforeValidator(_as_faults, json_schema_input_type=OtherKind | Status | Fault | list[AnyFault])
]
Texts = Annotated[list[str], BeforeValidator(_as_list, json_schema_input_type=str | list[str]), Field(min_length=1)]


class ToolCall(Spec):
    """A tool that the model asks for."""

    name: str
    """The tool's name."""
    arguments: Any = Field(default_factory=dict)
    """The arguments, any value; texts in it may be templates. A text is sent as it is, to script broken JSON."""


class UsageSpec(Spec):
    """Token counts to report."""

    input: int = Field(default=0, ge=0)
    """Of the prompt."""
    output: int = Field(default=0, ge=0)
    """Of the answer."""
    cached_input: int = Field(default=0, ge=0)
    """The part of `input` that the endpoint had in its prefix cache."""

    def usage(self) -> Usage:
        """As a reply has it."""
        return Usage(self.input, self.output, self.cached_input)


ANSWERS = ("reply", "replies", "json", "echo", "tool_calls")

_ONE_ANSWER = [given("reply"), given("replies"), {"required": ["json"]}, given("echo")]
_NO_TEXT: dict[str, Any] = {"not": {"anyOf": _ONE_ANSWER}, "anyOf": [given("tool_calls"), given("fail")]}


class Rule(Spec):
    """One rule: which requests it is for (all conditions must hold; none: every request) and what they get."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [*_ONE_ANSWER, _NO_TEXT]})

    contains: Texts | None = None
    """A text, or several that must all occur in the request."""
    contains_any: Texts | None = None
    """Texts of which at least one must occur."""
    matches: str | None = None
    """A regular expression, searched for; `(?s)` and `(?i)` work as usual. Its groups are `match` in templates."""
    role: Role = "any"
    """Where `contains`, `contains_any` and `matches` look: all messages, those of one role, or the last user message.
    """
    system: str | None = None
    """A text that must occur in the system messages."""
    model: str | None = None
    """The model's name as requested; `*` stands for anything."""
    wants: Wants | None = None
    """How the answer is asked for: plain text, by JSON Schema, as a JSON object, or as a forced tool call."""

    reply: Text | None = None
    """The answer, a template."""
    replies: list[Any] | None = Field(default=None, min_length=1)
    """Answers used in turn, starting over after the last; what is not text is written as JSON."""
    per_prompt: bool = True
    """Whether `replies` are counted for each prompt on its own, so that the order of requests does not matter,
    instead of over all that match the rule."""
    json_value: Any = Field(default=None, alias="json")
    """`json:` any value, written as JSON; texts in it may be templates, one that is an expression keeps its type."""
    echo: Literal[True] | None = None
    """The last user message, as it is."""
    tool_calls: list[ToolCall] | None = Field(default=None, min_length=1)
    """Tools to call; may stand beside a text."""
    reasoning: str | None = None
    """What the model thought first, a template."""
    logprobs: list[dict[str, Any]] | dict[str, float] | None = None
    """Token objects as OpenAI gives them, or the probabilities of the first token: `{"yes": 0.9, "no": 0.1}`.
    Without it they are made up where a request asks for them."""
    finish_reason: FinishReason | None = None
    """Default: `tool_calls` where tools are called, else `stop`."""
    usage: UsageSpec | None = None
    """Default: a token for every four characters."""
    latency: Latency | None = None
    """Default: that of the whole file."""
    fail: Faults | None = None
    """Failures, the first that is due comes. A rule that only fails lets other requests go on to the next rule."""

    @property
    def answers(self) -> bool:
        """Whether it says what to answer, and not only how to fail."""
        return any(self._has(name) for name in ANSWERS)

    def _has(self, name: str) -> bool:
        return "json_value" in self.model_fields_set if name == "json" else getattr(self, name) is not None

    @field_validator("reply", "replies", "json_value", "tool_calls", "reasoning")
    @classmethod
    def _templates_parse(cls, value: Any, info: ValidationInfo) -> Any:
        name = "json" if info.field_name == "json_value" else str(info.field_name)
        Templates().value([call.arguments for call in value] if name == "tool_calls" and value else value, f"`{name}`")
        return value

    @field_validator("matches")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"`matches` is not a regular expression: {error}") from error
        return value

    @model_validator(mode="after")
    def _says_something(self) -> Rule:
        given = [name for name in ANSWERS if self._has(name) and name != "tool_calls"]
        if len(given) > 1:
            raise ValueError(f"the rule answers in {len(given)} ways ({', '.join(given)}); keep one of them")
        if not self.answers and self.fail is None:
            raise ValueError(f"the rule does not say what to answer; give one of {', '.join(ANSWERS)}, or `fail`")
        return self


class Rules(Spec):
    """A rules file: a list of rules, or a mapping that holds it under `rules:` beside what is common to all."""

    rules: list[Rule] = Field(default_factory=list)
    """Tried in order, the first that matches answers. Where none does, the answer is made up from the request."""
    seed: int = 0
    """Every draw derives from it."""
    latency: Latency | None = None
    """How long each answer takes. Default: no time at all."""


Source = str | Path | Rules | list[Any] | dict[str, Any] | None
"""Where rules come from: a file, a list of rules, a mapping as in a file, or nothing."""


def load_rules(source: Source, base: Path = Path()) -> Rules:
    """Reads rules. `base` is the folder that a relative path starts at.

    Raises SpecError with every problem and its position, or InputError where there is no such file.
    """
    if isinstance(source, Rules):
        return source
    if isinstance(source, str | Path):
        document = _read(base / source)
    else:
        document = Document("rules", data=source)
    raw = {} if document.data is None else document.data
    rules: Rules | None = None
    if isinstance(raw, list):
        checked = [validated(Rule, rule, document, (i,)) for i, rule in enumerate(raw)]
        rules = Rules(rules=[rule for rule in checked if rule is not None])
    elif isinstance(raw, dict):
        rules = validated(Rules, raw, document, ())
    else:
        document.problems.append(document.at((), "this is no list of rules", "write `- {contains: …, reply: …}`"))
    if document.problems or rules is None:
        raise SpecError(document.problems)
    return rules


def _read(path: Path) -> Document:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the rules {path}: {error}", hint="give the path of a YAML file") from error
    return read_yaml(text, str(path))
