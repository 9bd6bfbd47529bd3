"""Rows from where a pipeline file says, made records: identity, place, and what cannot be one.

Sources are read one after the other, in order, in flat memory. A row that cannot be a record is handed on as a
`BadRow` and hurts no other. What is wrong with a source as a whole (no such file, a format nobody knows) is an
InputError before the first row.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

from seedbed.errors import InputError
from seedbed.graph.messages import kind
from seedbed.graph.spec_io import SourceSpec
from seedbed.io.contract import Row
from seedbed.io.paths import SourceFile, find_files
from seedbed.io.rows import RAW, UNREADABLE, encode_row, plain
from seedbed.record import Fields, Record, content_id

RESERVED = frozenset(("start", "end", "drop", "visits", "params"))
"""Names that no column can have. `id` can if it is the id, `tags` if it holds a map, as in a tagged dataset."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A source row that cannot become a record."""

    id: str
    """Stable: the same row at the same place has the same id in every run."""
    source: str
    """The file as messages show it."""
    line: int
    """The line, or the row's number where the format has no lines; from 1."""
    error: str
    raw: str
    """The row's own text, at most 2,000 characters."""

    @property
    def place(self) -> str:
        """As `Record.place`."""
        return f"{self.source}:{self.line}"


class _Part(NamedTuple):
    """A file, or what stands for one: a name, its rows, and the salt of their ids."""

    name: str
    salt: int
    rows: Generator[Row, None, None]


def open_sources(specs: list[SourceSpec], base: Path, limit: int | None = None) -> Iterator[Record | BadRow]:
    """The records of all sources, in order.

    `base` is the folder of the pipeline file. `limit` counts source rows, the bad ones included, over all sources.
    Sources that say `repeat: true` start again when all are dry, without end: the records of the second round have
    ids ending in `~2`, bad rows are told of once. Raises InputError at once for a source that is not there.
    """
    files = [find_files(spec.paths, base, spec.format, number) for number, spec in enumerate(specs)]
    rows = _all_rounds(specs, files)
    return rows if limit is None else islice(rows, limit)


def peek_fields(specs: list[SourceSpec], base: Path, rows: int = 100) -> set[str] | None:
    """The fields that records will have: the union over each source's first rows and its `fields:`.

    None where it cannot be known: standard input is left alone, and no row may be readable. Raises InputError for a
    source that is not there or that uses a reserved name.
    """
    files = [find_files(spec.paths, base, spec.format, number) for number, spec in enumerate(specs)]
    known: set[str] = set()
    readable = False
    for number, spec in enumerate(specs):
        known.update(spec.fields)
        readable = readable or bool(spec.fields) or spec.count is not None
        if "-" in spec.paths:
            return None
        for name, row in islice(_rows(spec, files[number], number), rows):
            if row.fields is None:
                continue
            problem = _reserved(row.fields, spec)
            if problem:
                raise InputError(f"{name}:{row.line}: {problem}")
            readable = True
            known.update(row.fields)
    return known - {"id"} if readable else None


def signature(specs: list[SourceSpec], base: Path) -> str:
    """A cheap fingerprint of what the sources hold: names, sizes and times of files, and inline records.

    Two equal signatures mean the same rows, for a finished run that wants to know whether its source has grown.
    Standard input has none of its own.
    """
    digest = blake2b(digest_size=16)
    for number, spec in enumerate(specs):
        digest.update(spec.model_dump_json(exclude={"limit", "fields", "repeat"}).encode("utf-8", "replace"))
        for file in find_files(spec.paths, base, spec.format, number):
            if file.name != "-":
                status = file.path.stat()
                digest.update(f"\0{file.name}\0{status.st_size}\0{status.st_mtime_ns}".encode())
    return digest.hexdigest()


def _all_rounds(specs: list[SourceSpec], files: list[list[SourceFile]]) -> Iterator[Record | BadRow]:
    for turn in count(1):
        any_record = False
        for number, spec in enumerate(specs):
            if turn > 1 and not spec.repeat:
                continue
            for item in islice(_items(spec, files[number], number), spec.limit):
                if isinstance(item, Record):
                    if spec.repeat:
                        any_record = True
                        if turn > 1:
                            item.id = f"{item.id}~{turn}"
                    yield item
                elif turn == 1:
                    yield item
        if not any_record:
            return


def _items(spec: SourceSpec, files: list[SourceFile], number: int) -> Iterator[Record | BadRow]:
    for part in _parts(spec, files, number):
        with closing(part.rows) as rows:
            for position, row in enumerate(rows):
                yield _item(row, part, position, spec)


def _item(row: Row, part: _Part, position: int, spec: SourceSpec) -> Record | BadRow:
    fields, line, error, raw = row
    id = ""
    if fields is not None:
        error = _reserved(fields, spec)
        if not error:
            id, error = _identity(fields, spec, part, position)
        if not error:
            return Record(id, fields, (), f"{part.name}:{line}")
        error = error if error.startswith("line ") else f"line {line}: {error}"
        raw = encode_row(fields).decode()[:RAW]
    bad = content_id({"bad": f"{part.name}:{line}"}, position, part.salt)
    return BadRow(bad, part.name, line, error, raw)


def _identity(fields: Fields, spec: SourceSpec, part: _Part, position: int) -> tuple[str, str]:
    """The id of a row, or what is wrong with it. A column called `id` leaves the fields: it travels as the id."""
    if spec.id in fields:
        value = fields.pop("id") if spec.id == "id" else fields[spec.id]
        if type(value) is int:
            return str(value), ""
        if type(value) is str:
            text = value.strip()
            return text, "" if text else f"the id in column `{spec.id}` is empty"
        return "", f"the id in column `{spec.id}` must be text or a whole number, not {kind(value)}"
    if spec.id != "id":
        return "", f"there is no column `{spec.id}`, which should hold the id"
    return content_id(fields, position, part.salt), ""


def _reserved(fields: Fields, spec: SourceSpec) -> str:
    """What is wrong with the names of the columns, if anything."""
    if not RESERVED.isdisjoint(fields):
        return _taken(next(name for name in fields if name in RESERVED))
    if spec.id != "id" and "id" in fields:
        return _taken("id")
    if "tags" in fields and not isinstance(fields["tags"], dict | None):
        return f"`tags` must be a map of tags, not {kind(fields['tags'])}; rename the column in the source"
    return ""


def _taken(name: str) -> str:
    return f"a column cannot be called `{name}`, that word has a meaning of its own; rename it in the source"


def _rows(spec: SourceSpec, files: list[SourceFile], number: int) -> Iterator[tuple[str, Row]]:
    for part in _parts(spec, files, number):
        with closing(part.rows) as rows:
            for row in rows:
                yield part.name, row


def _parts(spec: SourceSpec, files: list[SourceFile], number: int) -> Iterator[_Part]:
    if spec.count is not None:
        yield _Part("count", number, (Row({}, row) for row in range(1, spec.count + 1)))
    elif spec.records is not None:
        yield _Part("records", number, _inline(spec.records))
    for file in files:
        yield _Part(file.name, file.salt, _guarded(file))


def _guarded(file: SourceFile) -> Generator[Row, None, None]:
    try:
        yield from file.format.read(file.path, file.name)
    except OSError as error:
        raise InputError(f"{file.name} cannot be read: {error.strerror or error}") from error


def _inline(records: list[dict[str, Any]]) -> Generator[Row, None, None]:
    for number, record in enumerate(records, 1):
        try:
            yield Row(plain(record), number)
        except (TypeError, *UNREADABLE) as error:
            yield Row(None, number, f"record {number}: {error}", repr(record)[:RAW])
