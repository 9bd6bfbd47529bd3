"""One process at work: its output and events are read up to a limit, and it is ended when its time is up."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import IO, Literal

_LOOK = 0.1
"""Seconds between looks at what cannot be waited for."""
_CHUNK = 1 << 16

Stopped = Literal["", "time", "output", "disk"]


@dataclass(slots=True)
class Ended:
    """How a process ended."""

    code: int = 0
    """Its exit code; negative for a signal, or 128 more where another process tells it."""
    stopped: Stopped = ""
    """Which limit it was ended for."""
    seconds: float = 0.0
    out: bytearray = field(default_factory=bytearray)
    err: bytearray = field(default_factory=bytearray)
    events: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long and how much."""

    seconds: float
    output: int
    """Bytes of output and of errors, each."""
    events: int
    """Bytes of events."""
    is_over: Callable[[], bool] | None = None
    """Asked now and then whether its files are too much."""


def run(
    command: list[str], environment: dict[str, str], cwd: str, stdin: IO[bytes], pipe: tuple[int, int],
    keep: tuple[int, ...], bounds: Bounds
) -> Ended:  # fmt: skip
    """Runs a command to its end; nothing that it started in its session is left. `pipe` carries the events.

    Closes the writing end of the pipe. Raises OSError if the command cannot be started.
    """
    begun = monotonic()
    reading, writing = pipe
    try:
        process = subprocess.Popen(
            command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=cwd,
            pass_fds=(*keep, writing), start_new_session=True, bufsize=0
        )  # fmt: skip
    finally:
        os.close(writing)
    assert process.stdout is not None
    assert process.stderr is not None
    ended = Ended()
    with process.stdout as out, process.stderr as err:
        pipes = {
            out.fileno(): (ended.out, bounds.output),
            err.fileno(): (ended.err, bounds.output),
            reading: (ended.events, bounds.events),
        }
        try:
            ended.stopped = _follow(process, pipes, begun, bounds)
        finally:
            # Before it is waited for: until then its number cannot have become another's.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            ended.code = process.wait()
    ended.seconds = monotonic() - begun
    return ended


def _follow(
    process: subprocess.Popen[bytes], pipes: dict[int, tuple[bytearray, int]], begun: float, bounds: Bounds
) -> Stopped:
    """Reads until the process has ended, or one of its bounds is reached."""
    looked, pause = begun, 0.0005
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while (left := begun + bounds.seconds - monotonic()) > 0:
            if bounds.is_over is not None and monotonic() - looked >= _LOOK:
                if bounds.is_over():
                    return "disk"
                looked = monotonic()
            if selector.get_map():
                ready = selector.select(min(left, _LOOK))
                if not ready and _has_ended(process):
                    return ""  # what it left behind holds the pipes
                if not all(_take(selector, key.fd, *pipes[key.fd]) for key, _ in ready):
                    return "output"
            elif _has_ended(process):
                return ""
            else:
                sleep(min(left, pause))
                pause = min(2 * pause, _LOOK)
    return "time"


def _take(selector: selectors.BaseSelector, pipe: int, buffer: bytearray, most: int) -> bool:
    """Reads what is there. Returns False if that makes it too much."""
    chunk = os.read(pipe, _CHUNK)
    if not chunk:
        selector.unregister(pipe)
    buffer += chunk
    return len(buffer) <= most


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process has ended; it is not yet waited for, where the system can tell without."""
    if hasattr(os, "waitid"):
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    return process.poll() is not None
