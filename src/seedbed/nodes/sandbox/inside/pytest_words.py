"""The words of pytest that small tests use, for programs that are run without it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from seedbed.nodes.sandbox.inside.reply import shown
from seedbed.nodes.sandbox.inside.tests import Skipped


class Caught:
    """What `raises` gives: the exception as `value`."""

    value: Any = None


@contextmanager
def _raising(expected: Any, match: str | None) -> Iterator[Caught]:
    caught = Caught()
    try:
        yield caught
    except expected as error:
        caught.value = error
        if match is not None and not re.search(match, str(error)):
            raise AssertionError(f"{shown(str(error))} does not match {match!r}") from error
    else:
        raise AssertionError(f"{getattr(expected, '__name__', expected)} was not raised")


def raises(expected: Any, *call: Any, match: str | None = None, **named: Any) -> Any:
    """Fails unless the block, or the call, raises the exception."""
    if not call:
        return _raising(expected, match)
    with _raising(expected, match) as caught:
        call[0](*call[1:], **named)
    return caught


class approx:
    """Equal to numbers that are close to it, also within lists and maps."""

    def __init__(self, expected: Any, rel: float | None = None, abs: float | None = None) -> None:
        self.expected = expected
        self.rel = 1e-6 if rel is None and abs is None else rel or 0.0
        self.abs = 1e-12 if abs is None else abs

    def __eq__(self, actual: object) -> bool:
        return self._close(actual, self.expected)

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"approx({self.expected!r})"

    def _close(self, actual: Any, expected: Any) -> bool:
        if isinstance(expected, dict):
            same = isinstance(actual, dict) and actual.keys() == expected.keys()
            return same and all(self._close(actual[key], value) for key, value in expected.items())
        if isinstance(expected, list | tuple):
            same = isinstance(actual, list | tuple) and len(actual) == len(expected)
            return same and all(map(self._close, actual, expected))
        if isinstance(expected, int | float) and isinstance(actual, int | float):
            return math.isclose(actual, expected, rel_tol=self.rel, abs_tol=self.abs)
        return bool(actual == expected)


def fail(reason: str = "") -> NoReturn:
    """Fails the test."""
    raise AssertionError(reason)


def skip(reason: str = "") -> NoReturn:
    """Leaves the test out."""
    raise Skipped(reason)


class _Marks:
    """`mark.parametrize`; other marks change nothing."""

    def parametrize(self, names: str | list[str], rows: Iterable[Any], **_: Any) -> Callable[[Any], Any]:
        """Runs the function once for each row."""
        keys = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
        sets = [dict(zip(keys, row if len(keys) > 1 else [row], strict=True)) for row in rows]

        def mark(function: Any) -> Any:
            before = getattr(function, "parametrized", [("", {})])
            function.parametrized = [
                ("-".join([*([label] if label else []), *(shown(value, 40) for value in more.values())]), given | more)
                for label, given in before
                for more in sets
            ]
            return function

        return mark

    def __getattr__(self, name: str) -> Any:
        def mark(*arguments: Any, **_: Any) -> Any:
            return arguments[0] if len(arguments) == 1 and callable(arguments[0]) else lambda function: function

        return mark


mark = _Marks()


def fixture(*arguments: Any, **_: Any) -> Any:
    """There are no fixtures: a test that wants one fails, and says that an argument is missing."""
    return arguments[0] if arguments else lambda function: function
