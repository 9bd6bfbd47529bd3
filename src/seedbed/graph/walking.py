"""The nodes of a plan made ready to run, and records walking through them.

The `graph` step and the nodes that hold a graph share it. It knows how the errors of a node become a record's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

from seedbed.errors import NodeError, SeedbedError
from seedbed.graph.contracts import Context, Node, NodeCall, Visit
from seedbed.graph.plan import GraphNode, GraphPlan
from seedbed.graph.station import Station, Walked
from seedbed.graph.walk import Walker
from seedbed.template.expression import compile_expression

_log = logging.getLogger("seedbed.graph")


class Walking:
    """A graph with its nodes prepared. Made once a run."""

    def __init__(self, plan: GraphPlan, context: Context) -> None:
        assert plan.flow is not None, "the loader lets no other plan through"
        stations = [_station(node, context) for node in plan.nodes.values()]
        self._walker = Walker(plan.flow, stations, lambda text: compile_expression(text).true)
        self._context = context
        self.params = context.params
        self.written = plan.written
        self.immediate = not any(node.asynchronous for node in plan.nodes.values())
        """Whether no node ever waits."""

    async def walk(self, scope: dict[str, Any], record_id: str, place: str = "", within: str = "") -> Walked:
        """Walks one record, see `Walker.walk`."""
        context = self._context
        return await self._walker.walk(scope, record_id, context.seed, context.background, place, within)


class Inside:
    """The graph of a node, walked within a visit of that node."""

    def __init__(self, node: GraphNode, context: Context) -> None:
        plan = node.plan
        other = node.elsewhere()
        if other is not None:
            context = cast(Context, _Elsewhere(context, plan, other.models))
        self._name = node.name
        self._taken = node.taken()
        self._walking = Walking(plan, context)
        self.written = self._walking.written
        self.immediate = self._walking.immediate

    def scope(self, visit: Visit, given: dict[str, Any]) -> dict[str, Any]:
        """What the nodes inside may read: what is taken from around the node, and what it gives."""
        around = visit.scope
        scope = {name: around[name] for name in self._taken if name in around}
        return {**scope, **given, "id": around.get("id"), "params": self._walking.params}

    async def walk(self, visit: Visit, scope: dict[str, Any], item: str = "") -> Walked:
        """Walks once. `item` tells the walks of one visit apart. Values are in `scope` afterwards."""
        place = f"{visit.place}/{self._name}.{visit.number}{item}"
        walked = await self._walking.walk(scope, visit.record_id, place, visit.node)
        for event in walked.events:
            event["node"] = f"{self._name}{item}.{event['node']}"
        return walked

    def value(self, scope: dict[str, Any]) -> dict[str, Any]:
        """All that the nodes inside have written."""
        return {name: scope.get(name) for name in self.written}


class _Elsewhere:
    """A run as the nodes of another file see it: with that file's folder, params and names of models."""

    def __init__(self, context: Context, plan: GraphPlan, models: dict[str, str]) -> None:
        self._context = context
        self._models = models
        self.base: Path = plan.base
        self.params = plan.params

    def model(self, name: str) -> Any:
        """The model that this file calls so."""
        return self._context.model(self._models.get(name, name))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


def _station(node: Node, context: Context) -> Station:
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


async def _waiting(call: Callable[[Visit], Awaitable[Any]], context: Context, visit: Visit) -> Any:
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
