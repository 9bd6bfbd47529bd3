"""Where a step keeps what it holds back: on disk, so that memory does not grow with the number of records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from seedbed.record import Record


class Spool(Protocol):
    """Records kept on disk, so that steps that need all rows hold none in memory."""

    def add(self, record: Record, key: Any = None) -> None:
        """Keeps a record. `key` is a JSON value to sort by: nulls first, then booleans, numbers, texts, others."""

    def in_order(self, *, descending: bool = False) -> Iterator[Record]:
        """All records: as added if none was given a key, else by key, equal keys as added (also when descending)."""

    def __len__(self) -> int: ...


class Seen(Protocol):
    """A set of byte strings on disk."""

    def add(self, key: bytes, note: str) -> str | None:
        """Adds a key with a note. Returns None, or the note of the same key added earlier."""


class Index(Protocol):
    """Records on disk, found by key. All are added before the first is looked for; those of a key keep their order."""

    def add(self, key: bytes, record: Record) -> None:
        """Keeps a record."""

    def count(self, key: bytes) -> int:
        """How many records have this key."""

    def find(self, key: bytes) -> Iterator[Record]:
        """The records of a key, as added."""

    def get(self, key: bytes, place: int) -> Record:
        """One of the records of a key, from 0 on."""
