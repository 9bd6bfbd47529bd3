"""Opening and finishing files that may be compressed: the one door for all text formats.

The ending of a file's name tells: `.gz`, `.zst`, or neither. Damage in a compressed file (cut short, wrong check sum)
shows as one RowError when reading gets there; what came before is whole. Compressed output holds no time and no name,
so equal rows give equal bytes.
"""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from seedbed.errors import InputError, RowError

BLOCK = 1 << 20
"""Bytes asked of the disk at once."""

ENDINGS = (".gz", ".zst")


def split_ending(name: str) -> tuple[str, str]:
    """A file name without its compression's ending, and that ending: ("a.jsonl", ".gz"), ("a.jsonl", "")."""
    for ending in ENDINGS:
        if name.lower().endswith(ending):
            return name[: -len(ending)], ending
    return name, ""


@contextmanager
def reading(path: Path, name: str) -> Iterator[IO[bytes]]:
    """The bytes of a file, decompressed. The name `-` is standard input, left open."""
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        file: Any = path.open("rb", buffering=BLOCK)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}") from error
    with file:
        ending = split_ending(name)[1]
        if not ending or not file.peek(1):
            yield file
            return
        with io.BufferedReader(_Decompressed(file, ending), BLOCK >> 2) as plain:
            yield plain


class _Decompressed(io.RawIOBase):
    """The decompressed bytes of a file, with every way to be damaged told as a RowError."""

    def __init__(self, file: IO[bytes], ending: str) -> None:
        self._file: Any = gzip.GzipFile(fileobj=file) if ending == ".gz" else _zstd().ZstdFile(file)
        self._errors = (EOFError, zlib.error, gzip.BadGzipFile, *(() if ending == ".gz" else (_zstd().ZstdError,)))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            # readinto1, because readinto would throw away what it has when damage comes in the middle
            return cast(int, self._file.readinto1(buffer))
        except EOFError as error:
            raise RowError("the compressed file is cut short; what comes after is lost") from error
        except self._errors as error:
            raise RowError(f"the compressed file is damaged ({error}); what comes after is lost") from error

    def close(self) -> None:
        self._file.close()
        super().close()


class OutFile:
    """A file being written: compressed as its name says, on the disk when `close` returns."""

    def __init__(self, path: Path, name: str) -> None:
        self._raw = path.open("wb", buffering=BLOCK)
        self._layers: list[Any] = []
        ending = split_ending(name)[1]
        if ending == ".gz":
            squeezed: Any = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, mtime=0, compresslevel=6)
            self._layers = [io.BufferedWriter(squeezed, BLOCK >> 2)]
        elif ending == ".zst":
            squeezed = _zstd().ZstdFile(self._raw, "w")
            squeezed.write(b"")  # a file without rows is a whole frame, too
            self._layers = [io.BufferedWriter(squeezed, BLOCK >> 2)]
        self.write = (self._layers or [self._raw])[0].write
        """Takes bytes."""

    def close(self) -> None:
        """Brings all of it to the disk."""
        try:
            for layer in self._layers:
                layer.close()
            self._raw.flush()
            os.fsync(self._raw.fileno())
        except BaseException:
            self.abort()
            raise
        self._raw.close()

    def abort(self) -> None:
        """Lets the file go without trying to write what is still in memory."""
        descriptor = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(descriptor, self._raw.fileno())
            for layer in (*self._layers, self._raw):
                layer.close()
        except (OSError, ValueError):
            pass  # already closed, or closing failed for the reason that led here
        finally:
            os.close(descriptor)


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd
