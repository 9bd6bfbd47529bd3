"""Records that did not make it: kept in the store, and as lines of `failed.jsonl` and `dropped.jsonl`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from io import BufferedWriter
from pathlib import Path
from typing import Any

from seedbed.errors import ModelError, SeedbedError, StorageError
from seedbed.record import Record
from seedbed.run.store import RunStore, encode

FILES = {"failed": "failed.jsonl", "dropped": "dropped.jsonl"}
LONGEST_REPLY = 4000
"""Characters of a bad reply that are kept with a failure; the whole of it is in the call store."""


@dataclass(slots=True)
class Reject:
    """Why one record failed or was dropped."""

    id: str
    place: str
    """Its source row, `file:line`."""
    where: str
    """The node or step."""
    error: str
    """The kind of error; for a dropped record the reason."""
    message: str = ""
    attempts: int = 0
    reply: str | None = None
    usd: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """As kept in the store."""
        return asdict(self)

    @classmethod
    def of_dict(cls, value: dict[str, Any]) -> Reject:
        """From the store."""
        return cls(**value)

    def line(self) -> dict[str, Any]:
        """As written to `failed.jsonl` and `dropped.jsonl`."""
        source, _, line = self.place.rpartition(":")
        numbered = line.isdigit()
        return {
            "id": self.id,
            "source": source if numbered else self.place,
            "line": int(line) if numbered else None,
            "where": self.where,
            "attempts": self.attempts,
            "error": self.error,
            "message": self.message,
            "reply": self.reply,
            "usd": self.usd,
        }


def of_error(record: Record, where: str, error: BaseException) -> Reject:
    """The reject of a record that failed with an error."""
    reply = getattr(error, "reply", None)
    return Reject(
        record.id,
        record.place,
        where,
        type(error).__name__,
        str(error) if isinstance(error, SeedbedError) else f"{type(error).__name__}: {error}",
        attempts=error.attempts if isinstance(error, ModelError) else 1,
        reply=reply[:LONGEST_REPLY] if isinstance(reply, str) else None,
    )


class Rejects:
    """Writes rejects as they come; the files are made anew by each process, from what is stored."""

    def __init__(self, folder: Path, store: RunStore | None, secrets: frozenset[str] = frozenset()) -> None:
        self._folder = folder
        self._store = store
        self._secrets = secrets
        self._files: dict[str, BufferedWriter] = {}
        self.count = {"failed": 0, "dropped": 0}
        for status, name in FILES.items():
            (folder / name).unlink(missing_ok=True)
            self._files[status] = open(folder / name, "wb")  # noqa: SIM115
        if store is not None:
            store.do("DELETE FROM rejects", ())

    def add(self, reject: Reject, status: str, step: str = "", *, stored: bool = False) -> None:
        """Keeps a reject; `stored` tells that its outcome is in the store already."""
        for secret in self._secrets:
            reject.message = reject.message.replace(secret, "<redacted>")
        self.count[status] += 1
        try:
            self._files[status].write(encode(reject.line()) + b"\n")
        except OSError as error:
            raise self._unwritable(status, error) from error
        if not stored and self._store is not None:
            values = (step, reject.id, status, encode(reject.as_dict()))
            self._store.do("INSERT INTO rejects VALUES (NULL, ?, ?, ?, ?)", values)

    def flush(self) -> None:
        """Brings the lines to the files. Raises StorageError."""
        for status, file in self._files.items():
            try:
                file.flush()
            except OSError as error:
                raise self._unwritable(status, error) from error

    def close(self) -> None:
        """Closes the files; `flush` them first to know that all lines are in them."""
        for file in self._files.values():
            with suppress(OSError):
                file.close()

    def _unwritable(self, status: str, error: OSError) -> StorageError:
        hint = "make room; the same command goes on where this run stopped"
        return StorageError(f"cannot write {self._folder / FILES[status]}: {error.strerror}", hint=hint)
