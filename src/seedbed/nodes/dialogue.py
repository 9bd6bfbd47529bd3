"""The `dialogue` node: roles that talk with each other, each played by a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import ConfigDict, Field

from seedbed.errors import NodeError
from seedbed.graph.contracts import Context, Issue, Name, Node, NodeCall, Read, Visit, given, not_both
from seedbed.graph.prompt import Prompt, check_prompt, prompt_files, read_prompt
from seedbed.nodes.acting.course import AskJudge, CheckCall, TurnCheck, Until, next_role, read_expression, scope_of
from seedbed.nodes.acting.roles import Line, Player, Role, Template, Voice
from seedbed.nodes.acting.turns import Spoken
from seedbed.nodes.draws import Draw
from seedbed.nodes.judging.asking import together

__all__ = ["DialogueNode"]

_SPEAKS: Any = {
    "allOf": [{"properties": {"user": True, "assistant": True}, "additionalProperties": given("speaks_as")}]
}
"""A role that is not called by what it speaks as has to say it."""


class DialogueNode(Node):
    """Lets two or more roles talk, each a model with instructions of its own; writes the conversation as messages.

    ```yaml
    chat:
      type: dialogue
      roles:
        user: {model: talker, system: "You are {{ persona }}.", goal: "{{ goal }}"}
        assistant: {model: talker, system: You work at the help desk of a shop.}
      turns: {integer: [3, 7]}
      until: {ask: Has the customer got what they wanted?, model: talker, after: user}
      check: "last|length < 1500"
      ends_with: assistant
    ```

    Each role sees the conversation from its own side: what it said itself is the assistant's, what others said the
    user's, with their names where there are more than two roles. Its instructions and its goal no other role is shown.
    A role may have tools, as an `agent` has; its calls and their results are seen by itself alone, and are written
    where it speaks as assistant.

    The field holds the messages. Beside it, `<output>_turns` has for each turn `{role, model, tokens, tries, reasons}`
    (`reasons` say why earlier tries would not do), and `<output>_end` says `{by: turns|until, reason}`. With
    `continuations`, `<output>_tree` holds all that was said as a tree, a list of `{message_id, parent_id, role, text,
    rank, model_name, synthetic}` as OASST has it, `rank` left null for a judge to fill in.

    The expressions `next`, `until` and `check` know, over the record's fields, `turn` (how many turns were spoken),
    `messages` (each with `role`, the name of who spoke, and `content`), `last` (the last text) and `role` (who said
    it).
    """

    model_config = ConfigDict(json_schema_extra=not_both("order", "next"))
    asynchronous: ClassVar[bool] = True

    type: Literal["dialogue"] = "dialogue"
    """Simulates a conversation."""
    roles: Annotated[dict[Name, Role], Field(min_length=2, json_schema_extra=_SPEAKS)]
    """Who takes part, by name."""
    opening: Template | None = None
    """What is said first, a template or its file; by the first of `order`, or the first role. It is no turn."""
    order: Annotated[list[Name], Field(min_length=1)] | None = None
    """Who speaks in turn, over and over. Default: all roles as they stand."""
    next: str | None = None
    """Who speaks next, in place of an order: an expression that gives a role's name."""
    turns: Annotated[int, Field(ge=1)] | Draw
    """How often somebody speaks, at most: a number, or a draw as in `sampler`, such as `{integer: [3, 7]}`."""
    until: str | AskJudge | None = None
    """When it is over, looked at after each turn: an expression, or `{ask: …, model: …}`, a question to a model."""
    check_: str | CheckCall | None = Field(default=None, alias="check")
    """Whether a turn will do: an expression, or `{call: ./hooks.py:function}`. One that will not is generated anew."""
    retries: int = Field(default=2, ge=0)
    """How often a turn is generated anew; then the record fails. At temperature 0 every try says the same."""
    ends_with: Voice | None = None
    """Leaves out what comes after the last turn of a role that speaks so."""
    continuations: int = Field(default=1, ge=1)
    """How many answers are generated wherever a role speaks as assistant. The dialogue goes on with the first; the
    others are kept in the tree, where `check` lets them."""
    system: Template | None = None
    """A system message at the head of the written conversation, a template or its file. No role is shown it."""

    def writes(self) -> list[str]:
        own = self.output or self.name
        return [own, f"{own}_turns", f"{own}_end", *([f"{own}_tree"] if self.continuations > 1 else [])]

    def reads(self) -> Iterator[Read]:
        yield from super().reads()
        for name, role in self.roles.items():
            yield from role.reads(("roles", name), self.base)
        for key in ("opening", "system"):
            yield from read_prompt(getattr(self, key), (key,), self.base)
        for key, written in (("next", self.next), ("until", self.until), ("check", self.check_)):
            if isinstance(written, str):
                yield from read_expression(written, (key,))
        if isinstance(self.until, AskJudge):
            yield Read("template", self.until.ask, ("until", "ask"))
        if isinstance(self.check_, CheckCall):
            yield from self.check_.reads(("check",), self.base)

    def models(self) -> list[tuple[str, tuple[str | int, ...]]]:
        named = [model for name, role in self.roles.items() for model in role.act_models(("roles", name))]
        return [*named, (self.until.model, ("until", "model"))] if isinstance(self.until, AskJudge) else named

    def files(self) -> list[str]:
        own = [*prompt_files(self.opening), *prompt_files(self.system)]
        checks = self.check_.files() if isinstance(self.check_, CheckCall) else []
        return [*own, *checks, *(file for role in self.roles.values() for file in role.files())]

    def check(self, base: Path) -> Iterator[Issue]:
        for name, role in self.roles.items():
            yield from role.issues(base, ("roles", name))
        for key in ("opening", "system"):
            if (written := getattr(self, key)) is not None:
                yield from check_prompt(written, (key,), base)
        if self.order is not None and self.next is not None:
            yield Issue(("next",), "`order` and `next` both say who speaks", "leave one of them out")
        named: list[tuple[str, tuple[str | int, ...]]] = [
            (name, ("order", i)) for i, name in enumerate(self.order or ())
        ]
        if isinstance(self.until, AskJudge):
            yield from self.until.issues(("until",))
            named += [(self.until.after, ("until", "after"))] if self.until.after is not None else []
        for name, path in named:
            if name not in self.roles:
                yield Issue(path, f"there is no role `{name}`", f"the roles are {', '.join(self.roles)}")
        if isinstance(self.turns, Draw):
            for issue in self.turns.issues():
                yield Issue(("turns", *issue.path), issue.what, issue.fix)
        if isinstance(self.check_, CheckCall):
            yield from self.check_.issues(base, ("check",))

    def prepare(self, context: Context) -> NodeCall:
        dialogue = _Dialogue(self, context)
        own = self.output or self.name

        async def call(visit: Visit) -> Any:
            held = await dialogue.held(visit)
            visit.write(f"{own}_turns", held.turns)
            visit.write(f"{own}_end", held.end)
            if self.continuations > 1:
                visit.write(f"{own}_tree", held.tree)
            return held.messages

        return call


class _Held(NamedTuple):
    """A dialogue that was held."""

    messages: list[dict[str, Any]]
    turns: list[dict[str, Any]]
    end: dict[str, Any]
    tree: list[dict[str, Any]]


class _Turn(NamedTuple):
    """A turn with what became of it. An opening is nobody's reply."""

    line: Line
    spoken: Spoken | None = None
    reasons: list[str] = []
    others: list[Spoken] = []
    """Other answers in its place."""

    def told(self) -> dict[str, Any]:
        """What `<output>_turns` says of it."""
        spoken = self.spoken
        usage = spoken.usage if spoken is not None else None
        return {
            "role": self.line.role,
            "model": spoken.model if spoken is not None else None,
            "tokens": {"input": usage.input, "output": usage.output} if usage is not None else None,
            "tries": len(self.reasons) + 1 if spoken is not None else 0,
            "reasons": self.reasons,
        }


class _Dialogue:
    """The node at work."""

    def __init__(self, node: DialogueNode, context: Context) -> None:
        self._node = node
        several = len(node.roles) > 2
        self._players = {name: Player(name, role, context, several) for name, role in node.roles.items()}
        self._order = node.order or list(node.roles)
        self._next = next_role(self._order, node.next, list(node.roles))
        self._opening = Prompt(node.opening, context.base)
        self._system = Prompt(node.system, context.base)
        self._draw = node.turns.drawer() if isinstance(node.turns, Draw) else None
        self._check = TurnCheck(node.check_, context) if node.check_ is not None else None
        self._until = Until(node.until, context) if node.until is not None else None

    async def held(self, visit: Visit) -> _Held:
        """The whole dialogue."""
        turns: list[_Turn] = []
        for said in self._opening.turns(visit.scope):
            text = said["content"].strip()
            turns.append(_Turn(Line(self._order[0], text, [{"role": "assistant", "content": text}])))
        states = {name: player.begin(visit) for name, player in self._players.items()}
        end = {"by": "turns", "reason": None}
        for number in range(1, self._most(visit) + 1):
            lines = [turn.line for turn in turns]
            name = self._next(scope_of(visit, lines, number - 1), len(lines))
            turn = await self._taken(name, lines, states[name], visit, number)
            if turn.spoken is not None:
                states[name] = turn.spoken.state
            turns.append(turn)
            scope = scope_of(visit, [*lines, turn.line], number)
            over = await self._until(scope, visit) if self._until is not None else None
            if over is not None:
                end = {"by": "until", "reason": over}
                break
        return self._written(turns, end, visit)

    def _most(self, visit: Visit) -> int:
        if self._draw is None:
            assert isinstance(self._node.turns, int)
            return self._node.turns
        drawn = self._draw(visit.random("turns"))
        if not isinstance(drawn, int) or isinstance(drawn, bool) or drawn < 1:
            raise NodeError(f"`turns` draws {drawn!r}", hint="let it draw whole numbers from 1 on")
        return drawn

    async def _taken(self, name: str, lines: list[Line], state: dict[str, Any], visit: Visit, number: int) -> _Turn:
        """A turn that will do."""
        reasons: list[str] = []
        for sample in range(self._node.retries + 1):
            spoken, wrong = await self._tried(name, lines, state, visit, number, sample)
            if wrong is None:
                others = await self._others(name, lines, state, visit, number)
                return _Turn(Line(name, spoken.text, spoken.messages), spoken, reasons, others)
            reasons.append(wrong)
        raise NodeError(f"turn {number}, of `{name}`, will not do after {len(reasons)} tries: {reasons[-1]}")

    async def _others(
        self, name: str, lines: list[Line], state: dict[str, Any], visit: Visit, number: int
    ) -> list[Spoken]:
        """Further answers that will do."""
        if self._players[name].voice != "assistant":
            return []
        first = self._node.retries + 1
        samples = range(first, first + self._node.continuations - 1)
        tried = await together(self._tried(name, lines, state, visit, number, sample) for sample in samples)
        return [spoken for spoken, wrong in tried if wrong is None]

    async def _tried(
        self, name: str, lines: list[Line], state: dict[str, Any], visit: Visit, number: int, sample: int
    ) -> tuple[Spoken, str | None]:
        """One try at a turn, and why it will not do."""
        spoken = await self._players[name].speak(lines, state, visit, sample)
        if self._check is None:
            return spoken, None
        line = Line(name, spoken.text, spoken.messages)
        return spoken, await self._check(scope_of(visit, [*lines, line], number))

    def _written(self, turns: list[_Turn], end: dict[str, Any], visit: Visit) -> _Held:
        wanted = self._node.ends_with
        while turns and wanted is not None and self._players[turns[-1].line.role].voice != wanted:
            turns = turns[:-1]
        if not turns:
            raise NodeError(f"nobody spoke as {wanted}", hint="allow more `turns`")
        head = [{"role": "system", "content": turn["content"]} for turn in self._system.turns(visit.scope)]
        said = [message for turn in turns for message in self._players[turn.line.role].written(turn.line)]
        return _Held([*head, *said], [turn.told() for turn in turns], end, self._tree(turns, visit))

    def _tree(self, turns: list[_Turn], visit: Visit) -> list[dict[str, Any]]:
        """All that was said, each message with the one it answers; the first of several goes on."""
        nodes: list[dict[str, Any]] = []
        parent = None
        for place, turn in enumerate(turns):
            own = f"{visit.record_id}-{visit.node}-{visit.number}-{place}"
            texts = [turn.line.text, *(other.text for other in turn.others)]
            for i, text in enumerate(texts):
                nodes.append(
                    {
                        "message_id": f"{own}.{i}" if i else own,
                        "parent_id": parent,
                        "role": self._players[turn.line.role].voice,
                        "text": text,
                        "rank": None,
                        "model_name": turn.spoken.model if turn.spoken is not None else None,
                        "synthetic": turn.spoken is not None,
                    }
                )
            parent = own
        return nodes
