"""A pipeline file, loaded with a look at what is really there: the sources' first rows, the sinks' places."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seedbed.graph.load import load, load_data
from seedbed.graph.spec import Pipeline
from seedbed.io.sinks import check_sinks
from seedbed.io.sources import peek_fields


def prepare(path: str | Path, sets: Iterable[str] = (), *, strict: bool = True) -> Pipeline:
    """Loads and checks a file. With `strict=False` (for looking only) nothing outside the file is needed.

    Raises InputError or SpecError.
    """
    if not strict:
        return load(path, sets=sets, strict=False)
    return load(path, sets=sets, peek=peek_fields, check_sinks=check_sinks)


def prepare_data(data: dict[str, Any], base: Path, *, file: str = "<python>") -> Pipeline:
    """As `prepare`, for a pipeline that is plain data already."""
    return load_data(data, base, file=file, peek=peek_fields, check_sinks=check_sinks)
