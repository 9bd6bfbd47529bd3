"""The noun that travels: a record, its identity, and the chance that belongs to it.

Ids and draws are functions of content, so that the same seed and the same replies give the same bytes, whatever the
concurrency and however often a run was killed.
"""

from __future__ import annotations

from hashlib import blake2b
from random import Random
from typing import Any

import msgspec

Fields = dict[str, Any]
"""Fields by name; values are JSON values (None, bool, int, float, str, list, dict with text keys)."""

_encode = msgspec.json.Encoder(order="deterministic").encode


class Record:
    """One row on its way.

    `id` is unique within a step, `fields` the values by name, `parents` the ids it was made from, `place` where its
    source row stands ("seeds.jsonl:12"), for messages and for `failed.jsonl`.
    """

    __slots__ = ("fields", "id", "parents", "place")

    def __init__(self, id: str, fields: Fields, parents: tuple[str, ...] = (), place: str = "") -> None:
        self.id = id
        self.fields = fields
        self.parents = parents
        self.place = place

    def child(self, fields: Fields, part: str | int) -> Record:
        """A record made from this one; `part` tells its siblings apart, so its id is the same in every run."""
        return Record(f"{self.id}.{part}", fields, (self.id,), self.place)

    def __repr__(self) -> str:
        return f"Record({self.id!r}, {self.fields!r})"


def content_id(fields: Fields, position: int, source: int = 0) -> str:
    """The id of a row that brings none: 16 hex digits of a hash over its content and its position in its source."""
    return blake2b(_encode(fields) + b"\0%d\0%d" % (source, position), digest_size=8).hexdigest()


def digest(value: Any, size: int = 16) -> bytes:
    """A stable hash of any JSON value: equal values give equal bytes, whatever the order of their keys."""
    return blake2b(_encode(value), digest_size=size).digest()


def chance(seed: int, *place: str | int) -> Random:
    """The random generator of one place, for instance `chance(run_seed, record.id, node, visit)`."""
    text = "\0".join(map(str, (seed, *place))).encode("utf-8", "surrogatepass")
    return Random(int.from_bytes(blake2b(text, digest_size=8).digest(), "big"))
