"""What templates make and call while they run: loops, macros, name spaces, and the budget that bounds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seedbed.errors import TemplateError
from seedbed.template.methods import Tool
from seedbed.template.operations import LARGEST, Fault

Emit = Callable[[str], Any]
"""Takes the next piece of a text."""

MOST_TURNS = 500_000
"""How many turns the loops of one rendering may take together; the call of a macro counts as ten."""
_CALL = 10
_DEEPEST_CALL = 40


class Budget:
    """What one rendering may still do."""

    __slots__ = ("depth", "room", "turns")

    def __init__(self) -> None:
        self.turns = MOST_TURNS
        self.room = LARGEST
        self.depth = 0

    def turn(self, count: int = 1) -> None:
        self.turns -= count
        if self.turns < 0:
            raise TemplateError(f"the template's loops take more than {MOST_TURNS:,} turns")

    def into(self, parts: list[str]) -> Emit:
        """Something that takes the pieces of a text."""

        def emit(text: str) -> None:
            self.room -= len(text)
            if self.room < 0:
                raise TemplateError(f"the template makes more than {LARGEST:,} characters")
            parts.append(text)

        return emit

    def call(self, render: Callable[[Emit], None]) -> str:
        """The text that a macro or a loop calling itself makes."""
        self.turn(_CALL)
        self.depth += 1
        if self.depth > _DEEPEST_CALL:
            raise TemplateError(f"macros and loops call themselves more than {_DEEPEST_CALL} deep")
        parts: list[str] = []
        render(self.into(parts))
        self.depth -= 1
        return "".join(parts)


class Namespace(dict[str, Any]):
    """`namespace(found=false)`: a map whose members a template may set, also from within a loop."""


class Loop(dict[str, Any], Tool):
    """`loop` within a loop: where it is. Calling it renders the loop's body for other items (`recursive`)."""

    methods: Mapping[str, Callable[..., Any]]

    def __init__(self, items: list[Any], depth: int, again: Callable[[Any], str] | None) -> None:
        super().__init__(length=len(items), depth=depth + 1, depth0=depth)
        self._items = items
        self._again = again
        self._seen: tuple[Any, ...] | None = None
        self.methods = {"cycle": self._cycle, "changed": self._changed}

    def at(self, place: int) -> None:
        """Moves to an item."""
        items = self._items
        left = len(items) - place
        self.update(
            index=place + 1,
            index0=place,
            revindex=left,
            revindex0=left - 1,
            first=place == 0,
            last=left == 1,
            previtem=items[place - 1] if place else None,
            nextitem=items[place + 1] if left > 1 else None,
        )

    def __call__(self, items: Any) -> str:
        if self._again is None:
            raise Fault("the loop is not marked as `recursive`")
        return self._again(items)

    def _cycle(self, *values: Any) -> Any:
        return values[self["index0"] % len(values)] if values else None

    def _changed(self, *values: Any) -> bool:
        seen, self._seen = self._seen, values
        return seen != values


class Macro:
    """A part of a template that it calls by name; its value is a text."""

    def __init__(
        self,
        name: str,
        parameters: list[tuple[str, Callable[[Any], Any] | None]],
        render: Callable[[dict[str, Any]], str],
    ) -> None:
        self._name = name
        self._parameters = parameters
        self._render = render
        self._known = {parameter for parameter, _ in parameters} | {"caller"}

    def __call__(self, *values: Any, **named: Any) -> str:
        if len(values) > len(self._parameters):
            raise Fault(f"`{self._name}` takes {len(self._parameters)} values, not {len(values)}")
        given = dict(zip((parameter for parameter, _ in self._parameters), values, strict=False))
        for parameter, value in named.items():
            if parameter not in self._known or parameter in given:
                raise Fault(f"`{self._name}` cannot take `{parameter}`")
            given[parameter] = value
        return self._render(given)
