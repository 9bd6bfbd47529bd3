"""What must hold between the parts of a pipeline: every field read is written, every model named exists, every field
has one writer. Looks at a loaded pipeline and notes problems in its document; changes nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Any

from seedbed.errors import InputError, Problem
from seedbed.graph.contracts import RESERVED, Issue, Node, Read, Step
from seedbed.graph.flow import Edge
from seedbed.graph.plan import GraphNode, GraphPlan, HoldsGraph
from seedbed.graph.reads import ALWAYS, texts
from seedbed.graph.spec import RESERVED_FOR_OUTPUT, Pipeline
from seedbed.graph.yaml import Document, Path
from seedbed.registry.plugins import find
from seedbed.template.expression import compile_expression
from seedbed.template.syntax import TemplateSyntaxError
from seedbed.template.text import compile_text, name_position


class Checker:
    """Checks what one file says of a pipeline. `called` tells what a model that it names is called in the pipeline."""

    def __init__(self, pipeline: Pipeline, document: Document, called: Callable[[str], str] = str) -> None:
        self.pipeline = pipeline
        self.document = document
        self.called = called
        self.known: set[str] | None = None if pipeline.fields is None else set(pipeline.fields)

    def check(self) -> None:
        """Notes every problem."""
        for step in self.pipeline.steps:
            self._parts(step, step._path)
            if isinstance(step, HoldsGraph):
                self.graph(step.plan, self.known)
            else:
                self._reads(step.reads(), step._path, self.known)
            self._issues(() if self.known is None else step.check_fields(self.known), step._path)
            self.known = step.fields_after(self.known)
        if self.pipeline.output is not None:
            self._reads([Read("value", self.pipeline.output, ())], ("output",), self.known)
            for name in self.pipeline.output:
                if name in RESERVED_FOR_OUTPUT:
                    problem = self.document.at_key(("output", name), f"`{name}` is a reserved name", "rename the field")
                    self.document.problems.append(problem)
        self._fallbacks()

    def graph(self, plan: GraphPlan, before: set[str] | None) -> None:
        """Notes the problems of a graph, given the fields that there are before it."""
        path = plan.path
        writers: dict[str, list[Node]] = {}
        for name, node in plan.nodes.items():
            here = (*path, "nodes", name)
            self._parts(node, here)
            for field in node.writes():
                writers.setdefault(field, []).append(node)
                if field in RESERVED:
                    problem = self.document.at(here, f"`{field}` is a reserved name", "give the node another `output:`")
                    self.document.problems.append(problem)
        known = None if before is None else before.union(writers, plan.guessed)
        for name, node in plan.nodes.items():
            self._reads(node.reads(), (*path, "nodes", name), known)
            if isinstance(node, GraphNode) and node._plan is not None:
                self._inside(node, node._plan, (*path, "nodes", name), known)
        for edge in plan.edges:
            self._edge(edge, path, known)
        for field, nodes in writers.items():
            self._one_writer(field, nodes, plan, path)

    def _inside(self, node: GraphNode, plan: GraphPlan, path: Path, known: set[str] | None) -> None:
        """Checks the graph that a node holds, be it in this file or in another."""
        before = None if known is None else known.union(node.gives())
        other = node.elsewhere()
        if other is None:
            self.graph(plan, before)
        else:
            names = other.models
            for name, where in names.items():
                self._model(where, (*path, "models", name))
            Checker(self.pipeline, plan.document, lambda name: self.called(names.get(name, name))).graph(plan, before)
        inside = None if before is None else before.union(plan.written, plan.guessed)
        self._reads(node.reads_inside(), path, inside)

    def _one_writer(self, field: str, nodes: list[Node], plan: GraphPlan, path: Path) -> None:
        for i, second in enumerate(nodes):
            for first in nodes[:i]:
                both = field in first.appends() and field in second.appends()
                if first is second or both or plan.flow is None or plan.flow.exclusive(first.name, second.name):
                    continue
                what = f"nodes `{first.name}` and `{second.name}` both write `{field}` and can both run"
                fix = "give one of them another `output:`, or put them on branches of one condition"
                self.document.problems.append(self.document.at_key((*path, "nodes", second.name), what, fix))
                return

    def _edge(self, edge: Edge, path: Path, known: set[str] | None) -> None:
        if edge.when is None:
            return
        where = (*path, *edge.path)
        raw = self._raw(where)
        if isinstance(raw, dict):
            self._text(edge.when, "expression", (*where, "when"), known)
        else:
            self._text(edge.when, "expression", where, known, offset=max(str(raw).find(edge.when), 0))

    def _raw(self, path: Path) -> Any:
        value = self.document.data
        for part in path:
            value = value[part]
        return value

    def _parts(self, part: Step | Node, path: Path) -> None:
        self._issues(part.check(part.base), path)
        for name, where in () if isinstance(part, HoldsGraph) else part.models():
            self._model(name, (*path, *where))

    def _issues(self, issues: Iterable[Issue], path: Path) -> None:
        for issue in issues:
            self.document.problems.append(self.document.at((*path, *issue.path), issue.what, issue.fix))

    def _model(self, name: str, path: Path) -> None:
        models = self.pipeline.models
        name = self.called(name)
        if name in models or self._implied(name):
            return
        near = get_close_matches(name, models, 1)
        have = f"did you mean `{near[0]}`?" if near else f"models here: {', '.join(models) or 'none'}"
        self.document.problems.append(self.document.at(path, f"there is no model `{name}`", have))

    def _implied(self, name: str) -> bool:
        """A node may name an embedded model or `provider/model` without an entry under `models:`."""
        provider, _, model = name.partition("/")
        if not model and provider != "local":
            return False
        try:
            entry = find("provider", provider)(provider=provider, **({"model": model} if model else {}))
        except (InputError, ValueError):
            return False
        entry._name = name
        self.pipeline.models[name] = entry
        return True

    def _reads(self, reads: Any, path: Path, known: set[str] | None) -> None:
        for read in reads:
            here = (*path, *read.path)
            if read.kind == "optional":
                continue
            if read.kind == "field":
                self._known(read.text, self.document.at(here, ""), known)
            elif read.kind == "expression":
                self._text(read.text, "expression", here, known)
            else:
                for text, part in texts(read.text, here):
                    self._text(text, "template", part, known, file=read.file)

    def _text(self, text: str, kind: str, path: Path, known: set[str] | None, offset: int = 0, file: str = "") -> None:
        def at(what: str, fix: str, line: int, column: int) -> Problem:
            if file:
                return Problem((FilePath(self.document.file).parent / file).as_posix(), line, column, what, fix)
            return self.document.at(path, what, fix, line=line, column=column)

        try:
            found = compile_expression(text).names if kind == "expression" else compile_text(text).names
        except TemplateSyntaxError as error:
            column = error.column + (offset if error.line == 1 else 0)
            self.document.problems.append(at(f"{kind}: {error.what}", error.hint, error.line, column))
            return
        for name in sorted(found):
            line, column = name_position(text, name)
            column += offset if line == 1 else 0
            self._known(name, at("", "", line, column), known)

    def _known(self, name: str, place: Any, known: set[str] | None) -> None:
        if known is None or name in known or name in ALWAYS:
            return
        near = get_close_matches(name, known, 1, 0.6)
        if near:
            fix = f"did you mean `{near[0]}`?"
        elif known:
            fix = f"fields here: {', '.join(sorted(known))}"
        else:
            fix = "nothing writes a field before this"
        what = f"nothing writes the field `{name}`"
        self.document.problems.append(type(place)(place.file, place.line, place.column, what, fix))

    def _fallbacks(self) -> None:
        models = self.pipeline.models
        for name, model in models.items():
            seen = [name]
            while model is not None and model.fallback is not None:
                path = ("models", seen[-1], "fallback")
                if model.fallback in seen:
                    way = " -> ".join([*seen, model.fallback])
                    self.document.problems.append(self.document.at(path, f"fallbacks run in a circle: {way}", "cut it"))
                    break
                if model.fallback not in models:
                    self._model(model.fallback, path)
                    break
                seen.append(model.fallback)
                model = models.get(model.fallback)
