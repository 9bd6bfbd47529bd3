"""From the last step's records to rows: `output:` filled, `schema:` checked, written to all sinks or to none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seedbed.errors import RowError, StorageError
from seedbed.graph.json_schema import Checker
from seedbed.graph.spec import Pipeline
from seedbed.graph.spec_io import SinkSpec
from seedbed.io.sinks import Sink, open_sink
from seedbed.record import Fields, Record
from seedbed.template.value import compile_value

OWN = "records.jsonl"
"""Where records go, in the run directory, when a pipeline has no sink."""


def final_fields(pipeline: Pipeline) -> Callable[[Record], Fields]:
    """The function that makes a record's row. Raises RecordError where it does not fit."""
    checker = None if pipeline.schema is None else Checker(pipeline.schema)
    filled = None if pipeline.output is None else compile_value(pipeline.output)
    params = pipeline.params

    def final(record: Record) -> Fields:
        if filled is None:
            row = {"id": record.id, **record.fields}
        else:
            row = filled({**record.fields, "id": record.id, "params": params})
        if checker is not None:
            wrong = checker.check(row if filled is not None or "id" in _properties(pipeline) else record.fields)
            if wrong:
                raise RowError(f"the record does not match `schema:`: {wrong}")
        return row

    return final


def _properties(pipeline: Pipeline) -> Fields:
    found: Fields = (pipeline.schema or {}).get("properties", {})
    return found


class Sinks:
    """All sinks of a run: a record goes to each or to none."""

    def __init__(self, pipeline: Pipeline, folder: Path, run: str) -> None:
        self._open: list[Sink] = []
        try:
            for spec in sink_specs(pipeline, folder):
                self._open.append(open_sink(spec, pipeline.base, run))
        except BaseException:
            self.abort()
            raise

    def write(self, row: Fields) -> None:
        """Adds a row to every sink. Raises RowError (it is in none of them) or StorageError."""
        rows = [sink.shape(row) for sink in self._open]
        for sink, shaped in zip(self._open, rows, strict=True):
            sink.put(shaped)

    def close(self) -> None:
        """Finishes all. Raises StorageError if one could not be; the others are finished nevertheless."""
        failed: StorageError | None = None
        while self._open:
            try:
                self._open.pop(0).close()
            except StorageError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def abort(self) -> None:
        """Leaves every target as it was."""
        while self._open:
            self._open.pop().abort()


def sink_specs(pipeline: Pipeline, folder: Path) -> list[SinkSpec]:
    """The sinks as written, or the run's own file where there are none."""
    return pipeline.sinks or [SinkSpec(path=str((folder / OWN).resolve()))]
