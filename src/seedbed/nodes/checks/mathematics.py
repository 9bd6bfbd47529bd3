"""`math`: the answer means the same as the expected one: `1/2` and `\\frac{1}{2}`, `(x+1)^2` and `x^2+2x+1`."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from seedbed.errors import MissingExtra, NodeError
from seedbed.graph.contracts import Context
from seedbed.models.structured import without_thinking
from seedbed.nodes.checks.contract import (
    AgainstExpected,
    Answer,
    Finding,
    Findings,
    Run,
    Scope,
    as_expected,
    listed,
    shown,
    texted,
)
from seedbed.nodes.checks.extract import Where, announced, extractor, last_line, missing
from seedbed.nodes.checks.maths.process import PROCESSES
from seedbed.nodes.checks.maths.reader import Tree, read
from seedbed.nodes.checks.maths.tokens import Unreadable

_DISPLAYED = re.compile(r"\$\$(.+?)\$\$|\\\[(.+?)\\\]|\$([^$\n]+)\$|\\\((.+?)\\\)", re.DOTALL)
_SHORT = 120
"""Characters up to which a text without any mark is taken as an answer whole."""


class Math(AgainstExpected):
    """The same value, expression, equation, inequality, point, interval, set or matrix, in LaTeX or plain notation.

    Sets and what commas divide have no order, points and lists have. Decimal fractions are exact: `1.414` is not
    `\\sqrt{2}`. `x = 5` is `5`; units, degrees and per-cent signs do not count. Needs the extra `math` (sympy).
    """

    tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """How far off a number without variables may be, as a part of the expected one."""
    timeout: Annotated[float, Field(gt=0)] = 5.0
    """Seconds for one comparison; past it the node fails on this record."""
    extract: Where = "auto"
    """Where the answer stands: `auto` (a box, a tag, `####`, "the answer is"; else the last formula, or the last line),
    `all`, `boxed`, `last_line`, `{tag: …}` or `{after: …}`."""

    def prepare(self, context: Context) -> Run:
        if find_spec("sympy") is None:
            raise MissingExtra("`verify` with `math`", "math")
        expected, find, where = self.expectation(), extractor(self.extract), self.extract
        tolerance, seconds = self.tolerance, self.timeout
        absent = missing(where)

        async def run(answer: Any, scope: Scope) -> Findings:
            wanted = expected(scope)
            trees = [_expected(one) for one in wanted]
            right = f"it should be {listed(wanted)}"
            text = texted(answer)
            said = _unmarked(text) if where == "auto" else find(text)
            if said is None:
                return [Finding("math", False, *absent)]
            found = f"the answer is {shown(said)}"
            try:
                tree = read(said)
            except Unreadable as error:
                return [Finding("math", False, f"{found}, which cannot be read: {error.message}", right, secret=True)]
            if tree in trees:
                return [Finding("math", True, found)]
            passed, why = await context.run_blocking(lambda: PROCESSES.same(tree, trees, tolerance, seconds))
            found += f", which cannot be compared: {why}" if why else ""
            return [Finding("math", passed, found, right, secret=True)]

        return run


def _unmarked(text: str) -> str | None:
    """The answer in a text: as it is marked, else the last formula of a long text, or its last line."""
    found = announced(text)
    if found:
        return found
    text = without_thinking(text).strip()
    formulas = [next(part for part in match.groups() if part) for match in _DISPLAYED.finditer(text)]
    if formulas and len(text) > len(formulas[-1]) + 8:
        return formulas[-1].strip()
    return text if 0 < len(text) <= _SHORT and "\n" not in text else last_line(text)


def _expected(value: Any) -> Tree:
    text = texted(value)
    try:
        return read(announced(text) or text)
    except Unreadable as error:
        hint = "write it as LaTeX or plainly, such as \\frac{1}{2} or 1/2"
        raise NodeError(f"`expected` is {shown(value)}, which cannot be read: {error.message}", hint=hint) from error


MathCheck = Annotated[Math, BeforeValidator(as_expected, json_schema_input_type=Answer | Math)]
