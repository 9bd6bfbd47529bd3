"""The `llm` node: prompts a model, and makes text or a structured value of its reply."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from seedbed.errors import InputError
from seedbed.graph.contracts import (
    Context,
    FieldName,
    Issue,
    ModelName,
    Node,
    NodeCall,
    Read,
    Visit,
    defined,
    given,
    not_both,
)  # fmt: skip
from seedbed.graph.json_schema import Checker
from seedbed.graph.prompt import Messages, Prompt, Written, check_prompt, prompt_files, read_prompt
from seedbed.graph.shorthand import SchemaSyntaxError, load_schema, schema_file
from seedbed.models.contract import Caller, Request
from seedbed.models.parsing import Parse, acceptor, check_parse, tool_acceptor
from seedbed.models.tools import WrittenTools, assistant_message, check_tools, load_tools, tool_files
from seedbed.nodes.attachments import (
    MOST_BYTES,
    Attaching,
    Loader,
    WrittenAttach,
    attach_files,
    attach_issues,
    attach_reads,
)  # fmt: skip
from seedbed.nodes.drawn_params import PARAMS_SCHEMA, param_drawer, params_issues
from seedbed.nodes.picking import Pick, picker
from seedbed.nodes.replies import INSTRUCTIONS, Given, Saved, as_sent, gathered, keep_all, keep_one, so_far, with_parts
from seedbed.nodes.shots import Examples

__all__ = ["LlmNode"]

_SEVERAL: dict[str, Any] = {"required": ["n"], "properties": {"n": {"type": "integer", "minimum": 2}}}
_CHOICES = ("auto", "none", "required")


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

    Several models, each answering with a temperature drawn for it:

    ```yaml
    answers:
      type: llm
      model: [small, large]
      pick: all
      prompt: "{{ question }}"
      params: {temperature: {uniform: [0.2, 1]}}
      save: [model, params]
    ```
    """

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [given("prompt"), given("history"), given("attach")],
            "allOf": [
                not_both("schema", "parse"),
                not_both("tools", "schema"),
                not_both("tools", "parse"),
                {"not": {"allOf": [given("history"), _SEVERAL]}},
            ],
        }
    )
    asynchronous: ClassVar[bool] = True

    type: Literal["llm"] = "llm"
    """Asks a language model."""
    model: ModelName | Annotated[list[ModelName], Field(min_length=1)]
    """The model to ask, by its name under `models:`, or several of which `pick` says which are asked."""
    pick: Pick | None = None
    """Which of several models: `all` (the value is a list, each model's answers in turn, all or failed), or for each
    answer one of them: `random`, `weighted`, `round_robin` by the record's place in the run, or `least_busy`, the only
    one whose outcome another run need not repeat. Default: `weighted` where there are `weights`, else `all`."""
    weights: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] | None = None
    """For `weighted`: how often each model is picked, by its name; they need not add up to 1, and default to 1."""
    prompt: Written = None
    """Text for one user message, or a list of turns, each `system`, `developer`, `user` or `assistant` and its text.
    Any text may be `./prompts/ask.md` or `{file: …}`, a file that holds it."""
    examples: Examples | None = None
    """Rows that are shown as turns between the instructions and the rest."""
    attach: WrittenAttach = None
    """What goes with the last user message: a path, an http address, a data URL, or a template of one, of a list, or of
    `{path: …}`; what is null is left out. `{image: …}`, `{audio: …}`, `{file: …}` say what it must be; else its first
    bytes do. `detail: low` may stand beside an image, `name: report.pdf` beside a file."""
    attach_bytes: int = Field(default=MOST_BYTES, ge=1)
    """Bytes that one attachment may have; a record with a larger one fails."""
    schema_: Annotated[Any, defined("ObjectSchema")] = Field(default=None, alias="schema")
    """The object that is answered: shorthand, JSON Schema, `./schema.json` or `file.py:PydanticModel`."""
    parse: Parse = None
    """How the reply is read: `json`, `list`, `code`, `{code: python}`, `{tag: answer}` or `{regex: …, group: 1}`."""
    tools: WrittenTools | None = None
    """What the model may call: `./hooks.py:function`, whose signature and docstring describe it, or
    `{name: …, description: …, parameters: {city: str}}`. Nothing is run: the value is
    `{content, tool_calls: [{name, arguments}]}`, content null where the model only calls."""
    tool_choice: str | None = None
    """`auto`, `none`, `required` (it must call one), or the name of the tool it must call."""
    n: int = Field(default=1, ge=1)
    """How many answers to ask for; more than one make the value a list, and it is all or failed."""
    params: dict[str, Any] = Field(default_factory=dict, json_schema_extra=PARAMS_SCHEMA)
    """Sampling parameters of this node's calls, over the model's own. One may be drawn anew for each answer, as a
    sampler draws: `temperature: {uniform: [0.2, 1]}`."""
    history: FieldName | None = None
    """A field with the messages so far, null at first; the turns of the prompt and the answer are appended to it."""
    save: list[Saved] = Field(default_factory=list, json_schema_extra={"uniqueItems": True})
    """What else to keep of the reply, each in a field of its own: `<output>_reasoning`, … Of several models `model`
    gives the name under `models:`, of one the name that the endpoint gives; `params` are the node's, as drawn."""

    @property
    def names(self) -> list[str]:
        """The models it names."""
        return self.model if isinstance(self.model, list) else [self.model]

    @property
    def picks(self) -> Pick:
        """How it picks among several models."""
        return self.pick or ("weighted" if self.weights is not None else "all")

    @property
    def gives_list(self) -> bool:
        """Whether its value is a list of answers."""
        return self.n > 1 or (isinstance(self.model, list) and self.picks == "all")

    def writes(self) -> list[str]:
        own = self.output or self.name
        history = [self.history] if self.history is not None else []
        return [own, *(f"{own}_{name}" for name in self.save), *history]

    def appends(self) -> list[str]:
        return [self.history] if self.history is not None else []

    def reads(self) -> Iterator[Read]:
        yield from super().reads()
        yield from read_prompt(self.prompt, ("prompt",), self.base)
        yield from attach_reads(self.attach)
        if self.examples is not None:
            yield from self.examples.reads()
        if self.history is not None:
            yield Read("field", self.history, ("history",))

    def models(self) -> list[tuple[str, tuple[str | int, ...]]]:
        if isinstance(self.model, str):
            return [(self.model, ("model",))]
        return [(name, ("model", i)) for i, name in enumerate(self.model)]

    def files(self) -> list[str]:
        schema = schema_file(self.schema_)
        examples = self.examples.files(self.base) if self.examples is not None else []
        return [
            *([schema] if schema else []),
            *prompt_files(self.prompt),
            *examples,
            *attach_files(self.attach),
            *tool_files(self.tools or ()),
        ]

    def check(self, base: Path) -> Iterator[Issue]:
        if self.prompt is None and self.history is None and self.attach is None:
            yield Issue((), "`prompt` is missing", "add `prompt:`")
        elif self.prompt is not None:
            yield from check_prompt(self.prompt, ("prompt",), base)
        yield from self._check_models()
        yield from self._check_answer(base)
        yield from attach_issues(self.attach, base)
        if self.examples is not None:
            yield from self.examples.issues(base)
        yield from params_issues(self.params)
        if self.history is not None and self.gives_list:
            path = "n" if self.n > 1 else "model"
            yield Issue((path,), "a history goes on with one answer, not several", f"leave out `{path}`, or `history`")
        names = self.writes()
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            yield Issue(("save",), f"`{twice}` would be written twice", "name each thing once")

    def _check_models(self) -> Iterator[Issue]:
        if isinstance(self.model, str):
            for key in ("pick", "weights"):
                if getattr(self, key) is not None:
                    yield Issue((key,), f"`{key}` chooses among several models", "leave it out, or name several")
            return
        if self.weights is None:
            if self.pick == "weighted":
                fix = f"add `weights: {{{self.names[0]}: 2}}`, or pick `random`"
                yield Issue(("pick",), "`weighted` needs `weights`", fix)
            return
        if self.picks != "weighted":
            yield Issue(("weights",), f"`weights` are for `pick: weighted`, not {self.pick}", "leave one of them out")
        for name in self.weights:
            if name not in self.names:
                yield Issue(("weights", name), f"`{name}` is none of the models", f"they are {', '.join(self.names)}")
        if not any(self.weights.get(name, 1.0) for name in self.names):
            yield Issue(("weights",), "all weights are 0", "give at least one model a weight above 0")

    def _check_answer(self, base: Path) -> Iterator[Issue]:
        """What is wrong with the way in which it wants to be answered."""
        if self.schema_ is not None and self.parse is not None:
            yield Issue(("parse",), "a reply with a schema is JSON already", "leave out `parse`, or `schema`")
        elif self.parse is not None:
            yield from check_parse(self.parse)
        if self.schema_ is not None:
            yield from self._check_schema(base)
        if self.tools is None:
            if self.tool_choice is not None:
                yield Issue(("tool_choice",), "there are no tools to choose from", "add `tools:`")
            return
        for key, there in (("schema", self.schema_), ("parse", self.parse)):
            if there is not None:
                fix = f"leave out `{key}`, or ask in two nodes"
                yield Issue((key,), "a reply with tools is {content, tool_calls}", fix)
        found = list(check_tools(self.tools, base))
        yield from found
        if not found and self.tool_choice is not None and self.tool_choice not in _CHOICES:
            tools = [tool.name for tool in load_tools(self.tools, base)]
            if self.tool_choice not in tools:
                fix = f"write one of: {', '.join((*_CHOICES, *tools))}"
                yield Issue(("tool_choice",), f"there is no tool `{self.tool_choice}`", fix)

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
        conversation = _Conversation(self, context)
        question = self._question(context)
        draw = param_drawer({"logprobs": True} | self.params if "logprobs" in self.save else self.params)
        callers: list[Caller] = [context.model(name) for name in self.names]
        every = callers if self.picks == "all" else [None]
        weights = [self.weights.get(name, 1.0) for name in self.names] if self.weights is not None else None
        pick = picker(self.picks, callers, weights)
        several, output = isinstance(self.model, list), self.output or self.name

        async def ask(visit: Visit, messages: Messages, caller: Caller | None, sample: int) -> Given:
            params = draw(visit, sample)
            request = Request(messages, params, **question)
            caller = caller or pick(visit, request, sample)
            answer = await caller.ask(request, visit, sample)
            return Given(answer, caller.name if several else answer.reply.model, params)

        async def call(visit: Visit) -> Any:
            messages, keep = await conversation.begin(visit)
            if not self.gives_list:
                given = await ask(visit, messages, every[0], 0)
                keep(given)
                return keep_one(visit, output, self.save, given)
            wanted = enumerate(caller for caller in every for _ in range(self.n))
            answers = await gathered(ask(visit, messages, caller, sample) for sample, caller in wanted)
            return keep_all(visit, output, self.save, answers)

        return call

    def _question(self, context: Context) -> dict[str, Any]:
        """What each request has beside messages and parameters."""
        if self.tools is not None:
            tools = load_tools(self.tools, context.base)
            named = self.tool_choice is not None and self.tool_choice not in _CHOICES
            choice = {"type": "function", "function": {"name": self.tool_choice}} if named else self.tool_choice
            accept = tool_acceptor(tools, required=named or choice == "required")
            return {"accept": accept, "tools": [tool.schema for tool in tools], "tool_choice": choice}
        schema = load_schema(self.schema_, context.base) if self.schema_ is not None else None
        return {"schema": schema, "accept": acceptor(self.parse, Checker(schema) if schema is not None else None)}


class _Conversation:
    """What is said before the model answers: instructions, examples, history, the prompt with what is attached."""

    def __init__(self, node: LlmNode, context: Context) -> None:
        self._prompt = Prompt(node.prompt, context.base)
        self._shots = node.examples.prepare(context.base) if node.examples is not None else None
        self._attaching = Attaching(node.attach, node.attach_bytes, context) if node.attach is not None else None
        self._loader = Loader(node.attach_bytes, context)
        self._history = node.history

    async def begin(self, visit: Visit) -> tuple[Messages, Any]:
        """The messages of a visit, and what is to be called with the answer so that the history goes on."""
        turns = self._prompt.turns(visit.scope)
        messages = self._prompt.instructions(visit.scope)
        instructed = bool(messages)
        if self._shots is not None:
            messages += self._shots(visit)
        before: Messages = []
        if self._history is not None:
            before = so_far(visit.scope.get(self._history), self._history)
            said = [as_sent(message) for message in before if not instructed or message["role"] not in INSTRUCTIONS]
            messages = self._in_order(messages, instructed, [await self._loader.message(message) for message in said])
        kept = sent = turns
        if self._attaching is not None:
            found = self._attaching.found(visit)
            sent = with_parts(turns, await self._attaching.parts(found))
            kept = with_parts(turns, [attachment.reference() for attachment in found])

        def keep(given: Given) -> None:
            if self._history is not None:
                reply = given.reply
                visit.write(self._history, [*before, *kept, assistant_message(reply.text, reply.tool_calls or [])])

        return [*messages, *sent], keep

    @staticmethod
    def _in_order(messages: Messages, instructed: bool, said: Messages) -> Messages:
        """Instructions come first, be they the prompt's or the history's; then the examples."""
        if instructed:
            return [*messages, *said]
        first = 0
        while first < len(said) and said[first]["role"] in INSTRUCTIONS:
            first += 1
        return [*said[:first], *messages, *said[first:]]
