"""What holds a graph, and the graph as the loader has made sure of it.

A `graph` step and some nodes hold one. The nodes of a graph inside of a node read the fields around that node, under
the names that it gives them; what they write is seen inside only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, ClassVar, NamedTuple

from pydantic import PrivateAttr

from seedbed.graph.contracts import Node, Read, Spec
from seedbed.graph.flow import Edge, Flow
from seedbed.graph.reads import ALWAYS, names_read
from seedbed.graph.yaml import Document, Path


@dataclass(slots=True)
class GraphPlan:
    """The nodes of a graph and how records walk through them."""

    nodes: dict[str, Node]
    edges: list[Edge]
    flow: Flow | None
    """None only while a wrong file is being checked."""
    document: Document
    """The file in which it is written."""
    path: Path
    """Where in that file."""
    base: FilePath
    """The folder of that file."""
    params: dict[str, Any]
    """The params of that file."""
    guessed: list[str] = field(default_factory=list)
    """Fields that nodes which could not be read would write, so that reading them is no further problem."""

    @property
    def written(self) -> list[str]:
        """The fields that its nodes write, in the order declared."""
        return list(dict.fromkeys(name for node in self.nodes.values() for name in node.writes()))

    def reads(self) -> Iterator[Read]:
        """All that its nodes and edges read."""
        for node in self.nodes.values():
            yield from node.reads()
        for edge in self.edges:
            if edge.when is not None:
                yield Read("expression", edge.when, edge.path)

    def every(self) -> Iterator[Node]:
        """Its nodes, and those inside of them."""
        for node in self.nodes.values():
            yield node
            if isinstance(node, HoldsGraph) and node._plan is not None:
                yield from node._plan.every()


class Elsewhere(NamedTuple):
    """A graph that stands in another file."""

    file: str
    """As written."""
    overrides: dict[str, dict[str, Any]]
    """Keys of its nodes to be written otherwise; at `overrides` in the mapping of the node that says so."""
    models: dict[str, str]
    """What models that it names are called here."""


class HoldsGraph(Spec):
    """Base of what holds a graph: in its own `nodes` and `edges`, or in another file."""

    _plan: GraphPlan | None = PrivateAttr(default=None)

    @property
    def plan(self) -> GraphPlan:
        """The graph as checked by the loader."""
        assert self._plan is not None, "the loader makes the plan"
        return self._plan

    def elsewhere(self) -> Elsewhere | None:
        """The other file, if it is there."""
        return None


class GraphNode(HoldsGraph, Node):
    """Base of nodes that have records walk through a graph of their own."""

    asynchronous: ClassVar[bool] = True

    def gives(self) -> list[str]:
        """The fields it gives to the nodes inside, beside those around it."""
        return []

    def reads_inside(self) -> Iterator[Read]:
        """Where it reads what the nodes inside have written."""
        return iter(())

    def reads(self) -> Iterator[Read]:
        yield from super().reads()
        for name in self.taken():
            yield Read("optional", name, ())

    def taken(self) -> list[str]:
        """The fields around it that are read inside. Fields that are written inside begin as null, histories do not."""
        plan = self._plan
        if plan is None:
            return []
        own = {name for node in plan.nodes.values() for name in node.writes() if name not in node.appends()}
        read = names_read([*plan.reads(), *self.reads_inside()])
        return sorted(read - own - ALWAYS - {*self.gives()})

    def models(self) -> list[tuple[str, tuple[str | int, ...]]]:
        plan, other = self._plan, self.elsewhere()
        found = [
            (model, ("nodes", name, *path))
            for name, node in (plan.nodes.items() if plan is not None else ())
            for model, path in node.models()
        ]
        if other is None:
            return found
        # The places of the others are in the other file.
        return [(other.models.get(model, model), ()) for model, _ in found]

    def files(self) -> list[str]:
        plan, other = self._plan, self.elsewhere()
        inner = [file for node in plan.nodes.values() for file in node.files()] if plan is not None else []
        if plan is None or other is None:
            return inner
        folder = os.path.relpath(plan.base, self.base)
        return [other.file, *(_from(folder, file) for file in inner)]


def _from(folder: str, file: str) -> str:
    """A file as it is called from another folder; a reference to a Python package, or to what Python made, as it is."""
    place, _, name = file.rpartition(":")
    if name != file and not place.endswith(".py"):
        return file
    return FilePath(folder, file).as_posix()
