"""`numeric`: the answer's number is the expected one, within a tolerance."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from seedbed.errors import NodeError
from seedbed.graph.contracts import Context, Spec
from seedbed.nodes.checks.contract import (
    AgainstExpected,
    Answer,
    Finding,
    Findings,
    Run,
    Scope,
    as_expected,
    shown,
    texted,
)
from seedbed.nodes.checks.extract import Where, extractor, missing
from seedbed.nodes.checks.numbers import Number, numbers, written

Size = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Tolerance(Spec):
    """How far off an answer may be; of both, the larger counts."""

    absolute: Size = 0.0
    """The greatest difference."""
    relative: Size = 0.0
    """The greatest difference as a part of the expected number: 0.01 is a hundredth of it."""


def _as_tolerance(value: Any) -> Any:
    return {"absolute": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


Within = Annotated[Tolerance, BeforeValidator(_as_tolerance, json_schema_input_type=Size | Tolerance)]


class Numeric(AgainstExpected):
    """A number, however it is written: `1,234.5`, `3/4`, `12 %`, `6.02e23`, `\\frac{3}{4}`, with a unit after it.

    Where one of the two has a per-cent sign, 12 % is equal to 12 and to 0.12.
    """

    tolerance: Annotated[Tolerance, BeforeValidator(_as_tolerance, json_schema_input_type=Size | Tolerance)] = (
        Tolerance(relative=1e-9)
    )
    """How far off it may be: `0.01`, or `{relative: 0.01}`. Default: no more than the last digits of a float."""
    unit: str | list[str] | None = None
    """The unit that must follow the number, or several ways to write it. Default: what follows does not count."""
    decimal: Literal[".", ","] = "."
    """The decimal mark; the other one groups digits."""
    extract: Where = "auto"
    """Where the answer stands: `auto` (a box, a tag, `####`, "the answer is"; else the last number), `all`, `boxed`,
    `last_line`, `{tag: …}` or `{after: …}`."""

    def prepare(self, context: Context) -> Run:
        expected, within, mark = self.expectation(), self.tolerance, self.decimal
        find = reader(self.extract, mark)
        locate = None if self.extract == "auto" else extractor(self.extract)
        units = [self.unit] if isinstance(self.unit, str) else self.unit

        def run(answer: Any, scope: Scope) -> Findings:
            wanted = [_expected(one, mark) for one in expected(scope)]
            right = f"it should be {' or '.join(_shown(one) for one in wanted)}" + (f" {units[0]}" if units else "")
            found = find(answer)
            if found is None:
                if locate is not None and locate(texted(answer)) is None:
                    return [Finding("numeric", False, *missing(self.extract))]
                return [Finding("numeric", False, "there is no number", right, secret=True)]
            said = f"the number is {_shown(found)}"
            if not any(_equal(found, one, within) for one in wanted):
                return [Finding("numeric", False, said, right, secret=True)]
            if units and not any(_follows(unit, found.rest) for unit in units):
                return [Finding("numeric", False, f"{said} without its unit", f"write {units[0]} after it")]
            return [Finding("numeric", True, said)]

        return run


def reader(where: Where, mark: str) -> Callable[[Any], Number | None]:
    """The function that finds the number of an answer: in what is marked as the answer, else the last of the text."""
    find, whole = extractor(where), extractor("all")

    def read(answer: Any) -> Number | None:
        if isinstance(answer, int | float) and not isinstance(answer, bool):
            return Number(Fraction(repr(answer)), False, "")
        text = texted(answer)
        part = find(text)
        if part is not None and where not in ("all", "last_line"):
            # "42, not 43" is 42, and "40 + 2 = 42" is 42.
            found = next(numbers(part.rpartition("=")[2], mark), None) or next(numbers(part, mark), None)
            if found is not None or where != "auto":
                return found
        rest = whole(text) if where == "auto" else part
        every = list(numbers(rest or "", mark))
        return every[-1] if every else None

    return read


def _expected(value: Any, mark: str) -> Number:
    found = reader("auto", mark)(value)
    if found is None:
        raise NodeError(f"`expected` is {shown(value)}, which has no number", hint="give a number, such as 42 or 3/4")
    return found


def _equal(found: Number, wanted: Number, within: Tolerance) -> bool:
    allowed = max(Fraction(within.absolute), Fraction(within.relative) * abs(wanted.value))
    if abs(found.value - wanted.value) <= allowed:
        return True
    if found.percent == wanted.percent:
        return False
    of_hundred = Fraction(1, 100)
    value, other = found.value, wanted.value
    value, other = (value * of_hundred, other) if found.percent else (value, other * of_hundred)
    allowed = max(Fraction(within.absolute), Fraction(within.relative) * abs(other))
    return abs(value - other) <= allowed


def _follows(unit: str, rest: str) -> bool:
    text = rest.lstrip(" \t~\\$*{}").removeprefix("text{").removeprefix("mathrm{").lstrip()
    return text.startswith(unit) and not text[len(unit) : len(unit) + 1].isalpha()


def _shown(number: Number) -> str:
    return written(number.value) + (" %" if number.percent else "")


NumericCheck = Annotated[Numeric, BeforeValidator(as_expected, json_schema_input_type=Answer | Numeric)]
