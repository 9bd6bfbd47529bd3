"""The part of the protection that a process puts on itself, before it touches what it is to run."""

from __future__ import annotations

import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MB = 1 << 20


def confine(how: dict[str, Any], limits: dict[str, Any]) -> None:
    """Gives up what the program is not to have. Raises OSError if the system does not let it."""
    readable = how.get("readable")
    if readable is not None:
        _close(how, readable)
    elif how["user"] is not None:
        user = how["user"]
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    _limit(limits, how["processes"])


def _close(how: dict[str, Any], readable: list[str]) -> None:
    """What stands in for namespaces: Landlock and seccomp."""
    # Both modules are of no use where bubblewrap does their work, and ctypes is slow to import.
    from seedbed.nodes.sandbox.inside import landlock
    from seedbed.nodes.sandbox.inside.filter import seccomp_filter

    if how["user"] is not None:
        landlock.become(how["user"])
    elif os.geteuid() == 0:
        landlock.give_up_capabilities()
    landlock.end_with_parent(how["parent"])
    writable = [os.getcwd(), "/dev/null", "/dev/zero", "/dev/urandom"]  # noqa: PTH109
    landlock.restrict_files(readable, how["listable"], writable)
    landlock.restrict_calls(seccomp_filter(how["machine"], os.getpid()))


def _limit(limits: dict[str, Any], processes: int | None) -> None:
    seconds = int(limits["seconds"]) + 1
    _lower(resource.RLIMIT_CPU, seconds + 1)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    _lower(resource.RLIMIT_FSIZE, int(limits["disk_mb"] * _MB))
    _lower(resource.RLIMIT_NOFILE, 256)
    _lower(resource.RLIMIT_CORE, 0)
    if processes is not None:
        _lower(resource.RLIMIT_NPROC, processes)
    if sys.platform == "linux":  # macOS refuses it
        _lower(resource.RLIMIT_AS, int(limits["memory_mb"] * _MB))


def _lower(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(what, (most, most))
