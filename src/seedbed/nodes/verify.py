"""The `verify` node: checks an answer by rules and says, of each check, what was found and what would be right."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from seedbed.graph.contracts import Context, Issue, Node, NodeCall, Read, Visit, defined, given
from seedbed.graph.shorthand import schema_file
from seedbed.nodes.checks.choice import ChoiceCheck
from seedbed.nodes.checks.constraints import Constraints, constraint_check, constraint_issues, constraint_reads
from seedbed.nodes.checks.contains import ContainsCheck
from seedbed.nodes.checks.contract import Finding, Kind, Run
from seedbed.nodes.checks.exact import ExactCheck
from seedbed.nodes.checks.json_value import json_check, json_issues
from seedbed.nodes.checks.mathematics import MathCheck
from seedbed.nodes.checks.numeric import NumericCheck
from seedbed.nodes.checks.pattern import RegexCheck
from seedbed.nodes.checks.sql import SqlCheck
from seedbed.nodes.checks.unit_tests import UnitTestsCheck
from seedbed.nodes.subject import compile_subject, read_subject

__all__ = ["VerifyNode"]

_KINDS = (
    "exact", "numeric", "math", "choice", "contains", "regex", "unit_tests", "sql", "json_schema", "constraints",
)  # fmt: skip


class VerifyNode(Node):
    """Checks an answer; all checks that are named must pass.

    ```yaml
    right:
      type: verify
      of: answer
      numeric: {expected: "{{ solution }}", tolerance: {relative: 0.01}}
      constraints:
        - words: {max: 60}
        - no_commas: true
    works: {type: verify, of: program, unit_tests: {tests: "{{ tests }}", limits: {seconds: 5}}}
    same: {type: verify, of: query, sql: {reference: "{{ solution }}", setup: "{{ schema }}"}}
    ```

    Writes `{passed, score, message, checks: [{name, passed, message}]}`: `score` is the share of checks that passed,
    and `message` joins those of the checks that failed, so that a loop can give it back to the model.
    """

    model_config = ConfigDict(json_schema_extra={"anyOf": [given(kind) for kind in _KINDS]})
    asynchronous: ClassVar[bool] = True

    type: Literal["verify"] = "verify"
    of: Annotated[str, Field(min_length=1)]
    """What is checked: an expression, mostly a field (`answer`, `reply.answer`), or a text with templates. Null passes
    no check."""
    exact: ExactCheck | None = None
    """It is the expected text or value. `exact: Paris` is short for `{expected: Paris}`, as in the next three."""
    numeric: NumericCheck | None = None
    """Its number is the expected one within a tolerance, however it is written: `1,234.5`, `3/4`, `12 %`, `6e23`, `½`.
    Where one of the two has a per-cent sign, 12 % is equal to 12 and to 0.12."""
    math: MathCheck | None = None
    """It means the same as the expected expression, equation, inequality, point, interval, set or matrix, in LaTeX or
    plain notation. Decimal fractions are exact; units and degrees do not count. Needs the extra `math` (sympy)."""
    choice: ChoiceCheck | None = None
    """It picks the expected option of a multiple-choice question, by its letter: `B`, `(B)`, `The answer is B.`"""
    contains: ContainsCheck | None = None
    """Texts that it contains, or does not. A text, or a list of them, is short for `all`; they may be templates."""
    regex: RegexCheck | None = None
    """Patterns that it matches, or does not, in ECMAScript's syntax without look-around and back references, so that no
    pattern takes long. A pattern, or a list of them, is short for `all`."""
    unit_tests: UnitTestsCheck | None = None
    """It is a Python program that passes these tests in a sandbox, each test a check of its own. A text, or a list of
    them, is short for `tests`."""
    sql: SqlCheck | None = None
    """It is a query that gives the rows of a reference query, both run in a sandbox. A text is short for
    `reference`."""
    json_schema: Annotated[Any, defined("Schema")] = None
    """It is JSON that follows this schema: shorthand, JSON Schema, `./schema.json` or `file.py:PydanticModel`."""
    constraints: Constraints | None = None
    """Constraints that it follows, each a check of its own; or a template that gives a list of them."""
    reveal: bool = True
    """Whether messages tell the expected answer. Say `false` where they go back to the model that is being checked."""

    def reads(self) -> Iterator[Read]:
        yield from super().reads()
        yield read_subject(self.of, ("of",))
        for key, kind in self._written():
            for read in kind.reads():
                yield Read(read.kind, read.text, (key, *read.path))
        if self.constraints is not None:
            yield from constraint_reads(self.constraints, ("constraints",))

    def files(self) -> list[str]:
        file = schema_file(self.json_schema)
        return [file for _, kind in self._written() for file in kind.files()] + ([file] if file else [])

    def check(self, base: Path) -> Iterator[Issue]:
        if all(getattr(self, key) is None for key in _KINDS):
            yield Issue((), "it does not say what to check", f"write one or more of: {', '.join(_KINDS)}")
        for key, kind in self._written():
            for issue in kind.issues(base):
                yield Issue((key, *issue.path), issue.what, issue.fix)
        if self.json_schema is not None:
            for issue in json_issues(self.json_schema, base):
                yield Issue(("json_schema", *issue.path), issue.what, issue.fix)
        if self.constraints is not None:
            for issue in constraint_issues(self.constraints, base):
                yield Issue(("constraints", *issue.path), issue.what, issue.fix)

    def prepare(self, context: Context) -> NodeCall:
        look = compile_subject(self.of)
        checks: list[tuple[str, Run]] = [(key, kind.prepare(context)) for key, kind in self._written()]
        if self.json_schema is not None:
            checks.append(("json_schema", json_check(self.json_schema, context.base)))
        if self.constraints is not None:
            checks.append(("constraints", constraint_check(self.constraints)))
        result = _result(self.reveal)

        async def call(visit: Visit) -> dict[str, Any]:
            answer = look(visit.scope)
            if answer is None:
                return result([Finding(name, False, "there is no answer", "give one") for name, _ in checks])
            findings: list[Finding] = []
            for _, run in checks:
                found = run(answer, visit.scope)
                findings += await found if inspect.isawaitable(found) else found
            return result(findings)

        return call

    def _written(self) -> Iterator[tuple[str, Kind]]:
        """The kinds of check that are classes of their own, as far as they are given."""
        for key in _KINDS:
            kind = getattr(self, key)
            if isinstance(kind, Kind):
                yield key, kind


def _result(reveal: bool) -> Callable[[list[Finding]], dict[str, Any]]:
    def result(findings: list[Finding]) -> dict[str, Any]:
        checks = [{"name": one.name, "passed": one.passed, "message": one.message(reveal=reveal)} for one in findings]
        passed = sum(1 for one in findings if one.passed)
        return {
            "passed": passed == len(findings),
            "score": passed / len(findings) if findings else 1.0,
            "message": "\n".join(str(check["message"]) for check in checks if not check["passed"]),
            "checks": checks,
        }

    return result
