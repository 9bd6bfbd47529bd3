"""Adding one run's rows to a file that other runs add to as well, so that they are there exactly once.

The rows of a run are one block of the file. Beside the file lies a journal (`.NAME.blocks`) that says for each run
where its block is and what its bytes hash to. To join a block:

1. the file with the block in it is made aside and brought to the disk;
2. the journal is replaced by one that also knows where the blocks will be;
3. the file made aside takes the place of the file;
4. the journal is replaced by one that knows only where the blocks are.

An entry counts only if the file's bytes at that place have its hash (of two entries for one run the longer one, since
a block may begin like its successor), so a kill between any two of these leaves a file that is whole and a journal that
is right about it. A run that joins again (killed before it could note that it was
done, or extended by more rows) finds its own block and replaces it, wherever it lies. The price is one copy of the
file for each join.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import IO

import msgspec

from seedbed.errors import RowError
from seedbed.io.compression import OutFile, reading
from seedbed.io.safely import replace, write_whole

CHUNK = 1 << 20


class Block(msgspec.Struct, frozen=True):
    """The bytes `start` to `end` of the file are the rows of `run`, if `digest` is their hash."""

    run: str
    start: int
    end: int
    digest: str


def join(part: Path, target: Path, run: str) -> None:
    """Makes the rows in `part` the block of `run` in `target`; `part` is gone afterwards. Raises OSError."""
    with _alone(target.parent):
        journal = target.with_name(f".{target.name}.blocks")
        known = _load(journal)
        found = max((block for block in known if block.run == run and _holds(target, block)), key=_size, default=None)
        joined = target.with_name(f".{target.name}.join-{run}")
        try:
            block = _build(joined, part, target, run, found)
            moved = _move(known, run, found, block)
            _save(journal, [*moved, *known])
            replace(joined, target)
        except BaseException:
            with suppress(OSError):
                joined.unlink(missing_ok=True)
            raise
        _save(journal, moved)
        part.unlink(missing_ok=True)


def _build(joined: Path, part: Path, target: Path, run: str, old: Block | None) -> Block:
    """Writes the target with the rows of `part` in place of the block `old`, or at the end."""
    with joined.open("wb") as out:
        if target.exists():
            with target.open("rb") as file:
                _copy(file, out, old.start if old else None)
            if old is None and _last_byte(target) not in (b"\n", b""):
                out.write(_newline(joined, target))
        start = out.tell()
        with part.open("rb") as file:
            digest = _copy(file, out, None)
        end = out.tell()
        if old:
            with target.open("rb") as file:
                file.seek(old.end)
                _copy(file, out, None)
        out.flush()
        os.fsync(out.fileno())
    return Block(run, start, end, digest)


def _move(known: list[Block], run: str, old: Block | None, block: Block) -> list[Block]:
    """Where all blocks are once `block` is in place of `old`."""
    by = _size(block) - _size(old) if old else 0
    others = [other for other in known if other.run != run]
    return ([block] if _size(block) else []) + [
        Block(other.run, other.start + by, other.end + by, other.digest) if old and other.start >= old.end else other
        for other in others
    ]


def _copy(source: IO[bytes], out: IO[bytes], size: int | None) -> str:
    """Copies `size` bytes, or all, and returns their hash."""
    hashed = blake2b(digest_size=16)
    left = size
    while chunk := source.read(CHUNK if left is None else min(CHUNK, left)):
        hashed.update(chunk)
        out.write(chunk)
        left = None if left is None else left - len(chunk)
    return hashed.hexdigest()


def _size(block: Block) -> int:
    return block.end - block.start


def _holds(target: Path, block: Block) -> bool:
    hashed = blake2b(digest_size=16)
    left = _size(block)
    with suppress(FileNotFoundError), target.open("rb") as file:
        file.seek(block.start)
        while left and (chunk := file.read(min(CHUNK, left))):
            hashed.update(chunk)
            left -= len(chunk)
        return left == 0 and hashed.hexdigest() == block.digest
    return False


def _last_byte(target: Path) -> bytes:
    """The last byte of the file's text; of a damaged one, the last that can be read."""
    last = b""
    with suppress(RowError), reading(target, target.name) as file:
        while chunk := file.read1(CHUNK):  # type: ignore[attr-defined]
            last = chunk[-1:]
    return last


def _newline(joined: Path, target: Path) -> bytes:
    """A newline in the target's compression."""
    aside = joined.with_name(joined.name + ".line")
    file = OutFile(aside, target.name)
    file.write(b"\n")
    file.close()
    data = aside.read_bytes()
    aside.unlink()
    return data


def _load(journal: Path) -> list[Block]:
    """The journal's entries, newest first. One that is not there or not readable knows nothing."""
    try:
        return msgspec.json.decode(journal.read_bytes(), type=list[Block])
    except (FileNotFoundError, msgspec.DecodeError):
        return []


def _save(journal: Path, blocks: list[Block]) -> None:
    write_whole(journal, msgspec.json.encode(list(dict.fromkeys(blocks))))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps two runs from joining in one folder at once, where the system can."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
