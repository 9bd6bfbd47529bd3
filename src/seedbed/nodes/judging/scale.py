"""Scales: whole numbers from one to another, or labels from the worst to the best."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from seedbed.graph.contracts import Issue, Text

_RANGE = re.compile(r"\s*(-?\d+)\s*\.\.\s*(-?\d+)\s*")
_MOST = 101
"""Values of the longest scale; no judge tells more apart."""

NOT_APPLICABLE = "n/a"
"""What a judge answers where a criterion does not apply."""

Number = Annotated[float, Field(allow_inf_nan=False)]
WrittenScale = (
    Annotated[str, Field(pattern=r"^\s*-?\d+\s*\.\.\s*-?\d+\s*$")]
    | Annotated[list[Text], Field(min_length=2)]
    | Annotated[dict[str, Number], Field(min_length=2)]
)
"""`1..5`; labels from the worst to the best; or labels with what each is worth: `{no: 0, partly: 0.5, yes: 1}`."""


class Scale:
    """A scale, made of a written one that has no issues.

    `values` is what a judge answers with, from the lowest to the highest; `numbers` what each is worth.
    """

    def __init__(self, written: Any) -> None:
        if isinstance(written, str):
            match = _RANGE.fullmatch(written)
            assert match is not None, "checked at load"
            self.values: list[Any] = list(range(int(match[1]), int(match[2]) + 1))
            self.numbers = [float(value) for value in self.values]
            self.text = f"{match[1]}..{match[2]}"
        elif isinstance(written, dict):
            self.values = sorted(written, key=lambda label: (written[label], label))
            self.numbers = [float(written[label]) for label in self.values]
            self.text = ", ".join(self.values)
        else:
            self.values = list(written)
            self.numbers = [i / (len(written) - 1) for i in range(len(written))]
            self.text = ", ".join(self.values)
        self.labels = not isinstance(written, str)
        self.ordered = isinstance(written, list)
        """Whether its labels have an order only, and no worth of their own."""
        self.low, self.high = self.numbers[0], self.numbers[-1]

    def number(self, value: Any) -> float:
        """What a value is worth."""
        return self.numbers[self.values.index(value)]

    def share(self, number: float) -> float:
        """Where a number lies between the lowest (0) and the highest (1)."""
        return (number - self.low) / (self.high - self.low)

    def schema(self, *, optional: bool = False) -> dict[str, Any]:
        """The JSON Schema of an answer: nothing but values of the scale, and `n/a` where a criterion may not apply."""
        kind = "string" if self.labels else "integer"
        if not optional:
            return {"type": kind, "enum": self.values}
        kinds: Any = kind if self.labels else [kind, "string"]
        return {"type": kinds, "enum": [*self.values, NOT_APPLICABLE]}

    def named(self, value: Any) -> Any:
        """The value of the scale that a judge wrote: 4 for 4.0. None for `n/a`."""
        return None if value == NOT_APPLICABLE else self.values[self.values.index(value)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scale) and (self.values, self.numbers) == (other.values, other.numbers)

    def __hash__(self) -> int:
        return hash(self.text)


def scale_issues(written: Any, anchors: dict[str, Any]) -> Iterator[Issue]:
    """What is wrong with a scale as written, and with what its values are said to mean."""
    if isinstance(written, str):
        match = _RANGE.fullmatch(written)
        if match is None:
            yield Issue(("scale",), f"`{written}` is not a scale", "write `1..5`, or a list of labels")
            return
        low, high = int(match[1]), int(match[2])
        if low >= high:
            yield Issue(("scale",), f"the scale `{written}` has no room", "write the lower end first, as in `1..5`")
            return
        if high - low >= _MOST:
            yield Issue(("scale",), f"the scale has {high - low + 1} values", f"write one with at most {_MOST}")
            return
        known = {str(value) for value in range(low, high + 1)}
    else:
        known = set(written)
        if len(known) < len(written):
            yield Issue(("scale",), "a label is there twice", "write each once")
        if NOT_APPLICABLE in known:
            yield Issue(("scale",), f"`{NOT_APPLICABLE}` is no label", "write `optional: true`")
        if isinstance(written, dict) and len(set(written.values())) == 1:
            yield Issue(("scale",), "all labels are worth the same", "give them different numbers")
    for value in anchors:
        if value not in known:
            yield Issue(("anchors", value), f"`{value}` is not on the scale", f"it has {', '.join(sorted(known))}")
