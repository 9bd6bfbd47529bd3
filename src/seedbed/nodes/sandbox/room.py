"""The sandbox: runs jobs, each in a process of its own, as many at a time as there are cores.

Which protection there is depends on the machine. It is found out once, by running a program in each in turn; where
there is none, nothing is run.
"""

from __future__ import annotations

import asyncio
import marshal
import os
import secrets
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import cache, partial
from typing import Any, Literal
from weakref import WeakKeyDictionary

from seedbed.errors import InputError, NodeError
from seedbed.nodes.sandbox.bare import Bare
from seedbed.nodes.sandbox.bubblewrap import Bubblewrap
from seedbed.nodes.sandbox.job import Job, Limits, Result
from seedbed.nodes.sandbox.landlock import Landlock
from seedbed.nodes.sandbox.launch import Launch, Launcher
from seedbed.nodes.sandbox.places import packages
from seedbed.nodes.sandbox.process import Bounds, Ended, run
from seedbed.nodes.sandbox.scratch import is_over
from seedbed.nodes.sandbox.verdict import result_of

Least = Literal["strong", "weak"]
"""The least protection that will do: from files, network and other processes, or only from using up too much."""

RunBlocking = Callable[[Callable[[], Any]], Awaitable[Any]]

_EVENTS = 1 << 20
"""Bytes that events may take beyond rows."""

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


class Sandbox:
    """Runs jobs in one kind of process."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self.name = launcher.name
        """`bubblewrap`, `landlock` or `weak`."""

    async def __call__(self, job: Job, run_blocking: RunBlocking) -> Result:
        """What came of a job, once there was a core for it. Raises NodeError if the sandbox itself fails."""
        loop = asyncio.get_running_loop()
        turns = _turns.get(loop)
        if turns is None:
            turns = _turns[loop] = asyncio.Semaphore(cores())
        async with turns:
            result: Result = await run_blocking(partial(self.run, job))
            return result

    def run(self, job: Job) -> Result:
        """The same, at once and blocking."""
        word = secrets.token_hex(8)
        try:
            with self._launcher.launch(job.limits, packages(job.language)) as launch:
                ended = _run(job, launch, word)
        except OSError as error:
            raise NodeError(f"the sandbox cannot be started: {error}") from error
        return result_of(job, ended, word)


def open_sandbox(least: Least) -> Sandbox:
    """The best sandbox that this machine has. Raises InputError if it is less than `least`."""
    reasons = []
    for launcher in (Bubblewrap(), Landlock()):
        reason = _tried(launcher.name)
        if not reason:
            return Sandbox(launcher)
        reasons.append(reason)
    if least == "weak" and not (reason := _tried("weak")):
        return Sandbox(Bare())
    told = "; ".join([*reasons, *([reason] if least == "weak" else [])])
    raise InputError(
        f"there is no sandbox on this machine to run programs in: {told}",
        hint="install bubblewrap (`apt-get install bubblewrap`; see docs/sandbox.md), or write `sandbox: weak` to run "
        "them with limits on time and memory only, free to read and write your files",
    )


@cache
def _tried(name: str) -> str:
    """Why a kind of sandbox does not work here; "" if it does."""
    launcher: Launcher = next(kind for kind in (Bubblewrap(), Landlock(), Bare()) if kind.name == name)
    if reason := launcher.unfit():
        return reason
    try:
        result = Sandbox(launcher).run(Job("print(6 * 7)", limits=Limits(seconds=20)))
    except NodeError as error:
        return f"{name}: {error}"
    return "" if result.stdout == "42\n" else f"{name}: a program that prints 42 printed {result.stdout!r}"


def cores() -> int:
    """How many programs run at one time."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _run(job: Job, launch: Launch, word: str) -> Ended:
    reading, writing = os.pipe()
    try:
        with tempfile.TemporaryFile() as stdin:
            stdin.write(marshal.dumps(_told(job, launch, word, writing)))
            stdin.seek(0)
            folder, limits = launch.folder, job.limits
            most = int(limits.disk_mb * (1 << 20))
            output = int(limits.output_kb * 1024)
            watch = partial(is_over, folder, most) if folder is not None else None
            bounds = Bounds(limits.seconds, output, 2 * output + _EVENTS, watch)
            cwd = str(folder) if folder is not None else "/"
            return run(launch.command, launch.environment, cwd, stdin, (reading, writing), launch.keep, bounds)
    finally:
        os.close(reading)


def _told(job: Job, launch: Launch, word: str, pipe: int) -> dict[str, Any]:
    """What the process is told, in plain types."""
    return {
        "word": word,
        "pipe": pipe,
        "confine": launch.confine,
        "limits": asdict(job.limits),
        "packages": launch.packages,
        "language": job.language,
        "code": job.code,
        "stdin": job.stdin,
        "files": job.files,
        "tests": job.tests,
        "tables": job.tables,
        "setup": job.setup,
        "read_only": job.read_only,
    }
