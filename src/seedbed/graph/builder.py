"""A pipeline built in Python, call by call: the same plain data as a file holds, and nothing else.

Every method changes the builder and returns it, so that calls can be chained; `copy()` makes one to go on with apart.
Node calls that follow each other make one graph, the next step closes it. Which line of Python said what is kept, so
that the messages of `check` name it. How a pipeline is run is not known here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, Self

from seedbed.errors import InputError, SpecError
from seedbed.graph.builder_methods import Methods
from seedbed.graph.builder_values import caller, in_order, own_parts, plain, spec_of
from seedbed.graph.spec_io import normalise_sink, normalise_source
from seedbed.graph.written import read_pipeline
from seedbed.graph.yaml import Document, read_yaml
from seedbed.graph.yaml_text import to_yaml
from seedbed.registry.plugins import names

PYTHON = "<python>"
"""The file of a pipeline that no file holds."""


class Builder(Methods):
    """A pipeline. `base` is the folder that relative paths start from; default: the working directory."""

    def __init__(
        self,
        name: str,
        *,
        seed: int | None = None,
        params: Mapping[str, Any] | None = None,
        base: str | Path | None = None,
    ) -> None:
        self._document = Document(PYTHON, {})
        self._base = Path.cwd() if base is None else Path(base).resolve()
        self._sets: tuple[str, ...] = ()
        self._graph: int | None = None
        """The number of the graph step that node calls add to."""
        self._put("name", name)
        if seed is not None:
            self._put("seed", seed)
        if params is not None:
            self._put("params", params)

    @classmethod
    def from_yaml(cls, source: str | Path) -> Self:
        """A pipeline from a file (`pipeline.yaml`, or a `Path`) or from YAML text (of several lines).

        Raises InputError if there is no such file, SpecError if it is no YAML mapping.
        """
        if isinstance(source, Path) or ("\n" not in source and source.endswith((".yaml", ".yml"))):
            document, base = read_pipeline(source), Path(source).resolve().parent
        else:
            document, base = read_yaml(source, "<yaml>"), Path.cwd()
        if not document.problems and not isinstance(document.data, dict):
            document.problems.append(document.at((), "a pipeline is a mapping", "start with `name: my-pipeline`"))
        if document.problems:
            raise SpecError(document.problems)
        built = cls.__new__(cls)
        built._document, built._base, built._sets, built._graph = document, base, (), None
        return built

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return str(self._data.get("name"))

    @property
    def _data(self) -> dict[str, Any]:
        data: dict[str, Any] = self._document.data
        return data

    # the frame

    def params(self, **params: Any) -> Self:
        """Adds values used as `${params.NAME}`."""
        return self._put("params", {**(self._data.get("params") or {}), **params})

    def model(self, name: str, model: str = "", /, **settings: Any) -> Self:
        """Names a way to reach a language model: `.model("judge", "openai/gpt-4o-mini", api_key="${OPENAI_API_KEY}")`.

        `model` is the short form, a provider and maybe a model; further settings are those of the provider.
        """
        entry: Any = model
        if settings or not model:
            provider, _, rest = model.partition("/")
            entry = {**({"provider": provider} if provider else {}), **({"model": rest} if rest else {})}
            entry |= spec_of(settings)
        models = self._data.setdefault("models", {})
        models[name] = plain(entry)
        return self._said("models", name)

    def source(
        self,
        source: str | Path | Iterable[Mapping[str, Any]] | Iterable[str] | None = None,
        /,
        *,
        count: int | None = None,
        limit: int | None = None,
        **more: Any,
    ) -> Self:
        """Adds a source: a path or several, records (maps), or `count` records without fields.

        `limit` takes the first so many rows; further keys are those of a source in a file: `format`, `fields`, `id`,
        `repeat`.
        """
        spec = spec_of({"count": count, "limit": limit}, drop=True) | spec_of(more)
        if isinstance(source, str | Path):
            spec = {"path": source, **spec}
        elif source is not None:
            items = list(source)
            key = "path" if items and all(isinstance(item, str | Path) for item in items) else "records"
            spec = {key: items, **spec}
        return self._append("source", plain(spec), normalise_source)

    def sink(self, path: str | Path, /, **more: Any) -> Self:
        """Adds a sink. `format` is the row shape a trainer expects, such as `sft`; `mode="append"` adds to the file."""
        return self._append("sink", plain({"path": path, **spec_of(more)}), normalise_sink)

    def output(self, fields: Mapping[str, Any] | None = None, /, **more: Any) -> Self:
        """Says what the final record holds: templates by field name."""
        return self._put("output", {**(fields or {}), **more})

    def schema(self, schema: Any, /) -> Self:
        """Says what every final record must look like: shorthand, JSON Schema, a file, or a pydantic class."""
        return self._put("schema", schema)

    def target(self, accepted: int | str, max_candidates: int | str | None = None) -> Self:
        """Asks for exactly so many records, out of at most `max_candidates` source records."""
        return self._put("target", spec_of({"accepted": accepted, "max_candidates": max_candidates}, drop=True))

    def budget(
        self,
        *,
        usd: float | None = None,
        tokens: int | str | None = None,
        minutes: float | None = None,
        calls: int | str | None = None,
    ) -> Self:
        """Stops the run, resumable, when it has spent this much."""
        spent = {"usd": usd, "tokens": tokens, "minutes": minutes, "calls": calls}
        return self._put("budget", spec_of(spent, drop=True))

    # graphs and steps

    def node(self, name: str, type: str, /, **spec: Any) -> Self:
        """Adds a node of any type to the graph. A trailing underscore of a key is dropped."""
        graph = self._open_graph()
        if name in graph["nodes"]:
            raise InputError(f"there is a node `{name}` already", hint="give this one another name")
        graph["nodes"][name] = plain({"type": type, **spec_of(spec)}, name)
        return self._said("steps", self._graph, "nodes", name)

    def edge(self, line: str | Mapping[str, Any], /) -> Self:
        """Adds an edge to the graph: `a -> b -> c`, `a -> [b, c]`, `a -> b when EXPRESSION`."""
        if self._graph is None:
            raise InputError(f"there is no graph for the edge `{line}`", hint="edges stand right after their nodes")
        edges = self._data["steps"][self._graph].setdefault("edges", [])
        edges.append(plain(line))
        return self._said("steps", self._graph, "edges", len(edges) - 1)

    def edges(self, *lines: str | Mapping[str, Any]) -> Self:
        """Adds several edges."""
        for line in lines:
            self.edge(line)
        return self

    def graph(self) -> Self:
        """Makes the next node begin another graph."""
        self._graph = None
        return self

    def step(self, type: str, /, **spec: Any) -> Self:
        """Adds a step of any type. A trailing underscore of a key is dropped: `except_` is `except`."""
        self._graph = None
        steps = self._steps()
        steps.append(plain({"type": type, **spec_of(spec)}, type))
        return self._said("steps", len(steps) - 1)

    def _steps(self) -> list[Any]:
        steps: list[Any] | None = self._data.get("steps")
        if steps is None:
            steps = self._data["steps"] = []
        return steps

    def _open_graph(self) -> dict[str, Any]:
        steps = self._steps()
        if self._graph is None:
            steps.append({"type": "graph", "nodes": {}})
            self._graph = len(steps) - 1
            self._said("steps", self._graph)
        graph: dict[str, Any] = steps[self._graph]
        return graph

    # plug-ins

    def __getattr__(self, name: str) -> Callable[..., Self]:
        """The method of a plug-in: `.my_node("name", …)`, `.my_step(…)`; dots in its name are underscores."""
        if name.startswith("_"):
            raise AttributeError(name)
        nodes = {word.replace(".", "_"): word for word in names("node")}
        steps = {word.replace(".", "_"): word for word in names("step")}
        if name in nodes:
            return lambda node, /, **spec: self.node(node, nodes[name], **spec)
        if name in steps:
            return partial(self.step, steps[name])
        methods = [word for word in dir(type(self)) if not word.startswith("_")]
        near = get_close_matches(name, [*methods, *nodes, *steps], 1)
        hint = f"; did you mean `.{near[0]}`?" if near else f"; nodes are {', '.join(nodes)}, steps {', '.join(steps)}"
        raise AttributeError(f"a pipeline has no `.{name}`{hint}")

    def __dir__(self) -> list[str]:
        words = [*names("node"), *names("step")]
        return sorted({*super().__dir__(), *(word.replace(".", "_") for word in words)})

    # what it comes to

    def copy(self) -> Self:
        """Another pipeline, the same for now."""
        return copy.deepcopy(self)

    def to_dict(self) -> dict[str, Any]:
        """The pipeline as plain data, as its YAML file would hold it."""
        return in_order(copy.deepcopy(self._data))

    def to_yaml(self) -> str:
        """The pipeline as a YAML file. Raises InputError where it uses functions that no file holds."""
        data = self.to_dict()
        for where, name in own_parts(data):
            raise InputError(
                f"{where} is the Python function `{name}` of this process",
                hint=f"put it into a file beside the pipeline and write `./hooks.py:{name}`",
            )
        return to_yaml(data)

    def __repr__(self) -> str:
        steps = [step.get("type") for step in self._data.get("steps") or () if isinstance(step, dict)]
        graph = ["graph"] if "nodes" in self._data else []
        return f"<{type(self).__name__} {self.name}: {' -> '.join(['source', *graph, *map(str, steps), 'sink'])}>"

    def _put(self, key: str, value: Any) -> Self:
        self._data[key] = plain(value)
        return self._said(key)

    def _append(self, key: str, spec: dict[str, Any], listed: Callable[[Any], list[Any]]) -> Self:
        """Adds to the sources or sinks. A path alone stands by itself, as one would write it."""
        item = spec["path"] if spec.keys() == {"path"} and isinstance(spec["path"], str) else spec
        before = self._data.get(key)
        if before is None:
            self._data[key] = item
            return self._said(key)
        self._data[key] = [*listed(before), item]
        return self._said(key, len(self._data[key]) - 1)

    def _said(self, *path: str | int | None) -> Self:
        """Notes that the caller's line of Python says what stands at a path."""
        self._document.file = PYTHON
        self._document.say(tuple(part for part in path if part is not None), *caller())
        return self
