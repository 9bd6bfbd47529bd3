"""Whether two results of queries are the same: rows as multisets, in order where the reference orders them.

Numbers are equal within a tolerance, so rows that hold any cannot just be counted: those whose other values agree are
paired off.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from typing import Any

Rows = list[list[Any]]

_SKIPPED = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|\$(\w*)\$.*?\$\1\$", re.DOTALL
)
_ORDER = re.compile(r"[()]|\border\s+by\b", re.IGNORECASE)


def is_ordered(query: str) -> bool:
    """Whether the query itself, not one within it, says ORDER BY."""
    depth = 0
    for match in _ORDER.finditer(_SKIPPED.sub(" ", query)):
        if match[0] == "(":
            depth += 1
        elif match[0] == ")":
            depth -= 1
        elif depth == 0:
            return True
    return False


def difference(expected: Rows, actual: Rows, *, ordered: bool, tolerance: float = 1e-6) -> str:
    """What tells two results apart, in words; "" if nothing does.

    The names of columns do not matter, their order does. Null equals null. `tolerance` is relative, and absolute for
    numbers below 1.
    """
    if expected and actual and (want := len(expected[0])) != (have := len(actual[0])):
        return f"{_counted(have, 'column')} where {want} {'is' if want == 1 else 'are'} expected"
    if len(expected) != len(actual):
        return f"{_counted(len(actual), 'row')} where {len(expected)} {'is' if len(expected) == 1 else 'are'} expected"
    if ordered:
        for number, (want_row, have_row) in enumerate(zip(expected, actual, strict=True), 1):
            if not _same_row(want_row, have_row, tolerance):
                return f"row {number} is {_shown(have_row)}, expected is {_shown(want_row)}"
        return ""
    missing = _unpaired(expected, actual, tolerance)
    return f"there is no row {_shown(missing)}, or not as often as expected" if missing is not None else ""


def _unpaired(expected: Rows, actual: Rows, tolerance: float) -> list[Any] | None:
    """A row that has no partner when as many as possible are paired off."""
    offered: dict[Any, Rows] = defaultdict(list)
    for row in actual:
        offered[_key(row)].append(row)
    wanted: dict[Any, Rows] = defaultdict(list)
    for row in expected:
        wanted[_key(row)].append(row)
    for key, rows in wanted.items():
        others = offered.get(key, [])
        if len(others) < len(rows):
            return rows[0]
        if not _all_same(rows, others, tolerance) and (missing := _pair(rows, others, tolerance)) is not None:
            return missing
    return None


def _all_same(rows: Rows, others: Rows, tolerance: float) -> bool:
    """Whether they agree in the order of their numbers: nearly always, and much faster than pairing."""
    pairs = zip(sorted(rows, key=_numbers), sorted(others, key=_numbers), strict=False)
    return len(rows) == len(others) and all(_same_row(row, other, tolerance) for row, other in pairs)


def _pair(rows: Rows, others: Rows, tolerance: float) -> list[Any] | None:
    """Pairs rows with equal ones, moving earlier pairs where that helps; gives a row that stays alone."""
    near = _near(rows, others, tolerance)
    partner: dict[int, int] = {}
    taken: dict[int, int] = {}
    for start in range(len(rows)):
        came_from: dict[int, int] = {}
        queue, free = deque([start]), None
        while queue and free is None:
            row = queue.popleft()
            for other in near[row]:
                if other not in came_from:
                    came_from[other] = row
                    if other not in taken:
                        free = other
                        break
                    queue.append(taken[other])
        if free is None:
            return rows[start]
        while free is not None:
            row = came_from[free]
            taken[free] = row
            partner[row], free = free, partner.get(row)
    return None


def _near(rows: Rows, others: Rows, tolerance: float) -> list[list[int]]:
    """For each row the places of those that equal it, found by the column of numbers that tells most rows apart."""
    numbers = [at for at, value in enumerate(others[0]) if _is_number(value)]
    if not numbers:
        return [list(range(len(others)))] * len(rows)
    column = max(numbers, key=lambda at: len({other[at] for other in others}))
    order = sorted(range(len(others)), key=lambda place: others[place][column])
    values = [others[place][column] for place in order]
    found = []
    for row in rows:
        middle = row[column]
        reach = 2 * tolerance * max(1.0, abs(middle))
        window = order[bisect_left(values, middle - reach) : bisect_right(values, middle + reach)]
        found.append([place for place in window if _same_row(row, others[place], tolerance)])
    return found


def _key(row: list[Any]) -> Any:
    """What must be equal exactly: all but numbers, of which only the place counts."""
    return tuple("#" if _is_number(value) else json.dumps(value, sort_keys=True) for value in row)


def _numbers(row: list[Any]) -> tuple[float, ...]:
    """The numbers of a row, rounded to sort by."""
    return tuple(float(f"{float(value):.5g}") for value in row if _is_number(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _same_row(row: list[Any], other: list[Any], tolerance: float) -> bool:
    return len(row) == len(other) and all(_same(a, b, tolerance) for a, b in zip(row, other, strict=True))


def _same(a: Any, b: Any, tolerance: float) -> bool:
    if _is_number(a) and _is_number(b):
        return a == b or math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)
    return bool(a == b)


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _shown(row: list[Any]) -> str:
    text = json.dumps(row, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"
