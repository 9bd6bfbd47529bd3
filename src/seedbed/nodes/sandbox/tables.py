"""Tables for a query, from files or from a field of the record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from seedbed.errors import InputError, NodeError
from seedbed.io.paths import find_files

Table = tuple[list[str], list[list[Any]]]
"""Columns and rows."""

_INTEGER = re.compile(r"[+-]?(0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def from_file(path: str, base: Path) -> Table:
    """All rows of a file, folder or pattern. Raises InputError.

    In CSV everything is text: there, a column that holds only numbers becomes numbers, and an empty value null.
    """
    rows: list[Mapping[str, Any]] = []
    textual = True
    for file in find_files([path], base, None, 0):
        textual = textual and any(ending in file.name.lower() for ending in (".csv", ".tsv"))
        for row in file.format.read(file.path, file.name):
            if row.fields is None:
                raise InputError(f"{file.name}:{row.line}: {row.error}", hint="mend the row or remove it")
            rows.append(row.fields)
    columns, values = _table(rows)
    return columns, _typed(values, len(columns)) if textual else values


def from_value(value: Any, name: str) -> Table:
    """A table from a field: a list of maps. Raises NodeError."""
    if not isinstance(value, list) or not value or not all(isinstance(row, dict) for row in value):
        raise NodeError(f"the table `{name}` is not a list of maps", hint="give it rows as [{column: value, …}, …]")
    return _table(value)


def _table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Columns in the order in which they first appear; what a row does not have is null."""
    kept = list(rows)
    columns = list(dict.fromkeys(name for row in kept for name in row))
    return columns, [[row.get(name) for name in columns] for row in kept]


def _typed(rows: list[list[Any]], columns: int) -> list[list[Any]]:
    for column in range(columns):
        texts = [row[column] for row in rows if row[column] not in (None, "")]
        number: Any = None
        if texts and all(_INTEGER.fullmatch(text) for text in texts):
            number = int
        elif texts and all(_INTEGER.fullmatch(text) or _NUMBER.fullmatch(text) for text in texts):
            number = float
        for row in rows:
            text = row[column]
            row[column] = None if text in (None, "") else number(text) if number else text
    return rows
