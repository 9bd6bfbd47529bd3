"""The process that compares: a line of JSON in, `[answer, [expected, …], tolerance, seconds]`, a line of JSON out.

`{"same": true}`, `{"unlike": why}` where the two cannot be compared, or `{"memory": true}`. Where the system can hold
it to that, it has a gigabyte of memory, and ends by itself a little after its time, even if nobody is left to stop it.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any

from seedbed.nodes.checks.maths.compare import same

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_MEMORY = 1 << 30


def main() -> None:
    """Answers until its input ends."""
    _limit()
    for line in sys.stdin.buffer:
        *asked, seconds = json.loads(line)
        _allow(seconds)
        sys.stdout.buffer.write(json.dumps(_answer(asked)).encode() + b"\n")
        sys.stdout.buffer.flush()


def _answer(asked: list[Any]) -> dict[str, Any]:
    answer, wanted, tolerance = asked
    why = ""
    for tree in wanted:
        try:
            if same(answer, tree, tolerance):
                return {"same": True}
        except MemoryError:
            return {"memory": True}
        except Exception as error:
            # Whatever sympy makes of an odd expression, it is not the right answer.
            why = str(error) or type(error).__name__
    return {"unlike": why} if why else {"same": False}


def _limit() -> None:
    if resource is not None:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _allow(seconds: float) -> None:
    """So much processor time from now on, and two seconds for rounding."""
    if resource is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        until = int(used.ru_utime + used.ru_stime + seconds) + 2
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CPU, (until, resource.getrlimit(resource.RLIMIT_CPU)[1]))
