"""Compiles what is called: functions, methods, filters and tests. Unknown ones are refused at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import cache
from typing import Any, NoReturn

from seedbed.template import methods
from seedbed.template.checks import MARK_OF, TESTS
from seedbed.template.core import Core, Run
from seedbed.template.filters import FILTERS, apply
from seedbed.template.operations import Fault, kind
from seedbed.template.syntax import refuse
from seedbed.template.tree import Arguments, Call, Compare, Filter, Method, Name, Part, Test

_LENIENT_FILTERS = {"default", "d"}
_LENIENT_TESTS = {"defined", "undefined", "none"}


class Calls(Core):
    """The part of the compiler that calls."""

    def _values(self, arguments: Arguments) -> tuple[list[Run], dict[str, Run]]:
        named = {name: self.compile(part) for name, part in arguments.named.items()}
        return [self.compile(part) for part in arguments.plain], named

    def call(self, part: Call) -> Run:
        how = self.local(part.name)
        if how is None:
            if part.name not in self.functions:
                self._unknown("function", part.name, part.start, self.functions)
            function = self.functions[part.name]
            how = lambda scope: function  # noqa: E731
        callee: Run = how
        plain, named = self._values(part.arguments)
        fail = self.failure(part)

        def run(scope: Any) -> Any:
            called = callee(scope)
            if not callable(called):
                fail(Fault(f"a {kind(called)} cannot be called"))
            try:
                return called(*[run(scope) for run in plain], **{key: run(scope) for key, run in named.items()})
            except Fault as fault:
                fail(fault)
            except TypeError as error:
                fail(Fault(f"it cannot be called like this: {error}"))

        return run

    def method(self, part: Method) -> Run:
        if part.name not in methods.METHODS and not self._is_local(part.of):
            if part.name == "format":
                refuse(self.source, part.name_at, 'there is no method `format`; write `"%s"|format(value)`')
            self._unknown("method", part.name, part.name_at, methods.METHODS)
        of, fail, name = self.compile(part.of), self.failure(part), part.name
        plain, named = self._values(part.arguments)

        def run(scope: Any) -> Any:
            value = of(scope)
            try:
                return methods.call(value, name, [r(scope) for r in plain], {k: r(scope) for k, r in named.items()})
            except Fault as fault:
                fail(fault)

        return run

    def _is_local(self, part: Part) -> bool:
        return isinstance(part, Name) and self.local(part.name) is not None

    def filter(self, part: Filter) -> Run:
        if part.name not in FILTERS:
            self._unknown("filter", part.name, part.name_at, FILTERS)
        self._check_arguments("filter", part)
        how = FILTERS[part.name]
        of = (self.lenient if part.name in _LENIENT_FILTERS else self.compile)(part.of)
        return self._applied(part, how, of)

    def test(self, part: Test) -> Run:
        if part.name not in TESTS:
            self._unknown("test", part.name, part.name_at, TESTS)
        self._check_arguments("test", part)
        if part.name in MARK_OF and part.arguments.plain:
            return self.compile(Compare(part.start, part.end, part.of, [(MARK_OF[part.name], part.arguments.plain[0])]))
        how = TESTS[part.name]
        if part.name in _LENIENT_TESTS:
            of, wanted = self.lenient(part.of), part.name == "defined"
            return lambda scope: (of(scope) is not None) is wanted
        return self._applied(part, how, self.compile(part.of))

    def _applied(self, part: Filter | Test, how: Callable[..., Any], of: Run) -> Run:
        plain, named = self._values(part.arguments)
        fail = self.failure(part)

        def bare(scope: Any) -> Any:
            try:
                return apply(how, of(scope), (), {})
            except Fault as fault:
                fail(fault)

        def run(scope: Any) -> Any:
            values = [run(scope) for run in plain]
            try:
                return apply(how, of(scope), values, {name: run(scope) for name, run in named.items()})
            except Fault as fault:
                fail(fault)

        return run if plain or named else bare

    def _check_arguments(self, what: str, part: Filter | Test) -> None:
        signature = _signature(what, part.name)
        if signature is None:
            return
        try:
            signature.bind(None, *part.arguments.plain, **part.arguments.named)
        except TypeError as error:
            refuse(self.source, part.name_at, f"{what} `{part.name}`: {error}")

    def _unknown(self, what: str, name: str, offset: int, known: Iterable[str]) -> NoReturn:
        near = get_close_matches(name, known, 1)
        hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(sorted(known))}"
        refuse(self.source, offset, f"there is no {what} `{name}`; {hint}")


@cache
def _signature(what: str, name: str) -> inspect.Signature | None:
    try:
        return inspect.signature((FILTERS if what == "filter" else TESTS)[name])
    except ValueError:
        return None
