"""Compiles what gives a value: constants, names, lists and maps, attributes, items and pieces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import methodcaller
from typing import Any

from seedbed.errors import TemplateError
from seedbed.template.core import Core, FreeRead, Run, null
from seedbed.template.operations import MISSING, Fault, NullError, cut, item, kind
from seedbed.template.tree import Attribute, Const, Index, Items, Map, Name, Part, Slice


class Reads(Core):
    """The part of the compiler that reads values."""

    def const(self, part: Const) -> Run:
        value = part.value
        return lambda scope: value

    def name(self, part: Name) -> Run:
        found = self.local(part.name)
        if found is not None:
            return found
        self.reads.append(FreeRead((part.name,), part.start))
        return methodcaller("get", part.name)

    def items(self, part: Items) -> Run:
        runs = [self.compile(each) for each in part.items]
        return lambda scope: [run(scope) for run in runs]

    def map(self, part: Map) -> Run:
        pairs = [(self.compile(key), self.compile(value)) for key, value in part.pairs]
        fail = self.failure(part)

        def run(scope: Any) -> Any:
            made: dict[str, Any] = {}
            for key, value in pairs:
                name = key(scope)
                if not isinstance(name, str):
                    fail(Fault(f"the keys of a map are texts, not {kind(name)}"))
                made[name] = value(scope)
            return made

        return run

    def attribute(self, part: Attribute) -> Run:
        of, name = self._of(part.of, part.name), part.name
        missing = self._missing(part, part.of, name)
        if isinstance(part.of, Name) and self.local(part.of.name) is None:
            field = part.of.name

            def read(scope: Any) -> Any:
                value = scope.get(field)
                if type(value) is dict and name in value:
                    return value[name]
                return missing(value)

            return read

        def run(scope: Any) -> Any:
            value = of(scope)
            if type(value) is dict and name in value:
                return value[name]
            return missing(value)

        return run

    def _of(self, of: Part, key: str) -> Run:
        """Compiles what an attribute is read from. A dotted path is one read, its longest one."""
        before = len(self.reads)
        run = self.compile(of)
        if len(self.reads) > before and _plain(of):
            path, offset = self.reads[-1]
            self.reads[-1] = FreeRead((*path, key), offset)
        return run

    def _missing(self, part: Part, of: Part, key: Any) -> Callable[[Any], Any]:
        """What happens where a value has no such attribute or item."""
        strict, where, base = self.strict, self.where(part), self.source[of.start : of.end]

        def missing(value: Any) -> Any:
            if isinstance(value, Mapping) and key in value:
                return value[key]
            if value is None:
                if strict:
                    raise NullError(f"`{base}` is null and has no `{key}` in {where}")
                return None
            if not isinstance(value, Mapping):
                raise TemplateError(f"`{base}` is a {kind(value)} and has no field `{key}` in {where}")
            if strict:
                raise TemplateError(f"`{base}` has no `{key}` in {where}", hint="`|default('')` allows for that")
            return None

        return missing

    def index(self, part: Index) -> Run:
        if isinstance(part.key, Const) and isinstance(part.key.value, str):
            of = self._of(part.of, part.key.value)
        else:
            of = self.compile(part.of)
        key, strict, fail = self.compile(part.key), self.strict, self.failure(part)

        def run(scope: Any) -> Any:
            value, at = of(scope), key(scope)
            if value is None or at is None:
                if strict:
                    fail(Fault("the value is null" if value is None else "the key is null", null=True))
                return None
            try:
                found = item(value, at)
            except Fault as fault:
                fail(fault)
            if found is not MISSING:
                return found
            if strict:
                fail(Fault(f"there is no item {at!r}"))
            return None

        return run

    def slice(self, part: Slice) -> Run:
        of, fail = self.compile(part.of), self.failure(part)
        first, last, step = (self.compile(bound) if bound else null for bound in part.bounds)
        strict = self.strict

        def run(scope: Any) -> Any:
            value = of(scope)
            if value is None and not strict:
                return None
            try:
                return cut(value, first(scope), last(scope), step(scope))
            except Fault as fault:
                fail(fault)

        return run


def _plain(part: Part) -> bool:
    """Whether a part is a dotted path from a name."""
    while isinstance(part, Attribute | Index):
        if isinstance(part, Index) and not (isinstance(part.key, Const) and isinstance(part.key.value, str)):
            return False
        part = part.of
    return isinstance(part, Name)
