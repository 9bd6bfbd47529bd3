"""One value out of many, added one by one: what `group` can collect. Keeps no more than the result needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from seedbed.errors import NodeError
from seedbed.graph.messages import kind


class Aggregate(Protocol):
    """Takes values, then tells the result. Values have been `checked`."""

    def add(self, value: Any) -> None:
        """Takes a value."""

    def result(self) -> Any:
        """What they come to."""


class _List:
    def __init__(self) -> None:
        self.values: list[Any] = []

    def add(self, value: Any) -> None:
        self.values.append(value)

    def result(self) -> Any:
        return self.values


class _Count:
    def __init__(self) -> None:
        self.count = 0

    def add(self, value: Any) -> None:
        self.count += value is not None

    def result(self) -> Any:
        return self.count


class _First:
    def __init__(self) -> None:
        self.value: Any = None
        self.empty = True

    def add(self, value: Any) -> None:
        if self.empty:
            self.value = value
            self.empty = False

    def result(self) -> Any:
        return self.value


class _Last:
    def __init__(self) -> None:
        self.value: Any = None

    def add(self, value: Any) -> None:
        self.value = value

    def result(self) -> Any:
        return self.value


class _Extreme:
    """The least or greatest value that is not null; numbers are less than texts."""

    def __init__(self, greatest: bool) -> None:
        self.greatest = greatest
        self.best: Any = None

    def add(self, value: Any) -> None:
        if value is None:
            return
        if self.best is None or (_rank(value) > _rank(self.best) if self.greatest else _rank(value) < _rank(self.best)):
            self.best = value

    def result(self) -> Any:
        return self.best


class _Sum:
    def __init__(self) -> None:
        self.total: int | float | None = None
        self.count = 0

    def add(self, value: Any) -> None:
        if value is not None:
            self.total = value if self.total is None else self.total + value
            self.count += 1

    def result(self) -> Any:
        return self.total


class _Mean(_Sum):
    def result(self) -> Any:
        return None if self.total is None else self.total / self.count


AGGREGATES: dict[str, Callable[[], Aggregate]] = {
    "list": _List,
    "count": _Count,
    "first": _First,
    "last": _Last,
    "min": lambda: _Extreme(greatest=False),
    "max": lambda: _Extreme(greatest=True),
    "mean": _Mean,
    "sum": _Sum,
}
"""Every aggregate by its word."""


def checked(how: str, field: str, value: Any) -> None:
    """Raises NodeError if a value of a field cannot be part of an aggregate."""
    if value is None or how not in ("min", "max", "mean", "sum"):
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number and not (isinstance(value, str) and how in ("min", "max")):
        wants = "numbers or texts" if how in ("min", "max") else "numbers"
        raise NodeError(f"`{field}` is {kind(value)}", hint=f"{how} takes {wants}")


def _rank(value: Any) -> tuple[bool, Any]:
    return isinstance(value, str), value
