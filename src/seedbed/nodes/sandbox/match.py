"""Whether a query gives what a reference query gives on the same databases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace

from seedbed.errors import NodeError
from seedbed.nodes.sandbox.compare import difference, is_ordered
from seedbed.nodes.sandbox.job import Job, Result
from seedbed.nodes.sandbox.room import RunBlocking, Sandbox


@dataclass(frozen=True, slots=True)
class Match:
    """How a query compares with its reference."""

    same: bool
    message: str = ""
    """What tells them apart."""
    empty: bool = False
    """Whether the reference gives no rows on any database, so that a wrong query may match it by chance."""
    failed: bool = False
    """Whether the query itself failed."""


async def match_queries(
    sandbox: Sandbox, query: str, reference: str, databases: list[Job], run_blocking: RunBlocking, *,
    ordered: bool | None = None, tolerance: float = 1e-6
) -> Match:  # fmt: skip
    """Runs both on each database and compares the rows. A `Job` stands for a database; its code does not matter.

    `ordered` says whether the order of rows counts; None, that it does where the reference has an ORDER BY of its own.
    Raises NodeError where the reference itself fails.
    """
    in_order = is_ordered(reference) if ordered is None else ordered
    empty = True
    for database in databases:
        right, found = await asyncio.gather(
            _run(sandbox, replace(database, code=reference), run_blocking),
            _run(sandbox, replace(database, code=query), run_blocking),
        )
        if right.error is not None:
            raise NodeError(f"the reference query fails: {right.error.type}: {right.error.message}")
        if found.error is not None:
            return Match(False, f"{found.error.type}: {found.error.message}", failed=True)
        empty = empty and not right.rows
        if told := difference(right.rows or [], found.rows or [], ordered=in_order, tolerance=tolerance):
            return Match(False, told)
    return Match(True, empty=empty)


def _run(sandbox: Sandbox, job: Job, run_blocking: RunBlocking) -> Awaitable[Result]:
    return sandbox(job, run_blocking)
