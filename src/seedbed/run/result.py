"""What came of a run, for Python: its rows, what was dropped and why, what it cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from seedbed.errors import MissingExtra
from seedbed.graph.spec import Pipeline
from seedbed.graph.spec_io import SinkSpec
from seedbed.io.arrow import Shape, arrow_type, fit, needs_fit, widen
from seedbed.io.sinks import target_of
from seedbed.record import Fields
from seedbed.run.background import Feed, rows_of
from seedbed.run.output import OWN
from seedbed.run.reject import FILES
from seedbed.run.replay import replay
from seedbed.run.summary import Status, Summary

_decode = msgspec.json.decode


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run has used, all its processes together."""

    usd: float
    """US dollars, by the models' prices."""
    calls: int
    """Replies of endpoints."""
    input: int
    """Prompt tokens, cached ones included."""
    cached_input: int
    output: int
    """Tokens of answers."""

    @property
    def tokens(self) -> int:
        """Of prompts and answers together."""
        return self.input + self.output


class Run:
    """A run that has ended, or that was stopped and can go on."""

    def __init__(self, pipeline: Pipeline, summary: Summary, max_failed: float = 0.0) -> None:
        self._pipeline = pipeline
        self._max_failed = max_failed
        self.summary = summary
        """Counts by step and by node, warnings, and how it ended."""

    @property
    def folder(self) -> Path:
        """The run directory."""
        return self.summary.folder

    @property
    def status(self) -> Status:
        """`finished`, `stopped` or `budget`."""
        return self.summary.status

    @property
    def ok(self) -> bool:
        """Whether it is finished, reached its target, and no more than `max_failed` per cent of the records failed."""
        return self.summary.exit_code(self._max_failed) == 0

    @property
    def cost(self) -> Cost:
        """Dollars, calls and tokens."""
        nodes = self.summary.nodes
        usd = sum(node["usd"] for node in nodes)
        return Cost(usd, *(sum(n[key] for n in nodes) for key in ("calls", "input", "cached_input", "output")))

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The records that failed: id, source, line, where, attempts, error, message, reply, usd."""
        return self._rejects("failed")

    @property
    def dropped(self) -> list[dict[str, Any]]:
        """The records that were dropped, told of in the same way; `error` is the reason."""
        return self._rejects("dropped")

    def _rejects(self, kind: str) -> list[dict[str, Any]]:
        path = self.folder / FILES[kind]
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []

    def records(self) -> Iterator[Fields]:
        """The final rows with their `id`, in source order, one by one.

        They are read from where the run wrote them as they are, or else made again from the run store; no model is
        asked. Of a run that was stopped, these are the rows up to the first record that is not done.
        """
        file = self._written()
        return self._made_again() if file is None else _rows(file)

    def _written(self) -> Path | None:
        """A file that holds the rows as they are, with their ids."""
        output = self._pipeline.output
        if self.status != "finished" or (output is not None and "id" not in output):
            return None
        own = self.folder / OWN
        files = [target_of(sink, self._pipeline.base) for sink in self._pipeline.sinks if _is_plain(sink)]
        return next((file for file in (own, *files) if file is not None and file.is_file()), None)

    def _made_again(self) -> Iterator[Fields]:
        async def work(feed: Feed) -> None:
            await replay(self._pipeline, self.folder, feed.put)

        return rows_of(work, lambda: True, lambda _: None)

    def to_arrow(self) -> Any:
        """The rows as a `pyarrow.Table`. Needs the extra `parquet`."""
        try:
            import pyarrow
        except ImportError as error:
            raise MissingExtra("to_arrow()", "parquet") from error
        rows = list(self.records())
        columns: dict[str, Shape] = {}
        for row in rows:
            widen(columns, row)
        schema = pyarrow.schema([(name, arrow_type(pyarrow, shape)) for name, shape in columns.items()])
        mixed = {name: shape for name, shape in columns.items() if needs_fit(shape)}
        for row in rows if mixed else ():
            row.update({name: fit(row[name], shape) for name, shape in mixed.items() if name in row})
        return pyarrow.Table.from_pylist(rows, schema=schema)

    def to_pandas(self) -> Any:
        """The rows as a `pandas.DataFrame`. Needs the extra `pandas`."""
        try:
            import pandas
        except ImportError as error:
            raise MissingExtra("to_pandas()", "pandas") from error
        return pandas.DataFrame.from_records(list(self.records()))

    def to_hf(self) -> Any:
        """The rows as a `datasets.Dataset`. Needs the extra `hf`."""
        try:
            import datasets
        except ImportError as error:
            raise MissingExtra("to_hf()", "hf") from error
        return datasets.Dataset(self.to_arrow())

    def __repr__(self) -> str:
        summary = self.summary
        counts = f"{summary.accepted:,} records, {summary.dropped:,} dropped, {summary.failed:,} failed"
        return f"<Run {summary.name}/{summary.run} {self.status}: {counts}, {self.cost.usd:.4f} USD>"


def _is_plain(sink: SinkSpec) -> bool:
    """Whether it holds records as they are, one JSON object a line, and those of this run alone."""
    is_lines = sink.file == "jsonl" or (sink.file is None and sink.path.endswith((".jsonl", ".ndjson")))
    return is_lines and sink.path.endswith((".jsonl", ".ndjson")) and sink.format is None and sink.mode == "replace"


def _rows(file: Path) -> Iterator[Fields]:
    with file.open("rb") as lines:
        for line in lines:
            yield _decode(line)
