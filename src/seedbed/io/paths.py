"""Which files a source's paths mean, and which format each of them is."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from contextlib import suppress
from difflib import get_close_matches
from functools import cache
from hashlib import blake2b
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from seedbed.errors import InputError
from seedbed.io.compression import split_ending
from seedbed.io.contract import FileFormat
from seedbed.registry import plugins

_ENDINGS_HINT = "say `format:`; known endings are {}"


class SourceFile(NamedTuple):
    """One file to read."""

    path: Path
    name: str
    """As it is shown: relative to the pipeline file where it lies below it; `-` is standard input."""
    format: FileFormat
    salt: int
    """What tells equal rows at equal positions in different files apart. It stays when other files come or go."""


@cache
def format_named(name: str) -> FileFormat:
    """The file format of that name. Raises InputError that lists what there is."""
    made: FileFormat = plugins.find("file", name)()
    return made


def format_of(name: str) -> FileFormat | None:
    """The format that a file's ending tells, or None."""
    plain, compression = split_ending(name)
    found = _by_suffix().get(Path(plain).suffix.lower())
    return found if found and (found.compressed or not compression) else None


def known_endings() -> str:
    """All endings, for a message."""
    return ", ".join(sorted(_by_suffix()))


def find_files(paths: list[str], base: Path, format: str | None, source: int) -> list[SourceFile]:
    """The files that the paths of the source number `source` mean, in order. Raises InputError."""
    chosen = format_named(format) if format else None
    return [file for number, path in enumerate(paths) for file in _resolve(path, base, chosen, (source, number))]


def shown(path: Path, base: Path) -> str:
    """A path as messages show it: relative to `base` where it lies below it."""
    with suppress(ValueError):
        path = path.relative_to(base)
    return path.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def missing(text: str, base: Path) -> InputError:
    """The error for a path that leads nowhere: the folder that is there, and the nearest name in it."""
    path = base / Path(text).expanduser()
    while not path.parent.is_dir() and path != path.parent:
        path = path.parent
    near = get_close_matches(path.name, _names(path.parent), 1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are: {_some(path.parent)}"
    return InputError(f"`{text}`: there is no `{path.name}` in {path.parent}", hint=hint)


def _resolve(text: str, base: Path, chosen: FileFormat | None, place: tuple[int, int]) -> Iterator[SourceFile]:
    if text == "-":
        yield SourceFile(Path("-"), "-", chosen or format_named("jsonl"), place[0])
        return
    path = base / Path(text).expanduser()
    if path.is_dir():
        files = _walk(path)
        if not files:
            raise InputError(f"the folder `{text}` in {base} holds no file")
        yield from _known(files, path, text, base, chosen, place)
    elif path.exists():
        format = chosen or format_of(path.name)
        if not format:
            raise InputError(f"`{text}`: the ending tells no format", hint=_ENDINGS_HINT.format(known_endings()))
        yield SourceFile(_readable(path, text), shown(path, base), format, _salt(place, ""))
    elif glob.has_magic(text):
        pattern = Path(text).expanduser()
        fixed = list(takewhile(lambda part: not glob.has_magic(part), pattern.parts))
        root = base.joinpath(*fixed)
        found = glob.glob(str(pattern), root_dir=base, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern and shows hidden files
        files = sorted(path for path in map(base.joinpath, found) if path.is_file())
        if not files:
            if not root.is_dir():
                raise missing(str(Path(*fixed)), base)
            raise InputError(f"`{text}`: nothing in {root} matches", hint=f"there are: {_some(root)}")
        yield from _known(files, root, text, base, chosen, place)
    else:
        raise missing(text, base)


def _known(
    files: list[Path], root: Path, text: str, base: Path, chosen: FileFormat | None, place: tuple[int, int]
) -> Iterator[SourceFile]:
    """The files among those found in a folder or by a glob that a format knows."""
    known = [(path, format) for path in files if (format := chosen or format_of(path.name))]
    if not known:
        what = f"`{text}`: no file has a known ending among {_some(root)} in {root}"
        raise InputError(what, hint=_ENDINGS_HINT.format(known_endings()))
    for path, format in known:
        yield SourceFile(_readable(path, text), shown(path, base), format, _salt(place, shown(path, root)))


def _names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError:
        return []


def _some(folder: Path) -> str:
    names = _names(folder)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "no files"


def _walk(folder: Path) -> list[Path]:
    """All files below a folder but hidden ones, sorted by path."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in names if not name.startswith(".")]
    return sorted(found)


def _readable(path: Path, text: str) -> Path:
    if not os.access(path, os.R_OK):
        raise InputError(f"`{text}`: {path} may not be read", hint="change its permissions")
    return path


def _salt(place: tuple[int, int], inner: str) -> int:
    """The source's own number for its first file if named outright; a hash for all others."""
    if place[1] == 0 and not inner:
        return place[0]
    return int.from_bytes(
        blake2b(f"{place}\0{inner}".encode("utf-8", "surrogateescape"), digest_size=8).digest(), "big"
    )


@cache
def _by_suffix() -> dict[str, FileFormat]:
    formats = [format_named(name) for name in plugins.names("file")]
    return {suffix: format for format in formats for suffix in format.suffixes}
