"""What a kind of check is: its written form under `verify`, and a function from an answer to what was found.

To add a kind, write a class here beside the others and name it as a field of the `verify` node.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from seedbed.errors import NodeError
from seedbed.graph.contracts import Context, Issue, Read, Spec
from seedbed.template.operations import to_text
from seedbed.template.value import Value, compile_value

Place = tuple[str | int, ...]
Scope = Mapping[str, Any]

_SHOWN = 120
"""Characters of a value that a message shows."""


class Finding(NamedTuple):
    """What one check found. `right` says what would be right; `secret` that it tells the expected answer."""

    name: str
    passed: bool
    found: str = ""
    right: str = ""
    secret: bool = False

    def message(self, *, reveal: bool = True) -> str:
        """What was found and, of a failed check, what would be right, unless that is not to be told."""
        if self.passed or not self.right:
            return self.found
        return f"{self.found}; {self.right if reveal or not self.secret else 'that is not right'}"


Findings = list[Finding]
Run = Callable[[Any, Scope], Findings | Awaitable[Findings]]
"""A prepared check: from an answer (any JSON value but null) and the scope of a visit to its findings."""


class Kind(Spec):
    """Base of all kinds of check."""

    def reads(self) -> Iterator[Read]:
        """Where it reads fields; paths start at the check."""
        return iter(())

    def files(self) -> list[str]:
        """Files whose content belongs to the pipeline."""
        return []

    def issues(self, base: Path) -> Iterator[Issue]:
        """What is wrong with it that types cannot say."""
        return iter(())

    def prepare(self, context: Context) -> Run:
        """Makes the function that checks."""
        raise TypeError(f"{type(self).__name__} has no behaviour")


class AgainstExpected(Kind):
    """Base of the kinds that compare an answer with a known one."""

    expected: Any
    """The right answer, or a list of answers of which each is right. Texts in it may be templates."""

    def reads(self) -> Iterator[Read]:
        yield Read("value", self.expected, ("expected",))

    def expectation(self) -> Callable[[Scope], list[Any]]:
        """The function that gives all right answers of a record. It raises NodeError where there is none."""
        value: Value = compile_value(self.expected)

        def expected(scope: Scope) -> list[Any]:
            made = value(scope)
            answers = made if isinstance(made, list) else [made]
            if not answers or any(answer is None or answer == "" for answer in answers):
                raise NodeError("`expected` is empty", hint="give each record a right answer, or skip it with `when:`")
            return answers

        return expected


Answer = str | int | float | list[Any]
"""A right answer, or several, written in place of a map."""


def as_expected(value: Any) -> Any:
    """A right answer written without its key: `numeric: 42` for `numeric: {expected: 42}`."""
    return {"expected": value} if isinstance(value, str | int | float | list) else value


def texted(value: Any) -> str:
    """An answer as text, as templates print it."""
    return value if isinstance(value, str) else to_text(value)


def shown(value: Any) -> str:
    """A value in a message, on one line and not too long."""
    text = " ".join(texted(value).split())
    text = text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]} … {text[-_SHOWN // 2 :]}"
    return f"`{text}`"


def listed(values: list[Any], word: str = "or") -> str:
    """`a`, `b` or `c`."""
    words = [shown(value) for value in values[:8]] + (["…"] if len(values) > 8 else [])
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {word} {words[-1]}"
