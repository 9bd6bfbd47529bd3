"""Records into files: whole or not at all.

A sink writes to a hidden file beside its target (`.NAME.part-RUN`), brings it to the disk, and puts it in the target's
place by one rename. Whoever looks sees the old file or the finished one. Standard output and devices get each row as
it comes. Sinks know nothing of runs but the id that keeps two runs' unfinished files apart.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from seedbed.errors import InputError, RowError, StorageError
from seedbed.graph.contracts import Issue
from seedbed.graph.spec_io import SinkSpec
from seedbed.io.append import join
from seedbed.io.contract import FileFormat, RowFormat, Writer
from seedbed.io.paths import format_named, format_of, known_endings
from seedbed.io.rows import encode_row
from seedbed.io.safely import replace
from seedbed.record import Fields
from seedbed.registry import plugins


class Sink:
    """One sink at work. Leave it by `close` (the file appears) or `abort` (nothing happened)."""

    def __init__(self, name: str, writer: Writer, row_format: RowFormat | None) -> None:
        self.name = name
        """As the user calls it."""
        self._writer = writer
        self._format = row_format

    def shape(self, fields: Fields) -> dict[str, Any]:
        """The row of a record. Raises RowError if it does not fit the row format."""
        return fields if self._format is None else self._format.row(fields)

    def write(self, fields: Fields) -> None:
        """Adds a record: `put` of its `shape`."""
        self.put(self.shape(fields))

    def put(self, row: dict[str, Any]) -> None:
        """Adds a row. Raises RowError if it holds what JSON cannot say; the sink goes on. Raises StorageError if it
        cannot be written; the sink can only be aborted then."""
        try:
            self._writer.write(row)
        except OSError as error:
            raise unwritable(self.name, error) from error
        except (TypeError, ValueError, RecursionError) as error:
            hint = "fields hold text, numbers, booleans, null, lists and maps"
            raise RowError(f"the record cannot be written to {self.name}: {error}", hint=hint) from error

    def close(self) -> None:
        """Finishes: what was written is on the disk and in its place. Raises StorageError, and then nothing changed."""
        try:
            self._writer.close()
            self._finish()
        except OSError as error:
            self.abort()
            raise unwritable(self.name, error) from error

    def abort(self) -> None:
        """Undoes all; the target is as it was."""
        with suppress(OSError):
            self._writer.abort()

    def _finish(self) -> None:
        """Puts what was written where it belongs."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


class FileSink(Sink):
    """A sink that fills a hidden file and puts it in place at the end."""

    def __init__(self, spec: SinkSpec, target: Path, run: str) -> None:
        self._target, self._run, self._append = target, run, spec.mode == "append"
        self._part = target.with_name(f".{target.name}.part-{run}")
        row_format: RowFormat | None = plugins.find("format", spec.format)() if spec.format else None
        file_format = format_named(spec.file) if spec.file else format_of(target.name)
        assert file_format is not None  # `check_sinks` has refused it
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            writer = file_format.write(self._part, target.name)
        except OSError as error:
            raise unwritable(spec.path, error) from error
        super().__init__(spec.path, writer, row_format)

    def abort(self) -> None:
        """Undoes all; the target is as it was."""
        super().abort()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    def _finish(self) -> None:
        if self._append:
            join(self._part, self._target, self._run)
        else:
            replace(self._part, self._target)


class LineWriter:
    """Writes rows as lines to standard output or a device, each at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, row: dict[str, Any]) -> None:
        """Writes and flushes a line."""
        data = encode_row(row) + b"\n"
        try:
            self._file.write(data)
            self._file.flush()
        except BrokenPipeError:
            self._silence()
            raise

    def close(self) -> None:
        """Leaves standard output open and lets a device go."""
        self._file.flush()
        if self._file is not sys.stdout.buffer:
            self._file.close()

    def abort(self) -> None:
        """As `close`, but never fails; lines that are out are out."""
        if self._file is not sys.stdout.buffer:
            self._silence()
            self.close()

    def _silence(self) -> None:
        """Sends what is still in memory nowhere, so that a later flush (the interpreter's last one) cannot fail."""
        descriptor = os.open(os.devnull, os.O_WRONLY)
        with suppress(OSError, ValueError):
            os.dup2(descriptor, self._file.fileno())
        os.close(descriptor)


def open_sink(spec: SinkSpec, base: Path, run: str) -> Sink:
    """Opens a sink. `base` is the folder of the pipeline file, `run` the run's id: a resumed run gives the same one.

    Raises InputError for a sink that cannot be meant, StorageError for a place that cannot be written.
    """
    for issue in check_sinks([spec], base):
        raise InputError(issue.what, hint=issue.fix)
    target = target_of(spec, base)
    if target is not None and not _is_device(target):
        return FileSink(spec, target, run)
    row_format: RowFormat | None = plugins.find("format", spec.format)() if spec.format else None
    try:
        file = sys.stdout.buffer if target is None else target.open("wb")
    except OSError as error:
        raise unwritable(spec.path, error) from error
    return Sink("standard output" if target is None else spec.path, LineWriter(file), row_format)


def target_of(spec: SinkSpec, base: Path) -> Path | None:
    """The file of a sink, links followed; None for standard output."""
    return None if spec.path == "-" else Path(os.path.realpath(base / Path(spec.path).expanduser()))


def check_sinks(specs: list[SinkSpec], base: Path) -> Iterator[Issue]:
    """What is wrong with the sinks of a pipeline, each with the path to it from `sink:` written as a list."""
    seen: dict[Path | None, int] = {}
    for number, spec in enumerate(specs):
        target = target_of(spec, base)
        if target in seen:
            what = f"two sinks write to `{spec.path}`"
            yield Issue((number, "path"), what, "give each a path of its own")
        seen[target] = number
        for key, what, fix in _problems(spec, target):
            yield Issue((number, key), what, fix)


def unwritable(name: str, error: OSError) -> StorageError:
    """The error for a sink that cannot be written."""
    if isinstance(error, BrokenPipeError):
        return StorageError(f"{name} was closed by its reader")
    return StorageError(
        f"{name} cannot be written: {error.strerror or error}", hint="mend that and give the same command again"
    )


def _problems(spec: SinkSpec, target: Path | None) -> Iterator[tuple[str, str, str]]:
    """Key, what and fix of all that is wrong with one sink."""
    if spec.format:
        try:
            plugins.find("format", spec.format)
        except InputError as error:
            yield "format", error.message, error.hint
    if target is not None and (target.is_dir() or spec.path.endswith(("/", os.sep))):
        yield "path", f"the sink `{spec.path}` is a folder", "name a file in it"
        return
    try:
        file_format = format_named(spec.file) if spec.file else None
    except InputError as error:
        yield "file", error.message, error.hint
        return
    if target is None or _is_device(target):
        if spec.file not in (None, "jsonl"):
            yield "file", f"`{spec.path}` takes rows as JSON lines only", "give a file, or leave `file` out"
        return
    file_format = file_format or format_of(target.name)
    if file_format is None:
        yield "path", f"the ending of `{spec.path}` tells no format", f"known are {known_endings()}; or say `file:`"
        return
    yield from _format_problems(spec, target, file_format)


def _format_problems(spec: SinkSpec, target: Path, file_format: FileFormat) -> Iterator[tuple[str, str, str]]:
    key = "file" if spec.file else "path"
    if not file_format.writes:
        yield key, f"`{spec.path}`: this format is a source, not a sink", "use .jsonl, .json, .csv or .parquet"
    if not file_format.compressed and target.name.lower().endswith((".gz", ".zst")):
        yield "path", f"`{spec.path}`: this format is compressed inside", "leave the last ending out"
    if file_format.needs and importlib.util.find_spec(file_format.needs[0]) is None:
        what = f"`{spec.path}` needs the extra `{file_format.needs[1]}`"
        yield key, what, f"install it with: pip install 'seedbed[{file_format.needs[1]}]'"
    if spec.mode == "append" and not (spec.file or target.name).lower().endswith(_APPENDABLE):
        yield "mode", f"`{spec.path}`: only JSON lines can be appended to", "use .jsonl, .jsonl.gz or .jsonl.zst"


_APPENDABLE = ("jsonl", "ndjson", "jsonl.gz", "jsonl.zst", "ndjson.gz", "ndjson.zst")


def _is_device(target: Path) -> bool:
    """Whether the target is there and no file: a pipe or a device, which a rename would destroy."""
    return target.exists() and not target.is_file() and not target.is_dir()
