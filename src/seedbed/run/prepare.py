"""A pipeline file, loaded with a look at what is really there: the sources' first rows, the sinks' places."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from seedbed.graph.load import load, load_data
from seedbed.graph.spec import Pipeline
from seedbed.graph.yaml import Document
from seedbed.io.sinks import check_sinks
from seedbed.io.sources import peek_fields


def prepare(path: str | Path, sets: Iterable[str] = (), *, strict: bool = True) -> Pipeline:
    """Loads and checks a file. With `strict=False` (for looking only) nothing outside the file is needed.

    Raises InputError or SpecError.
    """
    if not strict:
        return load(path, sets=sets, strict=False)
    return load(path, sets=sets, peek=peek_fields, check_sinks=check_sinks)


def prepare_document(document: Document, base: Path, sets: Iterable[str] = ()) -> Pipeline:
    """As `prepare`, for a pipeline that was read or built already."""
    return load_data(document, base, sets=sets, peek=peek_fields, check_sinks=check_sinks)
