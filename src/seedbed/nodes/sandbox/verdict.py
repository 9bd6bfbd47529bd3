"""From how a process ended and what it told to what came of its job."""

from __future__ import annotations

import json
import signal
from typing import Any

from seedbed.errors import NodeError
from seedbed.nodes.sandbox.job import Error, Job, Result, Test
from seedbed.nodes.sandbox.process import Ended

_NOT_RUN = "not run: the program ended before it"


def result_of(job: Job, ended: Ended, word: str) -> Result:
    """The result of a job. Raises NodeError if the sandbox failed, not the program."""
    told = _events(ended, word)
    if not any(event[0] == "ready" for event in told):
        if ended.stopped == "time":
            raise NodeError("the sandbox did not start in time", hint="raise `seconds`, or lower the load")
        said = ended.err.decode("utf-8", "replace").strip().splitlines()
        raise NodeError(f"the sandbox failed (exit code {ended.code}): {said[-1] if said else 'it said nothing'}")
    most = int(job.limits.output_kb * 1024)
    result = Result(_text(ended.out[:most]), _text(ended.err[:most]), seconds=ended.seconds)
    done = False
    tests: list[Test] = []
    for name, *values in told:
        if name == "test":
            tests.append(Test(values[1], values[2], values[3]))
        elif name == "rows":
            result.columns, result.rows = values
        elif name == "end":
            done = True
            if values[0] is not None:
                result.error = Error(*values)
    result.error = _stopped(job, ended) or result.error
    if not done and result.error is None:
        result.error = _ended_early(job, ended)
    if job.tests is not None:
        result.tests = tests + _missing(job, done and result.error is None, len(tests))
    return result


def _events(ended: Ended, word: str) -> list[list[Any]]:
    """The events told by the one that knows the word."""
    found = []
    for line in bytes(ended.events).split(b"\n")[:-1]:
        if line.startswith(word.encode()):
            try:
                found.append(json.loads(line[len(word) :]))
            except (ValueError, RecursionError):
                continue
    return found


def _stopped(job: Job, ended: Ended) -> Error | None:
    limits = job.limits
    if ended.stopped == "time" or _signal(ended) == signal.SIGXCPU:
        return Error("TimeLimit", f"it ran longer than {limits.seconds:g} seconds")
    if ended.stopped == "output":
        return Error("OutputLimit", f"it wrote more than {limits.output_kb:g} kB")
    if ended.stopped == "disk":
        return Error("DiskLimit", f"its files took up more than {limits.disk_mb:g} MB, or were too many")
    return None


def _ended_early(job: Job, ended: Ended) -> Error | None:
    if (number := _signal(ended)) is not None:
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = str(number)
        return Error("Killed", f"ended by signal {name}")
    if ended.code or job.tests is not None or job.language != "python":
        return Error("Exit", f"it left with exit code {ended.code}, without ending as a program does")
    return None


def _signal(ended: Ended) -> int | None:
    if ended.code < 0:
        return -ended.code
    return ended.code - 128 if 128 < ended.code <= 128 + 64 else None


def _missing(job: Job, done: bool, told: int) -> list[Test]:
    """Tests that were not run: at least one stands for them where the program ended before its tests did."""
    if done:
        return []
    whole = job.tests or []
    if told == 0 and whole:
        return [Test(text.strip().partition("\n")[0][:200], False, _NOT_RUN) for text in whole]
    return [Test("the tests after these", False, _NOT_RUN)]


def _text(data: bytes | bytearray) -> str:
    return bytes(data).decode("utf-8", "replace")
