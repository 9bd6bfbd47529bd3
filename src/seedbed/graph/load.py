"""From a pipeline file to a typed, checked `Pipeline`, or to the list of all that is wrong with it.

Node, step and provider types are found by name in the registry; each validates its own part. Files are only read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from pathlib import Path as FilePath
from typing import Any

from seedbed.errors import InputError, Problem, SpecError
from seedbed.graph.check import Checker
from seedbed.graph.contracts import RESERVED, Goto, Issue, Node, Spec, Step
from seedbed.graph.edges import NodeIO, infer_edges, parse_edges
from seedbed.graph.fill import Filler, is_secret_place
from seedbed.graph.flow import Edge, build_flow
from seedbed.graph.shorthand import SchemaSyntaxError, load_schema
from seedbed.graph.spec import Frame, GraphPlan, Pipeline
from seedbed.graph.spec_io import SinkSpec, SourceSpec, normalise_sink, normalise_source
from seedbed.graph.validate import validated
from seedbed.graph.yaml import Document, Path, read_yaml, scalar
from seedbed.registry.plugins import find, names

Peek = Callable[[list[SourceSpec], FilePath], "set[str] | None"]
"""Looks at the first rows of the sources and says which fields they have."""

CheckSinks = Callable[[list[SinkSpec], FilePath], Iterable[Issue]]
"""Looks at the places of the sinks; paths as from a list of sinks."""

SHARED = "seedbed.yaml"
"""Beside or above a pipeline file: shared `models`, and defaults for `params` and `budget`."""


def load(
    path: str | FilePath,
    *,
    sets: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
    strict: bool = True,
    peek: Peek | None = None,
    check_sinks: CheckSinks | None = None,
) -> Pipeline:
    """Loads and checks a pipeline file.

    `sets` are `KEY=VALUE` texts as of `--set`; with `strict=False` unset environment variables are left as they are.
    Raises InputError if there is no such file, SpecError with every problem found in it.
    """
    document = read_pipeline(path)
    return _Loader(document, FilePath(path).resolve().parent, environment, strict, peek, check_sinks).load(sets)


def read_pipeline(path: str | FilePath) -> Document:
    """Reads a pipeline file as it is written. Raises InputError or SpecError."""
    file = FilePath(path)
    if not file.is_file():
        near = [p.name for p in sorted(file.parent.glob("*.y*ml"))][:5] if file.parent.is_dir() else []
        raise InputError(f"there is no file {path}", hint=f"pipelines there: {', '.join(near)}" if near else "")
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = Problem(str(path), 1, 1, f"not UTF-8 at byte {error.start}", "save the file as UTF-8")
        raise SpecError([problem]) from error
    return read_yaml(text, str(path))


def load_data(
    data: dict[str, Any] | Document,
    base: FilePath,
    *,
    file: str = "<python>",
    sets: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
    strict: bool = True,
    peek: Peek | None = None,
    check_sinks: CheckSinks | None = None,
) -> Pipeline:
    """As `load`, for a pipeline that is already plain data, or a document. It is left as it is."""
    document = data.copy() if isinstance(data, Document) else Document(file, deepcopy(data))
    return _Loader(document, base, environment, strict, peek, check_sinks).load(sets)


class _Loader:
    def __init__(
        self,
        document: Document,
        base: FilePath,
        environment: Mapping[str, str] | None,
        strict: bool,
        peek: Peek | None,
        check_sinks: CheckSinks | None,
    ) -> None:
        self.document = document
        self.base = base
        self.environment = os.environ if environment is None else environment
        self.strict = strict
        self.peek = peek
        self.check_sinks = check_sinks
        self.warnings: list[str] = []

    def load(self, sets: Iterable[str]) -> Pipeline:
        document = self.document
        if not isinstance(document.data, dict):
            self._stop_if_wrong()
            raise SpecError([document.at((), "a pipeline is a mapping", "start with `name: my-pipeline`")])
        raw: dict[str, Any] = document.data
        for text in sets:
            self._set(raw, text)
        self._take_shared(raw)
        filled, filler = self._fill(raw)
        frame = validated(Frame, filled, document, ())
        pipeline = Pipeline(
            name=str(filled.get("name")),
            file=document.file,
            base=self.base,
            seed=frame.seed if frame else 0,
            params=filled["params"],
            models=self._models(filled.get("models")),
            sources=self._sources(filled.get("source")),
            steps=self._steps(filled),
            sinks=self._sinks(filled.get("sink")),
            output=filled["output"] if isinstance(filled.get("output"), dict) else None,
            schema=self._schema(filled.get("schema")),
            target=frame.target if frame else None,
            budget=frame.budget if frame else None,
            written={key: filler.masked(value, (key,)) for key, value in raw.items()},
            secrets=filler.secrets | self._literal_secrets(raw),
            warnings=self.warnings,
        )
        pipeline.fields = self._source_fields(pipeline.sources)
        Checker(pipeline, document).check()
        self._stop_if_wrong()
        pipeline.warnings += map(str, document.problems)
        pipeline.models = {name: model for name, model in pipeline.models.items() if model is not None}
        return pipeline

    def _stop_if_wrong(self) -> None:
        problems = self.document.problems
        if not self.strict:
            problems = [p for p in problems if "${" not in p.what]
        if problems:
            raise SpecError(problems)

    def _set(self, raw: dict[str, Any], text: str) -> None:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise InputError(f"--set {text} is not KEY=VALUE", hint="write for instance --set params.topic=chemistry")
        *parents, last = key.split(".")
        place: Any = raw
        for depth, part in enumerate(parents):
            if isinstance(place, list) and part.isdigit() and int(part) < len(place):
                place = place[int(part)]
            elif isinstance(place, dict):
                place = place.setdefault(part, {})
                if depth == 1 and parents[0] == "models" and isinstance(place, str):
                    place = raw["models"][part] = _long_form(place)
            else:
                place = None
            if not isinstance(place, dict | list):
                raise InputError(f"--set {key}: `{part}` is not a mapping in {self.document.file}")
        if parents == ["params"] and last not in place:
            have = ", ".join(place) or "none"
            raise InputError(f"--set {key}: there is no param `{last}`", hint=f"params of this file: {have}")
        inline = read_yaml(value, "--set")
        new = inline.data if value[:1] in "[{\"'" and not inline.problems else scalar(value)
        if isinstance(place, list):
            if not (last.isdigit() and int(last) < len(place)):
                raise InputError(f"--set {key}: there is no item `{last}`")
            place[int(last)] = new
        else:
            place[last] = new

    def _take_shared(self, raw: dict[str, Any]) -> None:
        """Adds what a `seedbed.yaml` beside or above the file holds and the file does not."""
        for folder in (self.base, *self.base.parents):
            file = folder / SHARED
            if not file.is_file() or str(file) == str(FilePath(self.document.file).resolve()):
                continue
            shared = read_yaml(file.read_text("utf-8-sig"), str(file))
            self.document.problems += shared.problems
            if shared.problems:
                return
            for key, value in (shared.data or {}).items():
                if key not in ("models", "params", "budget") or not isinstance(value, dict):
                    fix = f"{SHARED} may hold the mappings models, params, budget"
                    self.document.problems.append(shared.at_key((key,), f"`{key}` does not belong here", fix))
                    continue
                mine = raw.setdefault(key, {})
                for name, item in value.items() if isinstance(mine, dict) else ():
                    if name not in mine:
                        mine[name] = item
                        self.document.adopt(shared, (key, name))
            return

    def _fill(self, raw: dict[str, Any]) -> tuple[dict[str, Any], Filler]:
        params = raw.get("params")
        filler = Filler(self.document, self.environment, {}, self.strict)
        filler.params = filler.fill(params, ("params",)) if isinstance(params, dict) else {}
        filled = {key: filler.fill(value, (key,)) for key, value in raw.items() if key != "params"}
        filled["params"] = filler.params if isinstance(params, dict) or params is None else params
        return filled, filler

    def _models(self, raw: Any) -> dict[str, Any]:
        models: dict[str, Any] = {}
        for name, entry in raw.items() if isinstance(raw, dict) else ():
            models[name] = self.model(name, entry, ("models", name))
        return models

    def model(self, name: str, entry: Any, path: Path) -> Any:
        """The provider of one entry under `models:`, None if it is wrong."""
        document = self.document
        if isinstance(entry, str):
            entry = _long_form(entry)
        if not isinstance(entry, dict) or not isinstance(entry.get("provider"), str):
            fix = "write `provider: openai` and `model: …`, or a short form such as `local` or `openai/gpt-4o-mini`"
            document.problems.append(document.at(path, f"model `{name}` names no provider", fix))
            return None
        cls = self._plugin("provider", entry["provider"], (*path, "provider"))
        found = cls and validated(cls, entry, document, path)
        if found:
            found._name = name
        return found

    def _plugin(self, kind: str, name: str, path: Path) -> Any:
        try:
            return find(kind, name)
        except InputError as error:
            self.document.problems.append(self.document.at(path, error.message, error.hint))
            return None

    def _sources(self, raw: Any) -> list[SourceSpec]:
        document = self.document
        if raw is None:
            fix = "add `source: seeds.jsonl`, records, or `source: {count: 100}`"
            document.problems.append(document.at((), "`source` is missing", fix))
            return []
        items = normalise_source(raw)
        several = isinstance(raw, list) and items[0] != {"records": raw}
        sources = []
        for i, item in enumerate(items):
            path: Path = ("source", i) if several else ("source",)
            source = validated(SourceSpec, item, document, path)
            if source and (source.format is None or self._plugin("file", source.format, (*path, "format"))):
                sources.append(source)
        return sources if len(sources) == len(items) else []

    def _sinks(self, raw: Any) -> list[SinkSpec]:
        if raw is None:
            return []
        document = self.document
        sinks = []
        places: list[Path] = []
        for i, item in enumerate(normalise_sink(raw)):
            path: Path = ("sink", i) if isinstance(raw, list) else ("sink",)
            sink = validated(SinkSpec, item, document, path)
            if sink:
                sinks.append(sink)
                places.append(path)
        for issue in self.check_sinks(sinks, self.base) if self.check_sinks else ():
            where = (*places[int(issue.path[0])], *issue.path[1:])
            document.problems.append(document.at(where, issue.what, issue.fix))
        return sinks

    def _schema(self, raw: Any) -> dict[str, Any] | None:
        if raw is None:
            return None
        try:
            return load_schema(raw, self.base)
        except SchemaSyntaxError as error:
            self.document.problems.append(self.document.at(("schema", *error.path), error.what, error.fix))
        except InputError as error:
            self.document.problems.append(self.document.at(("schema",), error.message, error.hint))
        return None

    def _steps(self, filled: dict[str, Any]) -> list[Step]:
        document = self.document
        items: list[tuple[Any, Path]] = []
        if "nodes" in filled:
            graph = {key: filled[key] for key in ("nodes", "edges") if key in filled}
            items.append(({"type": "graph", **graph}, ()))
        elif "edges" in filled:
            document.problems.append(document.at_key(("edges",), "`edges` without `nodes`", "add `nodes:`"))
        raw = filled.get("steps")
        items += [(item, ("steps", i)) for i, item in enumerate(raw)] if isinstance(raw, list) else []
        steps: list[Step] = []
        counts: dict[str, int] = {}
        for item, path in items:
            step = self._typed("step", item, path)
            if not isinstance(step, Step):
                continue
            counts[step.type] = counts.get(step.type, 0) + 1
            step._name = step.type if counts[step.type] == 1 else f"{step.type}-{counts[step.type]}"
            step._path, step._base = path, self.base
            if getattr(step, "nodes", None) is not None:
                step._plan = self.graph(step.nodes, step.edges, path)  # type: ignore[attr-defined]
            steps.append(step)
        return steps

    def _typed(self, kind: str, item: Any, path: Path) -> Spec | None:
        document = self.document
        if not isinstance(item, dict) or not isinstance(item.get("type"), str):
            there = ", ".join(names(kind))
            document.problems.append(
                document.at(path, f"this {kind} has no `type`", f"write `type:` and one of: {there}")
            )
            return None
        cls = self._plugin(kind, item["type"], (*path, "type"))
        return validated(cls, item, document, path) if cls else None

    def graph(self, raw_nodes: dict[str, Any], raw_edges: Any, path: Path) -> GraphPlan | None:
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
            edges, issues = infer_edges({name: self._io(node) for name, node in nodes.items()}, gotos)
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
        return GraphPlan(nodes, edges, flow, guessed)

    def _nodes(self, raw_nodes: dict[str, Any], path: Path) -> dict[str, Node]:
        document = self.document
        nodes: dict[str, Node] = {}
        for name, item in raw_nodes.items():
            here = (*path, "nodes", name)
            if name in RESERVED:
                document.problems.append(document.at_key(here, f"`{name}` is a reserved name", "rename the node"))
            node = self._typed("node", item, here)
            if isinstance(node, Node):
                node._name, node._base = name, self.base
                nodes[name] = node
        if not raw_nodes:
            document.problems.append(document.at((*path, "nodes"), "a graph needs a node", "add one under `nodes:`"))
        return nodes

    def _io(self, node: Node) -> NodeIO:
        reads: set[str] = set()
        for read in node.reads():
            reads |= Checker.names_read(read)
        return NodeIO(reads, node.writes(), node.appends())

    def _source_fields(self, sources: list[SourceSpec]) -> list[str] | None:
        if self.peek is None or not sources:
            return None
        try:
            found = self.peek(sources, self.base)
        except InputError as error:
            self.document.problems.append(self.document.at(("source",), error.message, error.hint))
            return None
        return None if found is None else list(found)

    def _literal_secrets(self, raw: dict[str, Any]) -> set[str]:
        found: set[str] = set()

        def walk(value: Any, path: Path) -> None:
            if isinstance(value, dict):
                for key, item in value.items():
                    walk(item, (*path, key))
            elif isinstance(value, str) and value and is_secret_place(path) and "${" not in value:
                found.add(value)
                problem = self.document.at(
                    path, "a secret stands in the file", f"write ${{{str(path[1]).upper()}_KEY}}"
                )
                self.warnings.append(str(problem))

        walk({"models": raw.get("models")}, ())
        return found


def _goto(node: Node) -> str | None:
    return node.on_error.goto if isinstance(node.on_error, Goto) else None


def _guessed_output(name: str, item: Any) -> str:
    """The field that a node which could not be read would write."""
    output = item.get("output") if isinstance(item, dict) else None
    return output if isinstance(output, str) else name


def _long_form(short: str) -> dict[str, Any]:
    """`local/0.5b` as the mapping it stands for."""
    provider, _, model = short.partition("/")
    return {"provider": provider, **({"model": model} if model else {})}
