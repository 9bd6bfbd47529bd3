"""The roles of a dialogue: who they are, and the conversation as each of them sees it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from seedbed.graph.contracts import Context, Issue, Read, Visit
from seedbed.graph.prompt import Messages, Prompt, check_prompt, prompt_files, read_prompt
from seedbed.nodes.acting.toolbox import Acts
from seedbed.nodes.acting.turns import Actor, Spoken

Template = Annotated[str, Field(pattern=r"\S")]
Voice = Literal["user", "assistant"]
Place = tuple[str | int, ...]

_PLAY = """You play a person in a conversation. Write nothing but this person's next message, in the first person and \
as such a person would write it: no name before it, no quotes around it, no remarks on it. You ask, tell and react; \
helping and explaining is for the others to do."""
_GOAL = "What you want of this conversation, and never say outright:"
_BEGIN = "(The conversation begins. You speak first.)"
_GO_ON = "(You go on.)"


class Role(Acts):
    """One who takes part in a dialogue."""

    system: Template | None = None
    """Who it is and how it behaves, a template or its file. A role that speaks as user is told beside it to write
    nothing but a person's next message."""
    goal: Template | None = None
    """What it wants, a template or its file; told to this role alone."""
    speaks_as: Voice | None = None
    """What its messages are in the written conversation. Default: its name, where it is `user` or `assistant`."""

    def reads(self, path: Place, base: Path) -> Iterator[Read]:
        """Where it reads fields."""
        yield from self.act_reads(base, path)
        yield from read_prompt(self.goal, (*path, "goal"), base)

    def files(self) -> list[str]:
        """The files it names."""
        return [*self.act_files(), *prompt_files(self.goal)]

    def issues(self, base: Path, path: Place) -> Iterator[Issue]:
        """What is wrong with it. `path` ends in its name."""
        if self.speaks_as is None and path[-1] not in ("user", "assistant"):
            yield Issue(path, f"it does not say what `{path[-1]}` speaks as", "add `speaks_as: user` or `assistant`")
        if self.goal is not None:
            yield from check_prompt(self.goal, (*path, "goal"), base)
        yield from self.act_issues(base, path)


class Line(NamedTuple):
    """One turn of a conversation."""

    role: str
    text: str
    own: Messages
    """All that its role said and did for it: calls of tools and their results, the text last."""


class Player:
    """A role at work."""

    def __init__(self, name: str, role: Role, context: Context, several: bool) -> None:
        self.name = name
        self.voice: Voice = role.speaks_as or ("user" if name == "user" else "assistant")
        self._several = several
        """Whether there are more than two roles, so that it must be told who said what."""
        self._actor = Actor(role, context, place=name)
        self._system = Prompt(role.system, context.base)
        self._goal = Prompt(role.goal, context.base)

    def begin(self, visit: Visit) -> dict[str, Any]:
        """What its simulated tools have stored at first."""
        return self._actor.begin(visit)

    async def speak(self, lines: Sequence[Line], state: dict[str, Any], visit: Visit, sample: int) -> Spoken:
        """What it says next; `sample` tells several attempts apart."""
        spoken = await self._actor.speak(self._view(lines, visit.scope), state, visit, sample)
        text = spoken.text.strip()
        if self._several:
            text = text.removeprefix(f"{self.name}:").lstrip() or text
        return spoken._replace(text=text, messages=[*spoken.messages[:-1], {"role": "assistant", "content": text}])

    def written(self, line: Line) -> Messages:
        """Its turn as it stands in the written conversation."""
        said = line.own if self.voice == "assistant" else [{"role": "user", "content": line.text}]
        if not self._several:
            return said
        return [message if message["role"] == "tool" else {**message, "name": self.name} for message in said]

    def _view(self, lines: Sequence[Line], scope: dict[str, Any]) -> Messages:
        """The conversation from its side: its own turns are the assistant's, all others' the user's.

        It begins and ends with a user message, since many models are made for nothing else.
        """
        parts = [turn["content"] for turn in self._system.turns(scope)]
        if self.voice == "user":
            parts.append(_PLAY)
        parts += [f"{_GOAL}\n{turn['content']}" for turn in self._goal.turns(scope)]
        head: Messages = [{"role": "system", "content": "\n\n".join(parts)}] if parts else []
        said: Messages = []
        if not lines or lines[0].role == self.name:
            said.append({"role": "user", "content": _BEGIN})
        for line in lines:
            if line.role == self.name:
                said += line.own
                continue
            text = f"{line.role}: {line.text}" if self._several else line.text
            if said and said[-1]["role"] == "user":
                said[-1] = {"role": "user", "content": f"{said[-1]['content']}\n\n{text}"}
            else:
                said.append({"role": "user", "content": text})
        if said[-1]["role"] != "user":
            said.append({"role": "user", "content": _GO_ON})
        return [*head, *said]
