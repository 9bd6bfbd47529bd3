"""What a walk is given of each node, and what it gives back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from seedbed.errors import RecordError
from seedbed.graph.contracts import NodeCall, OnError

Condition = Callable[[dict[str, Any]], Any]
"""A compiled expression: from the scope to a value, of which only the truth matters."""

Pending = set["asyncio.Task[Any]"]
"""Node calls under way that no record waits for any more."""


@dataclass(slots=True)
class Station:
    """A node ready to run: what the walk needs to know of it."""

    name: str
    call: NodeCall
    asynchronous: bool
    writes: list[str]
    """The fields it writes, its own first."""
    appends: list[str] = field(default_factory=list)
    """Those among them that it appends to: they are never set to null."""
    when: Condition | None = None
    on_error: OnError = "fail"
    max_visits: int = 10


@dataclass(slots=True)
class Walked:
    """How a walk ended."""

    status: Literal["done", "dropped", "failed"]
    events: list[dict[str, Any]]
    """One object per execution, in the order they ended: node, visit, status (done, skipped, failed, or unfinished
    for a call still under way when the record ended), seconds, calls, and error for a failed one."""
    reason: str = ""
    """Why it was dropped."""
    where: str = ""
    """The node that dropped or failed it."""
    error: RecordError | None = None
