"""The `agent` node: a model with tools, in turns, until it answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from seedbed.graph.contracts import Context, Issue, Node, NodeCall, Read, Visit, given
from seedbed.graph.prompt import Prompt, Written, check_prompt, prompt_files, read_prompt
from seedbed.models.tools import load_tools
from seedbed.nodes.acting.toolbox import Acts
from seedbed.nodes.acting.turns import Actor

__all__ = ["AgentNode"]


class AgentNode(Acts, Node):
    """Lets a model call tools, turn by turn, until it answers; writes all that was said and done.

    ```yaml
    solved:
      type: agent
      model: helper
      system: You look things up before you answer.
      prompt: "{{ question }}"
      tools:
        - {name: find_order, description: Finds an order by its number., parameters: {number: int}}
        - {name: cancel_order, description: Cancels an order., parameters: {number: int, reason: str}}
      simulate: {model: helper, state: {orders: "{{ orders }}", cancelled: []}}
      failures: {rate: 0.1}
    ```

    The field holds the trajectory as messages in OpenAI form: instructions, prompt, the model's `tool_calls` with their
    ids, the results as messages of role `tool`, and the answer. Beside it `<output>_answer` is the answer,
    `<output>_turns` how often the model was asked, `<output>_calls` how often each tool was called, `<output>_tools`
    the tools as the model was told of them, and with `simulate` `<output>_state` what is stored at the end.

    Calls of one turn run one after the other. A tool that raises, a tool that does not exist, and wrong arguments are
    told to the model, which may try again. In a run that goes on after a kill, answers of models are not paid for
    again, but Python functions and MCP tools are called again; a tool that gives something else then than before makes
    the turns after it new ones.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                given("prompt"),
                {"anyOf": [given("tools"), {"required": ["mcp"], "properties": {"mcp": {"minProperties": 1}}}]},
            ]
        }
    )
    asynchronous: ClassVar[bool] = True

    type: Literal["agent"] = "agent"
    """A model that uses tools, in turns."""
    prompt: Written = None
    """What it is to do: text for one user message, or a list of turns, as for `llm`."""
    must_use: bool | Annotated[list[str], Field(min_length=1)] = False
    """Whether it must have had a result of a tool before it answers, or of which tools. It is reminded once, which the
    trajectory does not keep; then the record fails."""

    def writes(self) -> list[str]:
        own = self.output or self.name
        more = ["answer", "turns", "calls", "tools", *(["state"] if self.simulate is not None else [])]
        return [own, *(f"{own}_{name}" for name in more)]

    def reads(self) -> Iterator[Read]:
        yield from super().reads()
        yield from self.act_reads(self.base)
        yield from read_prompt(self.prompt, ("prompt",), self.base)

    def models(self) -> list[tuple[str, tuple[str | int, ...]]]:
        return self.act_models()

    def files(self) -> list[str]:
        return [*self.act_files(), *prompt_files(self.prompt)]

    def check(self, base: Path) -> Iterator[Issue]:
        if self.prompt is None:
            yield Issue((), "`prompt` is missing", "add `prompt:`")
        else:
            yield from check_prompt(self.prompt, ("prompt",), base)
        found = list(self.act_issues(base))
        yield from found
        if not self.tools and not self.mcp:
            yield Issue((), "an agent needs tools", "add `tools:` or `mcp:`, or use `type: llm`")
        elif isinstance(self.must_use, list) and not self.mcp and not found:
            have = [tool.name for tool in load_tools(self.tools or (), base)]
            for i, name in enumerate(self.must_use):
                if name not in have:
                    yield Issue(("must_use", i), f"there is no tool `{name}`", f"there are {', '.join(have)}")

    def prepare(self, context: Context) -> NodeCall:
        actor = Actor(self, context, must_use=self.must_use)
        system, prompt = Prompt(self.system, context.base), Prompt(self.prompt, context.base)
        own = self.output or self.name

        async def call(visit: Visit) -> Any:
            scope = visit.scope
            head = [{"role": "system", "content": turn["content"]} for turn in system.turns(scope)]
            messages = [*head, *prompt.instructions(scope), *prompt.turns(scope)]
            spoken = await actor.speak(messages, actor.begin(visit), visit)
            visit.write(f"{own}_answer", spoken.text)
            visit.write(f"{own}_turns", spoken.turns)
            visit.write(f"{own}_calls", spoken.called)
            visit.write(f"{own}_tools", spoken.tools)
            if self.simulate is not None:
                visit.write(f"{own}_state", spoken.state)
            return [*messages, *spoken.messages]

        return call
