"""`type: for_each`: a graph of its own for each item of a list, in parallel, results in order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from seedbed.errors import NodeError, RecordError, StopRun
from seedbed.graph.contracts import Context, FieldName, Issue, Name, NodeCall, Read, Visit, defined
from seedbed.graph.plan import GraphNode
from seedbed.graph.station import Walked
from seedbed.graph.walking import Inside
from seedbed.template.expression import Expression, compile_expression

__all__ = ["ForEachNode"]

INDEX = "index"


class ForEachNode(GraphNode):
    """Has each item of a list walk through a graph of its own, many at once, and writes the list of what came of them.

    Its nodes read the item, its place in the list as `index` (from 0), and the fields around; what they write is seen
    within that item only, and begins as null there. A `drop` inside leaves the item out.

    ```yaml
    answers:
      type: for_each
      items: questions
      as: question
      nodes:
        draft: {type: llm, model: writer, prompt: "Answer from the text.\\n\\n{{ text }}\\n\\n{{ question }}"}
        verdict: {type: llm, model: judge, prompt: "{{ question }}\\n{{ draft }}", schema: {good: bool}}
      edges:
        - start -> draft -> verdict
        - verdict -> drop when not verdict.good
        - verdict -> end
      collect: "{'question': question, 'answer': draft}"
    ```
    """

    type: Literal["for_each"] = "for_each"
    items: str
    """The list: a field, or an expression."""
    as_: FieldName = Field(default="item", alias="as")
    """The name under which the nodes see the item."""
    nodes: Annotated[dict[Name, Any], defined("Nodes")]
    """The nodes by name, each with its `type`."""
    edges: Annotated[list[Any], defined("Edges")] | None = None
    """Lines such as `a -> b when EXPRESSION`. Default: they follow from the fields that the nodes read and write."""
    collect: str | None = None
    """What is kept of each item: a field, or an expression. Default: a map of all that the nodes have written."""
    on_item_error: Literal["fail", "drop", "keep_null"] = "fail"
    """When an item fails: `fail` the whole node, whose `on_error` decides; `drop` leaves the item out; `keep_null`
    puts null in its place."""
    concurrency: int | None = Field(default=None, ge=1)
    """How many items of one record are under way at once. Default: all; models hold back what their limits forbid."""

    def gives(self) -> list[str]:
        return [self.as_, INDEX]

    def reads(self) -> Iterator[Read]:
        yield from super().reads()
        yield Read("expression", self.items, ("items",))

    def reads_inside(self) -> Iterator[Read]:
        if self.collect is not None:
            yield Read("expression", self.collect, ("collect",))

    def check(self, base: Path) -> Iterator[Issue]:
        if self.as_ == INDEX:
            yield Issue(("as",), f"`{INDEX}` is the item's place in the list", "give the item another name")
        for node in self._plan.nodes.values() if self._plan is not None else ():
            for name in node.writes():
                if name in self.gives():
                    what = f"`{name}` is the {'item' if name == self.as_ else 'place of the item'}"
                    yield Issue(("nodes", node.name), what, "give the node another `output:`")

    def prepare(self, context: Context) -> NodeCall:
        inside = Inside(self, context)
        listed = compile_expression(self.items)
        collect = None if self.collect is None else compile_expression(self.collect)

        async def call(visit: Visit) -> Any:
            items = listed(visit.scope)
            if not isinstance(items, list):
                kind = "null" if items is None else type(items).__name__
                raise NodeError(f"`items` is {kind}, not a list", hint="for none where it is null: `questions or []`")
            results = _Items(self, inside, collect, visit, items)
            await results.walk()
            return results.value()

        return call


class _Items:
    """The items of one visit on their way."""

    def __init__(
        self, node: ForEachNode, inside: Inside, collect: Expression | None, visit: Visit, items: list[Any]
    ) -> None:
        self._node = node
        self._inside = inside
        self._collect = collect
        self._visit = visit
        self._items = items
        self._left = iter(range(len(items)))
        self._failed = False
        self._walked: dict[int, Walked] = {}
        self._values: dict[int, Any] = {}
        """The results of those that got through."""

    async def walk(self) -> None:
        """Walks all items, after a failure that fails the node those before it at least."""
        wide = 1 if self._inside.immediate else min(self._node.concurrency or len(self._items), len(self._items))
        if wide <= 1:
            await self._some()
            return
        results = await asyncio.gather(*(self._some() for _ in range(wide)), return_exceptions=True)
        # Answers under way are kept before an error of one is everyone's; one that stops the run wins.
        errors = [result for result in results if isinstance(result, BaseException)]
        if errors:
            raise next((error for error in errors if isinstance(error, StopRun)), errors[0])

    async def _some(self) -> None:
        for index in self._left:
            # Those before it have begun already, so that the first in the list decides, whoever was faster.
            if self._failed and self._node.on_item_error == "fail":
                return
            await self._one(index)

    async def _one(self, index: int) -> None:
        scope = self._inside.scope(self._visit, {self._node.as_: self._items[index], INDEX: index})
        walked = await self._inside.walk(self._visit, scope, f"[{index}]")
        if walked.status == "done":
            try:
                self._values[index] = self._inside.value(scope) if self._collect is None else self._collect(scope)
            except RecordError as error:
                walked = Walked("failed", walked.events, where="collect", error=error)
        self._walked[index] = walked
        self._failed = self._failed or walked.status == "failed"

    def value(self) -> list[Any]:
        """The results in the order of the items. Raises the error of the first that failed, if that fails the node."""
        visit, values = self._visit, []
        ended = sorted(self._walked.items())
        visit.events = [event for _, walked in ended for event in walked.events]
        for index, walked in ended:
            if walked.status == "done":
                values.append(self._values[index])
            elif walked.status == "dropped":
                visit.notes.append(f"item {index} dropped: {walked.reason}")
            elif self._node.on_item_error == "fail":
                visit.where = walked.where
                visit.notes.append(f"item {index} failed")
                assert walked.error is not None
                raise walked.error
            else:
                visit.notes.append(f"item {index} failed at {walked.where}: {walked.error}")
                if self._node.on_item_error == "keep_null":
                    values.append(None)
        return values
