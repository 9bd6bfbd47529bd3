"""Makes a Python closure from an expression.

A closure takes the scope, anything with a dict's `get`. In an expression an attribute of null is null; with `strict`,
as texts are compiled, it is an error. With `watch` the scope must be a `Watch`: comparisons with null note that they
met null and have the result that it assumes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from seedbed.template.calls import Calls
from seedbed.template.core import Run, null
from seedbed.template.operations import ARITHMETIC, COMPARE, Fault, kind, negative
from seedbed.template.reads import Reads
from seedbed.template.tree import (
    Arithmetic,
    Attribute,
    Both,
    Call,
    Choice,
    Compare,
    Const,
    Either,
    Filter,
    Index,
    Items,
    Map,
    Method,
    Name,
    Negative,
    Not,
    Part,
    Slice,
    Test,
)


class Watch:
    """A scope for one evaluation that notes whether a comparison met null."""

    __slots__ = ("assume", "get", "met")

    def __init__(self, scope: Mapping[str, Any], assume: bool) -> None:
        self.get = scope.get
        self.assume = assume
        self.met = False


class Compiler(Reads, Calls):
    """Compiles expressions; here are the operators."""

    table: ClassVar[dict[type[Part], str]] = {
        Const: "const",
        Name: "name",
        Items: "items",
        Map: "map",
        Attribute: "attribute",
        Index: "index",
        Slice: "slice",
        Call: "call",
        Method: "method",
        Filter: "filter",
        Test: "test",
        Negative: "negative",
        Arithmetic: "arithmetic",
        Compare: "compare",
        Not: "not_",
        Both: "both",
        Either: "either",
        Choice: "choice",
    }

    def negative(self, part: Negative) -> Run:
        of, fail = self.compile(part.of), self.failure(part)
        if isinstance(part.of, Const) and type(part.of.value) in (int, float):
            value = -part.of.value
            return lambda scope: value

        def run(scope: Any) -> Any:
            try:
                return negative(of(scope))
            except Fault as fault:
                fail(fault)

        return run

    def arithmetic(self, part: Arithmetic) -> Run:
        left, right, fail = self.compile(part.left), self.compile(part.right), self.failure(part)
        how = ARITHMETIC[part.mark]

        def run(scope: Any) -> Any:
            try:
                return how(left(scope), right(scope))
            except Fault as fault:
                fail(fault)

        return run

    def compare(self, part: Compare) -> Run:
        if len(part.rest) == 1:
            return self._compare(part, part.first, *part.rest[0])
        runs: list[Run] = []
        left = part.first
        for mark, right in part.rest:
            runs.append(self._compare(part, left, mark, right))
            left = right
        return lambda scope: all(run(scope) for run in runs)

    def _compare(self, part: Part, left_part: Part, mark: str, right_part: Part) -> Run:
        if mark in ("==", "!=") and (_is_none(left_part) or _is_none(right_part)):
            of, wanted = self.lenient(left_part if _is_none(right_part) else right_part), mark == "=="
            return lambda scope: (of(scope) is None) is wanted
        left, right, how = self.compile(left_part), self.compile(right_part), COMPARE[mark]
        fail, watch = self.failure(part), self.watch

        def run(scope: Any) -> Any:
            one, other = left(scope), right(scope)
            if one is None or other is None:
                if watch:
                    scope.met = True
                    return scope.assume
                return False
            try:
                return how(one, other)
            except TypeError:
                fail(Fault(f"cannot compare {kind(one)} with {kind(other)}"))
            except Fault as fault:
                fail(fault)

        return run

    def not_(self, part: Not) -> Run:
        of = self.compile(part.of)
        return lambda scope: not of(scope)

    def both(self, part: Both) -> Run:
        left, right = self.compile(part.left), self.compile(part.right)
        return lambda scope: left(scope) and right(scope)

    def either(self, part: Either) -> Run:
        left, right = self.compile(part.left), self.compile(part.right)
        return lambda scope: left(scope) or right(scope)

    def choice(self, part: Choice) -> Run:
        then, condition = self.compile(part.then), self.compile(part.condition)
        otherwise = self.compile(part.otherwise) if part.otherwise else null
        return lambda scope: then(scope) if condition(scope) else otherwise(scope)


def _is_none(part: Part) -> bool:
    return isinstance(part, Const) and part.value is None
