"""Processes that compare mathematical answers, and can be stopped: no expression holds up a run for longer.

A process is started when it is first needed and kept for the next comparison; one that takes too long is killed. They
belong to this process as a whole and end with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

from seedbed.errors import NodeError
from seedbed.nodes.checks.maths.reader import Tree

_ROOT = str(Path(__file__).parents[4])
_PROGRAM = f"import sys; sys.path.append({_ROOT!r}); from seedbed.nodes.checks.maths.worker import main; main()"
_STARTING = 30.0
"""Seconds that a process may take to start, beside those of its first comparison."""


class _Worker:
    """One process. Not for several threads at once."""

    def __init__(self) -> None:
        # -P: no file in the working directory can pass for a library.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Ctrl-C drains the run, and so must not end what the run waits for.
            start_new_session=True,
        )
        self.fresh = True
        self.end = weakref.finalize(self, _end, self.process)

    def ask(self, line: bytes, seconds: float) -> bytes:
        """The line it answers; empty where it was killed or died."""
        timer = threading.Timer(seconds + (_STARTING if self.fresh else 0.0), self.process.kill)
        timer.daemon = True
        self.fresh = False
        timer.start()
        try:
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            self.process.stdin.write(line)
            self.process.stdin.flush()
            return self.process.stdout.readline()
        except BrokenPipeError:
            return b""
        finally:
            timer.cancel()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        try:
            if stream is not None:
                stream.close()
        except BrokenPipeError:
            pass


class Processes:
    """As many workers as there are processors, shared by all threads."""

    def __init__(self, most: int | None = None) -> None:
        self._free = threading.Semaphore(most or max(1, min(4, os.cpu_count() or 1)))
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()

    def same(self, answer: Tree, wanted: list[Tree], tolerance: float, seconds: float) -> tuple[bool, str]:
        """Whether an answer means the same as one of those wanted, and why it cannot be compared, if it cannot.

        Blocks. Raises NodeError where that takes too long or too much memory.
        """
        line = json.dumps([answer, wanted, tolerance, seconds]).encode() + b"\n"
        with self._free:
            worker = self._worker()
            reply = worker.ask(line, seconds)
            if not reply:
                died = worker.process.wait()
                worker.end()
                why = f"takes more than {seconds:g} s" if died < 0 or os.name == "nt" else "ended its process"
                raise NodeError(f"comparing the answer {why}", hint="raise `timeout`, or ask for a simpler form")
            with self._lock:
                self._idle.append(worker)
        found: dict[str, Any] = json.loads(reply)
        if "memory" in found:
            raise NodeError("comparing the answer takes too much memory", hint="ask for a simpler form")
        return found.get("same", False), found.get("unlike", "")

    def _worker(self) -> _Worker:
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                return _Worker()
            if worker.process.poll() is None:
                return worker
            worker.end()


PROCESSES = Processes()
"""Those of this process."""
