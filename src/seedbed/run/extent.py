"""How many rows a source will give, where that can be known without reading it whole: for progress only."""

from __future__ import annotations

import os
from collections.abc import Iterable

from seedbed.errors import SeedbedError
from seedbed.graph.spec import Pipeline
from seedbed.graph.spec_io import SourceSpec
from seedbed.io.paths import SourceFile, find_files

LINES = (".jsonl", ".ndjson", ".csv", ".tsv")
WHOLE = (".txt", ".text", ".md", ".markdown")
BLOCK = 1 << 20
MOST_BYTES = 256 << 20
"""Of a longer file so much is counted, and the rest guessed from its size."""


def source_rows(pipeline: Pipeline, limit: int | None = None) -> int | None:
    """How many rows will be read, at most or about; None if nobody can know. May take a second: run it in a thread."""
    most = pipeline.target.max_candidates if pipeline.target else None
    bounds = [bound for bound in (limit, most) if bound is not None]
    total: int | None = 0
    for number, spec in enumerate(pipeline.sources):
        rows = None if spec.repeat else _rows(spec, pipeline, number)
        if spec.limit is not None and rows is not None:
            rows = min(rows, spec.limit)
        total = None if rows is None or total is None else total + rows
    if total is not None:
        bounds.append(total)
    return min(bounds) if bounds else None


def _rows(spec: SourceSpec, pipeline: Pipeline, number: int) -> int | None:
    if spec.count is not None:
        return spec.count
    if spec.records is not None:
        return len(spec.records)
    try:
        files = find_files(spec.paths, pipeline.base, spec.format, number)
        return _sum(_in_file(file, spec) for file in files)
    except (SeedbedError, OSError):
        return None


def _sum(counts: Iterable[int | None]) -> int | None:
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total


def _in_file(file: SourceFile, spec: SourceSpec) -> int | None:
    ending = f".{spec.format}" if spec.format else file.path.suffix.lower()
    if file.name == "-" or file.path.suffix.lower() in (".gz", ".zst"):
        return None
    if ending in WHOLE:
        return 1
    if ending in LINES:
        return max(_lines(file) - (ending in (".csv", ".tsv")), 0)
    return None


def _lines(file: SourceFile) -> int:
    lines = seen = 0
    last = b"\n"
    with open(file.path, "rb", buffering=0) as data:
        length = os.fstat(data.fileno()).st_size
        while seen < MOST_BYTES and (block := data.read(BLOCK)):
            lines += block.count(b"\n")
            seen += len(block)
            last = block[-1:]
    if seen < length:
        return round(lines * length / seen)
    return lines + (last != b"\n")
