"""One process at work: its output and events are read up to a limit, and it is ended when its time is up."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import IO, Literal

_LOOK = 0.1
"""Seconds between looks at what cannot be waited for."""
_CHUNK = 1 << 16
_OUT, _ERR, _EVENTS = 0, 1, 2

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

    Raises OSError if it cannot be started.
    """
    begun = monotonic()
    reading, writing = pipe
    process = subprocess.Popen(
        command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=cwd,
        pass_fds=(*keep, writing), start_new_session=True, bufsize=0
    )  # fmt: skip
    os.close(writing)
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout as out, process.stderr as err:
        ended = _read(process, {out.fileno(): _OUT, err.fileno(): _ERR, reading: _EVENTS}, begun, bounds)
    ended.code = process.wait()
    ended.seconds = monotonic() - begun
    return ended


def _read(process: subprocess.Popen[bytes], pipes: dict[int, int], begun: float, bounds: Bounds) -> Ended:
    ended = Ended()
    buffers = (ended.out, ended.err, ended.events)
    most = (bounds.output, bounds.output, bounds.events)
    try:
        with selectors.DefaultSelector() as selector:
            for pipe in pipes:
                selector.register(pipe, selectors.EVENT_READ)
            looked = begun
            while selector.get_map():
                now = monotonic()
                left = begun + bounds.seconds - now
                if left <= 0:
                    ended.stopped = "time"
                    break
                if bounds.is_over is not None and now - looked >= _LOOK:
                    looked = now
                    if bounds.is_over():
                        ended.stopped = "disk"
                        break
                ready = selector.select(min(left, _LOOK))
                if not ready and process.poll() is not None:
                    break  # what it left behind holds the pipes
                for key, _ in ready:
                    buffer = buffers[pipes[key.fd]]
                    if not (chunk := os.read(key.fd, _CHUNK)):
                        selector.unregister(key.fd)
                    buffer += chunk
                    if len(buffer) > most[pipes[key.fd]]:
                        ended.stopped = "output"
                        break
                if ended.stopped:
                    break
            else:
                _wait(process, begun + bounds.seconds, ended)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
    return ended


def _wait(process: subprocess.Popen[bytes], until: float, ended: Ended) -> None:
    """Waits for a process that has closed its pipes."""
    try:
        process.wait(max(0.0, until - monotonic()))
    except subprocess.TimeoutExpired:
        ended.stopped = "time"
