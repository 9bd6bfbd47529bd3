"""The process that compares: a line of JSON in, `[answer, [expected, …], tolerance]`, a line of JSON out.

`{"same": true}`, `{"unlike": why}` where the two cannot be compared, or `{"memory": true}`. It gives up what memory it
may have beyond a gigabyte, where the system can hold it to that; time is kept by the one who asks.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any

from seedbed.nodes.checks.maths.compare import same

_MEMORY = 1 << 30


def main() -> None:
    """Answers until its input ends."""
    _limit()
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(json.dumps(_answer(json.loads(line))).encode() + b"\n")
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
    try:
        import resource
    except ImportError:
        return
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
