"""Python for the pipelines of this folder. Parameters are fields; what is returned becomes the node's field."""

import re


def solve(a: int, b: int, operation: str) -> int:
    """What the answer ought to be."""
    return {"plus": a + b, "minus": a - b, "times": a * b}[operation]


def grade(solution: int, reply: str) -> dict:
    """Whether the last number of a reply is the solution."""
    numbers = re.findall(r"-?\d+", reply.replace(",", ""))
    return {"right": bool(numbers) and int(numbers[-1]) == solution, "numbers": len(numbers)}
