"""A model that answers by rules, in process: for tests and dry runs.

It fails as an endpoint would: the same rules behind HTTP (`seedbed.testing.server`) give the same errors.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NoReturn

from pydantic import Discriminator, PrivateAttr, Tag

from seedbed.errors import AccessDenied, RateLimited, Refused, Unavailable
from seedbed.graph.contracts import Visit
from seedbed.models.contract import Provider, Reply, Request, ToolCall
from seedbed.models.script.engine import Script
from seedbed.models.script.exchange import GARBAGE, Answer, Asked, call_id, forced_tool
from seedbed.models.script.rules import Fault, Latency, Rule, Rules, Wants, load_rules
from seedbed.record import digest

__all__ = ["Scripted"]


def _form(value: Any) -> str:
    return "file" if isinstance(value, str) else "rules"


RulesOrFile = Annotated[
    Annotated[str, Tag("file")] | Annotated[list[Rule], Tag("rules")],
    Discriminator(_form),
]


def _content(rules: Rules) -> str:
    """A digest of what the rules answer."""
    dumped = [
        rule.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"fail", "latency"})
        for rule in rules.rules
        if rule.answers
    ]
    return digest([rules.seed, dumped]).hex()


class Scripted(Provider):
    """Answers by rules; without rules, or where none matches, with text or JSON made up from the request."""

    draws: ClassVar[bool] = True

    provider: Literal["scripted"] = "scripted"
    """Rules in a file, in process."""
    rules: RulesOrFile | None = None
    """A rules file, or the rules themselves."""
    latency: Latency | None = None
    """Seconds that an answer takes where neither its rule nor the rules file says so."""

    _script: Script | None = PrivateAttr(default=None)
    _content: str = PrivateAttr(default="")

    def identity(self) -> dict[str, Any]:
        """What the rules answer belongs to it, how they fail and how long they take does not.

        Before `open` a rules file is known by its path only.
        """
        if not self._content:
            written = self.rules if isinstance(self.rules, str) else _content(Rules(rules=self.rules or []))
            return {**super().identity(), "rules": written}
        return {**super().identity(), "rules": self._content}

    def default_concurrency(self) -> int | None:
        """As many as the engine cares to have under way: there is no endpoint to protect."""
        return 256

    async def open(self, base: Path) -> None:
        """Reads the rules. Raises SpecError with every problem in them."""
        rules = load_rules(self.rules, base)
        self._content = _content(rules)
        if rules.latency is None:
            rules = rules.model_copy(update={"latency": self.latency})
        self._script = Script(rules)

    async def ask(self, request: Request, visit: Visit | None) -> Reply:
        """Answers, or fails as the rules say."""
        if self._script is None:
            await self.open(Path())
        params = {**self.params, **request.params} if self.params else request.params
        schema = request.schema
        wants: Wants = "text" if schema is None else "json_schema"
        tool = self._forced(request)
        if schema is None and tool is not None:
            wants, schema = "tool", tool.get("parameters") or {"type": "object"}
        asked = Asked(request.messages, params, model=self.model, schema=schema, wants=wants, draw=request.draw)
        answer = self._script.answer(asked)  # type: ignore[union-attr]
        if answer.latency:
            await asyncio.sleep(answer.latency)
        if answer.fault is not None:
            await self._fail(answer.fault, answer)
        text, calls = answer.texts[0], answer.tool_calls
        if wants == "tool" and tool is not None and not calls and text:
            text, calls = "", [ToolCall(call_id(asked, 0), str(tool.get("name")), text)]
        if calls and not text and not request.tools:
            text, calls = calls[0].arguments, None
        return Reply(
            text,
            answer.finish_reason,
            answer.usage,
            self.model or "scripted",
            answer.reasoning,
            answer.logprobs,
            answer.latency,
            mode="" if request.schema is None else "json_schema",
            tool_calls=calls,
        )

    @staticmethod
    def _forced(request: Request) -> dict[str, Any] | None:
        try:
            return forced_tool(request.tools, request.tool_choice)
        except LookupError as error:
            raise Refused(str(error.args[0])) from error

    async def _fail(self, fault: Fault, answer: Answer) -> NoReturn:
        said = fault.message or f"scripted failure of rule {answer.rule}"
        if fault.kind == "hang":
            await asyncio.sleep(self.timeout)
            raise Unavailable(f"no answer within {self.timeout:g} s ({said})")
        if fault.kind == "garbage":
            raise Unavailable(f"the answer is no chat completion ({said})", reply=GARBAGE)
        if fault.status is None:
            where = "in the middle of the answer" if fault.kind == "half" else "without an answer"
            raise Unavailable(f"the connection was closed {where} ({said})")
        message = f"HTTP {fault.status}: {said}"
        if fault.status == 429:
            raise RateLimited(message, reply=said, wait=fault.retry_after)
        if fault.status in (401, 403):
            raise AccessDenied(message, hint="this is a rule of the scripted model")
        if fault.status >= 500 or fault.status in (408, 409, 425):
            raise Unavailable(message, reply=said, wait=fault.retry_after)
        raise Refused(message, reply=said)
