"""From a pipeline file to a typed, checked `Pipeline`, or to the list of all that is wrong with it.

Node, step and provider types are found by name in the registry; each validates its own part. Files are only read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from pathlib import Path as FilePath
from typing import Any

from seedbed.errors import InputError, SpecError
from seedbed.graph.check import Checker
from seedbed.graph.contracts import Issue, Step
from seedbed.graph.parts import Gathered, Parts
from seedbed.graph.plan import HoldsGraph
from seedbed.graph.shorthand import SchemaSyntaxError, load_schema
from seedbed.graph.spec import Frame, Pipeline
from seedbed.graph.spec_io import SinkSpec, SourceSpec, normalise_sink, normalise_source
from seedbed.graph.validate import validated
from seedbed.graph.written import Written, read_pipeline
from seedbed.graph.yaml import Document, Path

Peek = Callable[[list[SourceSpec], FilePath], "set[str] | None"]
"""Looks at the first rows of the sources and says which fields they have."""

CheckSinks = Callable[[list[SinkSpec], FilePath], Iterable[Issue]]
"""Looks at the places of the sinks; paths as from a list of sinks."""


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
        self.file = Written(document, base, os.environ if environment is None else environment, strict)
        self.peek = peek
        self.check_sinks = check_sinks
        self.gathered = Gathered(base)

    def load(self, sets: Iterable[str]) -> Pipeline:
        document = self.document
        if not isinstance(document.data, dict):
            self._stop_if_wrong()
            raise SpecError([document.at((), "a pipeline is a mapping", "start with `name: my-pipeline`")])
        for text in sets:
            self.file.change(text)
        self.file.take_shared()
        filled, filler = self.file.fill()
        gathered = self.gathered
        self.parts = Parts(self.file, filler.params, gathered, (FilePath(document.file).resolve(),))
        gathered.secrets |= self.file.literal_secrets(gathered.warnings)
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
            written={key: filler.masked(value, (key,)) for key, value in self.file.raw.items()},
            elsewhere=gathered.elsewhere,
            secrets=gathered.secrets | filler.secrets,
            warnings=gathered.warnings,
        )
        pipeline.fields = self._source_fields(pipeline.sources)
        Checker(pipeline, document).check()
        for other in gathered.documents:
            document.problems += other.problems
        self._stop_if_wrong()
        pipeline.warnings += map(str, document.problems)
        pipeline.models = {name: model for name, model in pipeline.models.items() if model is not None}
        return pipeline

    def _stop_if_wrong(self) -> None:
        problems = self.document.problems
        if not self.file.strict:
            problems = [p for p in problems if "${" not in p.what]
        if problems:
            raise SpecError(problems)

    def _models(self, raw: Any) -> dict[str, Any]:
        models = self.gathered.models
        for name, entry in raw.items() if isinstance(raw, dict) else ():
            models[name] = self.parts.model(name, entry, ("models", name))
        return models

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
            if source and (source.format is None or self.parts.plugin("file", source.format, (*path, "format"))):
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
            step = self.parts.typed("step", item, path)
            if not isinstance(step, Step):
                continue
            counts[step.type] = counts.get(step.type, 0) + 1
            step._name = step.type if counts[step.type] == 1 else f"{step.type}-{counts[step.type]}"
            step._path, step._base = path, self.base
            if isinstance(step, HoldsGraph):
                step._plan = self.parts.graph(item["nodes"], item.get("edges"), path)
            steps.append(step)
        return steps

    def _source_fields(self, sources: list[SourceSpec]) -> list[str] | None:
        if self.peek is None or not sources:
            return None
        try:
            found = self.peek(sources, self.base)
        except InputError as error:
            self.document.problems.append(self.document.at(("source",), error.message, error.hint))
            return None
        return None if found is None else list(found)
