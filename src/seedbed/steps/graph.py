"""`type: graph`: nodes and edges that each record walks through on its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from seedbed.graph.contracts import Name, Outcome, StepContext, Trail, Work, WorkerStep, defined
from seedbed.graph.plan import HoldsGraph
from seedbed.graph.walking import Walking
from seedbed.record import Record

__all__ = ["Graph"]


class Graph(HoldsGraph, WorkerStep):
    """Each record walks through a graph of nodes.

    ```yaml
    - type: graph
      nodes:
        draft: {type: llm, model: writer, prompt: "Explain {{ topic }}."}
      edges: [start -> draft -> end]
    ```

    Without `edges:` they follow from the fields that the nodes read and write.
    """

    type: Literal["graph"] = "graph"
    nodes: Annotated[dict[Name, Any], defined("Nodes")]
    """The nodes by name, each with its `type`."""
    edges: Annotated[list[Any], defined("Edges")] | None = None
    """Lines such as `a -> b when EXPRESSION`, or mappings with `from`, `to`, `when`."""

    def fields_after(self, known: set[str] | None) -> set[str] | None:
        """The fields before, and all that nodes write."""
        if known is None or self._plan is None:
            return known
        return known.union(self._plan.guessed, self._plan.written)

    def models(self) -> list[tuple[str, tuple[str | int, ...]]]:
        """The models of all nodes."""
        nodes = self._plan.nodes if self._plan else {}
        return [(model, ("nodes", name, *path)) for name, node in nodes.items() for model, path in node.models()]

    def files(self) -> list[str]:
        """The files of all nodes."""
        return [file for node in self._plan.nodes.values() for file in node.files()] if self._plan else []

    def immediate(self) -> bool:
        """True if no node ever waits."""
        return not any(node.asynchronous for node in self.plan.nodes.values())

    def work(self, context: StepContext) -> Work:
        """Prepares all nodes and walks records through them."""
        walking = Walking(self.plan, context)

        async def work(record: Record) -> Outcome:
            scope = {**record.fields, "id": record.id, "params": context.params}
            walked = await walking.walk(scope, record.id)
            trail = Trail(walked.events, usd=sum(_costs(walked.events)))
            if walked.status != "done":
                return Outcome(walked.status, [], walked.reason, walked.error, walked.where, trail)
            fields = dict(record.fields)
            for name in fields:
                fields[name] = scope[name]
            for name in walking.written:
                fields[name] = scope.get(name)
            return Outcome("done", [Record(record.id, fields, record.parents, record.place)], trail=trail)

        return work


def _costs(events: list[dict[str, Any]]) -> Iterator[float]:
    for event in events:
        for call in event.get("calls") or ():
            yield call.get("usd", 0.0)
