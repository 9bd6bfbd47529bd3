"""The parts of one file that plug-ins define: models, steps, nodes, and the graphs that nodes make.

A node may hold a graph, also one of another file: that file's parts are made in the same way, and what it brings along
is gathered for the pipeline. What is wrong is noted in the document of the file in which it is wrong.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Any

from seedbed.errors import InputError, SpecError
from seedbed.graph.contracts import RESERVED, Goto, Node, Spec
from seedbed.graph.edges import NodeIO, infer_edges, parse_edges
from seedbed.graph.fill import Filler
from seedbed.graph.flow import Edge, build_flow
from seedbed.graph.plan import Elsewhere, GraphNode, GraphPlan
from seedbed.graph.reads import names_read
from seedbed.graph.validate import validated
from seedbed.graph.written import Written, long_form, read_pipeline
from seedbed.graph.yaml import Document, Path
from seedbed.registry.plugins import find, names

_TAKEN = ("steps", "nodes", "edges")
"""The keys of another file in which its graph stands."""


@dataclass(slots=True)
class Gathered:
    """What all files of a pipeline bring along."""

    base: FilePath
    """The folder of the pipeline file."""
    models: dict[str, Any] = field(default_factory=dict)
    documents: list[Document] = field(default_factory=list)
    """Those of the other files."""
    elsewhere: dict[str, Any] = field(default_factory=dict)
    """Graphs of the other files as written, by file."""
    secrets: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    brought: dict[str, tuple[str, FilePath, Any]] = field(default_factory=dict)
    """Models of the other files by name: file, folder and entry."""


class Parts:
    """Makes the parts of one file."""

    def __init__(self, file: Written, params: dict[str, Any], gathered: Gathered, way: tuple[FilePath, ...]) -> None:
        self.file = file
        self.document = file.document
        self.params = params
        self.gathered = gathered
        self.way = way
        """The files that lead here, this one the last."""

    def model(self, name: str, entry: Any, path: Path) -> Any:
        """The provider of one entry under `models:`, None if it is wrong."""
        document = self.document
        if isinstance(entry, str):
            entry = long_form(entry)
        if not isinstance(entry, dict) or not isinstance(entry.get("provider"), str):
            fix = "write `provider: openai` and `model: …`, or a short form such as `local` or `openai/gpt-4o-mini`"
            document.problems.append(document.at(path, f"model `{name}` names no provider", fix))
            return None
        cls = self.plugin("provider", entry["provider"], (*path, "provider"))
        found = cls and validated(cls, entry, document, path)
        if found:
            found._name = name
        return found

    def plugin(self, kind: str, name: str, path: Path) -> Any:
        """The plug-in of that name, None if there is none."""
        try:
            return find(kind, name)
        except InputError as error:
            self.document.problems.append(self.document.at(path, error.message, error.hint))
            return None

    def typed(self, kind: str, item: Any, path: Path) -> Spec | None:
        """A node or step of the type that it names, None if it is wrong."""
        document = self.document
        if not isinstance(item, dict) or not isinstance(item.get("type"), str):
            there = ", ".join(names(kind))
            document.problems.append(
                document.at(path, f"this {kind} has no `type`", f"write `type:` and one of: {there}")
            )
            return None
        cls = self.plugin(kind, item["type"], (*path, "type"))
        return validated(cls, item, document, path) if cls else None

    def graph(self, raw_nodes: dict[str, Any], raw_edges: Any, path: Path) -> GraphPlan:
        """The plan of a graph: typed nodes, edges as written or inferred, and its flow.

        The flow is None where it cannot be made sure of; the nodes that are right are there all the same.
        """
        document = self.document
        nodes = self._nodes(raw_nodes, path)
        before = len(document.problems)
        edges: list[Edge] = []
        if raw_edges is not None:
            edges, issues = parse_edges(raw_edges)
            document.problems += [document.at((*path, "edges", *i.path), i.what, i.fix) for i in issues]
        elif len(nodes) == len(raw_nodes):
            gotos = [goto for goto in map(_goto, nodes.values()) if goto is not None]
            edges, issues = infer_edges({name: _fields(node) for name, node in nodes.items()}, gotos)
            document.problems += [document.at((*path, "nodes", *i.path), i.what, i.fix) for i in issues]
        for name, node in nodes.items():
            if (goto := _goto(node)) is not None:
                edges.append(Edge(name, goto, None, ("nodes", name, "on_error", "goto"), "error"))
        flow = None
        if len(document.problems) == before and (raw_edges is not None or len(nodes) == len(raw_nodes)):
            flow, wrong = build_flow(list(raw_nodes), edges)
            for fault in wrong:
                about = ("nodes", fault.node) if fault.node else fault.edge.path if fault.edge else ()
                place = document.at_key if fault.node else document.at
                document.problems.append(place((*path, *about), fault.what, fault.fix))
        guessed = [_guessed_output(name, item) for name, item in raw_nodes.items() if name not in nodes]
        return GraphPlan(nodes, edges, flow, document, path, self.file.base, self.params, guessed)

    def _nodes(self, raw_nodes: dict[str, Any], path: Path) -> dict[str, Node]:
        document = self.document
        nodes: dict[str, Node] = {}
        for name, item in raw_nodes.items():
            here = (*path, "nodes", name)
            if name in RESERVED:
                document.problems.append(document.at_key(here, f"`{name}` is a reserved name", "rename the node"))
            node = self.typed("node", item, here)
            if isinstance(node, Node):
                node._name, node._base = name, self.file.base
                if isinstance(node, GraphNode):
                    node._plan = self._inside(node, here)
                nodes[name] = node
        if not raw_nodes:
            document.problems.append(document.at((*path, "nodes"), "a graph needs a node", "add one under `nodes:`"))
        return nodes

    def _inside(self, node: GraphNode, path: Path) -> GraphPlan | None:
        other = node.elsewhere()
        if other is not None:
            return _Other(self, other, path).plan()
        written: Any = node
        return self.graph(written.nodes, written.edges, path)

    def provides(self, name: str) -> bool:
        """Whether a model has that name here; if so it is among the pipeline's."""
        return name in self.gathered.models and name not in self.gathered.brought


class _PartsElsewhere(Parts):
    """Makes the parts of another file, for a node that uses its graph."""

    def __init__(self, around: Parts, other: Elsewhere, file: Written, filler: Filler) -> None:
        super().__init__(file, filler.params, around.gathered, (*around.way, FilePath(file.document.file).resolve()))
        self.around = around
        self.other = other
        self.filler = filler
        models = file.raw.get("models")
        self.own: dict[str, Any] = models if isinstance(models, dict) else {}

    def provides(self, name: str) -> bool:
        """The models around win over its own, so that one file can be used with several."""
        if self.around.provides(self.other.models.get(name, name)):
            return True
        if name not in self.own or name in self.other.models:
            return False
        file, folder, entry = self.gathered.brought.setdefault(
            name, (self.document.file, self.file.base, self.own[name])
        )
        if entry != self.own[name] or (folder != self.file.base and _has_path(entry)):
            what = f"`{name}` is another model here than in {file}, and the pipeline uses both"
            fix = f"name `{name}` under `models:` of the pipeline file, or give it another name here"
            self.document.problems.append(self.document.at_key(("models", name), what, fix))
        elif name not in self.gathered.models:
            path = ("models", name)
            found = self.gathered.models[name] = self.model(name, self.filler.fill(entry, path), path)
            self.gathered.secrets |= self.filler.secrets
            if found is not None:
                found._base = self.file.base
                if found.fallback is not None:
                    self.provides(found.fallback)
                    found.fallback = self.other.models.get(found.fallback, found.fallback)
        return True


class _Other:
    """The graph of another file as one node wants it."""

    def __init__(self, around: Parts, other: Elsewhere, path: Path) -> None:
        self.around = around
        self.other = other
        self.path = path
        """Where the node stands that names the file."""

    def plan(self) -> GraphPlan | None:
        """The graph, None if there is none."""
        document = self._read()
        if document is None:
            return None
        around = self.around
        around.gathered.documents.append(document)
        if document.problems:
            return None
        file = Written(document, FilePath(document.file).resolve().parent, around.file.environment, around.file.strict)
        file.take_shared()
        filled, filler = file.fill(_TAKEN)
        place, graph = _first_graph(filled)
        if graph is None:
            self._problem((), f"{document.file} has no graph", "give it `nodes:`, or name another file")
            return None
        self._gather(file, filler)
        parts = _PartsElsewhere(around, self.other, file, filler)
        plan = parts.graph(self._overridden(graph["nodes"], document, place), graph.get("edges"), place)
        named = {model for node in plan.nodes.values() for model, _ in node.models()}
        for name in sorted(named):
            parts.provides(name)
        for name in self.other.models if len(plan.nodes) == len(graph["nodes"]) else ():
            if name not in named:
                self._unknown(("models", name), f"no node of {document.file} asks a model `{name}`", named)
        return plan

    def _read(self) -> Document | None:
        around = self.around
        folder = FilePath(around.document.file).parent
        if folder.resolve() != around.file.base:
            folder = around.file.base
        path = FilePath(os.path.normpath(folder / self.other.file))
        if path.resolve() in around.way:
            round_ = [*around.way[around.way.index(path.resolve()) :], path]
            way = " -> ".join(file.name for file in round_)
            self._problem((), f"{self.other.file} leads back to itself: {way}", "cut the circle")
            return None
        try:
            document = read_pipeline(path)
        except InputError as error:
            self._problem((), error.message, error.hint)
        except SpecError as error:
            around.document.problems += error.problems
        else:
            if not document.problems and not isinstance(document.data, dict):
                self._problem((), f"{document.file} is no pipeline file", "a pipeline is a mapping with `nodes:`")
                return None
            return document
        return None

    def _gather(self, file: Written, filler: Filler) -> None:
        gathered = self.around.gathered
        name = FilePath(os.path.relpath(file.document.file, gathered.base)).as_posix()
        kept = [key for key in ("params", *_TAKEN) if key in file.raw]
        gathered.elsewhere[name] = {key: filler.masked(file.raw[key], (key,)) for key in kept}
        gathered.secrets |= filler.secrets | file.literal_secrets(gathered.warnings)

    def _overridden(self, nodes: dict[str, Any], document: Document, place: Path) -> dict[str, Any]:
        """The nodes with some keys as this side wants them; mistakes in those are this side's."""
        made = dict(nodes)
        for name, keys in self.other.overrides.items():
            if not isinstance(made.get(name), dict):
                self._unknown(("overrides", name), f"{document.file} has no node `{name}`", nodes)
                continue
            made[name] = {**made[name], **keys}
            for key in keys:
                here = (*self.path, "overrides", name, key)
                document.borrow(self.around.document, here, (*place, "nodes", name, key))
        return made

    def _unknown(self, path: Path, what: str, known: Any) -> None:
        near = get_close_matches(str(path[-1]), known, 1)
        fix = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(sorted(known)) or 'none'}"
        document = self.around.document
        document.problems.append(document.at_key((*self.path, *path), what, fix))

    def _problem(self, path: Path, what: str, fix: str) -> None:
        document = self.around.document
        document.problems.append(document.at((*self.path, *(path or ("file",))), what, fix))


def _first_graph(filled: dict[str, Any]) -> tuple[Path, dict[str, Any] | None]:
    """The graph of a file and where it stands: its top-level nodes, or its first graph step."""
    if isinstance(filled.get("nodes"), dict):
        return (), filled
    steps = filled.get("steps")
    for i, step in enumerate(steps if isinstance(steps, list) else ()):
        if isinstance(step, dict) and step.get("type") == "graph" and isinstance(step.get("nodes"), dict):
            return ("steps", i), step
    return (), None


def _has_path(entry: Any) -> bool:
    values = entry.values() if isinstance(entry, dict) else ()
    return any(isinstance(value, str) and value.startswith((".", "/")) for value in values)


def _fields(node: Node) -> NodeIO:
    return NodeIO(names_read(node.reads()), node.writes(), node.appends())


def _goto(node: Node) -> str | None:
    return node.on_error.goto if isinstance(node.on_error, Goto) else None


def _guessed_output(name: str, item: Any) -> str:
    """The field that a node which could not be read would write."""
    output = item.get("output") if isinstance(item, dict) else None
    return output if isinstance(output, str) else name
