"""Whom a program runs as. The limit on processes does not hold for the superuser, so it becomes someone else."""

from __future__ import annotations

import os
from functools import cache
from itertools import count
from pathlib import Path

_USERS = range(60706, 61184)
"""User ids that by convention no account has, so that each program that runs at one time can have its own."""

_started = count(os.getpid())


def other_user() -> int | None:
    """Who to become where this is the superuser; None where it is not, or has no other users to become."""
    if os.geteuid() != 0 or not _has_users():
        return None
    return _USERS[next(_started) % len(_USERS)]


@cache
def _has_users() -> bool:
    """Whether the user ids exist here: a container may have few."""
    try:
        text = Path("/proc/self/uid_map").read_text("ascii")
    except OSError:
        return True
    rows = (tuple(map(int, line.split())) for line in text.splitlines())
    return any(first <= _USERS[0] and _USERS[-1] < first + size for first, _, size in rows)


def own_tasks() -> int:
    """How many processes and threads this user has: the kernel's limit counts them all."""
    mine, total = os.geteuid(), 0
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                if entry.stat().st_uid == mine:
                    total += sum(1 for _ in os.scandir(f"/proc/{entry.name}/task"))
            except OSError:
                continue
    return total
