"""`type: graph`: nodes and edges that each record walks through on its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import PrivateAttr

from seedbed.errors import NodeError, SeedbedError
from seedbed.graph.contracts import Name, Node, NodeCall, Outcome, StepContext, Trail, Visit, Work, WorkerStep, defined
from seedbed.graph.spec import GraphPlan
from seedbed.graph.walk import Station, Walker
from seedbed.record import Record
from seedbed.template.expression import compile_expression

__all__ = ["Graph"]

_log = logging.getLogger("seedbed.graph")


class Graph(WorkerStep):
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

    _plan: GraphPlan | None = PrivateAttr(default=None)

    @property
    def plan(self) -> GraphPlan:
        """The graph as checked by the loader."""
        assert self._plan is not None, "the loader makes the plan"
        return self._plan

    def fields_after(self, known: set[str] | None) -> set[str] | None:
        """The fields before, and all that nodes write."""
        if known is None or self._plan is None:
            return known
        return known.union(self._plan.guessed, *(node.writes() for node in self._plan.nodes.values()))

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
        plan = self.plan
        stations = [_station(node, context) for node in plan.nodes.values()]
        assert plan.flow is not None, "the loader lets no other plan through"
        walker = Walker(plan.flow, stations, lambda text: compile_expression(text).true)
        written = list(dict.fromkeys(name for node in plan.nodes.values() for name in node.writes()))

        async def work(record: Record) -> Outcome:
            scope = {**record.fields, "id": record.id, "params": context.params}
            walked = await walker.walk(scope, record.id, context.seed, context.background)
            trail = Trail(walked.events, usd=sum(_costs(walked.events)))
            if walked.status != "done":
                return Outcome(walked.status, [], walked.reason, walked.error, walked.where, trail)
            fields = dict(record.fields)
            for name in fields:
                fields[name] = scope[name]
            for name in written:
                fields[name] = scope.get(name)
            return Outcome("done", [Record(record.id, fields, record.parents, record.place)], trail=trail)

        return work


def _costs(events: list[dict[str, Any]]) -> Iterator[float]:
    for event in events:
        for call in event.get("calls") or ():
            yield call.get("usd", 0.0)


def _station(node: Node, context: StepContext) -> Station:
    when = None if node.when is None else compile_expression(node.when).true
    call = node.prepare(context)
    guarded: NodeCall = partial(_waiting, call, context) if node.asynchronous else partial(_plain, call)
    return Station(
        node.name, guarded, node.asynchronous, node.writes(), node.appends(), when, node.on_error, node.max_visits
    )


def _plain(call: NodeCall, visit: Visit) -> Any:
    try:
        return call(visit)
    except SeedbedError:
        raise
    except Exception as error:
        raise _unexpected(error, visit) from error


async def _waiting(call: Callable[[Visit], Awaitable[Any]], context: StepContext, visit: Visit) -> Any:
    if not context.wanted:
        raise asyncio.CancelledError
    try:
        return await call(visit)
    except SeedbedError:
        raise
    except Exception as error:
        raise _unexpected(error, visit) from error


def _unexpected(error: Exception, visit: Visit) -> NodeError:
    """One bad record hurts no other, also where a node has a fault of its own; its traceback goes to the log."""
    _log.exception("node %s failed unexpectedly on record %s", visit.node, visit.record_id)
    return NodeError(f"node `{visit.node}`: {type(error).__name__}: {error}")
