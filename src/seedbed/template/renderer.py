"""Makes closures from the blocks of a text. Which name means what is settled when it is compiled.

While a text is rendered, the scope is a copy of the record's, and what the template sets lies in it under numbers:
each `set`, loop variable and parameter has a number of its own, so that no name of one block can be taken for the
same name in another.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from seedbed.errors import TemplateError
from seedbed.template.blocks import (
    TEXT,
    Block,
    CallMacro,
    Do,
    FilterText,
    For,
    Hole,
    If,
    Jump,
    MacroBlock,
    Plain,
    Set,
    SetMember,
    SetText,
    With,
)
from seedbed.template.compiler import Compiler
from seedbed.template.core import FUNCTIONS, Run
from seedbed.template.operations import Fault, iterate, kind, to_text
from seedbed.template.syntax import refuse
from seedbed.template.tools import Emit, Loop, Macro, Namespace
from seedbed.template.tree import Arguments, Call, Name, Part

Render = Callable[[Any, Emit], None]
"""A compiled block: writes its text for a scope."""

BUDGET = -1
"""Where the budget lies in the scope."""


class Break(Exception):
    """Leaves a loop."""


class Continue(Exception):
    """Goes on with a loop's next item."""


class Renderer:
    """Compiles the blocks of one text."""

    def __init__(self, source: str) -> None:
        self.source = source
        functions: dict[str, Callable[..., Any]] = {**FUNCTIONS, "namespace": Namespace}
        self.compiler = Compiler(source, strict=True, functions=functions, local=self.local)
        self.frames: list[dict[str, int]] = [{}]
        self.used: set[int] = set()
        self.count = 0
        self.loops = 0

    def declare(self, name: str) -> int:
        """The number of a name in the innermost frame."""
        frame = self.frames[-1]
        if name not in frame:
            self.count += 1
            frame[name] = self.count
        return frame[name]

    def local(self, name: str) -> Run | None:
        """What reads a name that the template has set; where it was not set on this way, what lies further out."""
        places = [frame[name] for frame in reversed(self.frames) if name in frame]
        if not places:
            return None
        self.used.update(places)

        def read(scope: Any) -> Any:
            for place in places:
                if place in scope:
                    return scope[place]
            return scope.get(name)

        return read

    @contextmanager
    def frame(self) -> Any:
        """A frame for the names set within a block. Yields its numbers by name."""
        self.frames.append({})
        yield self.frames[-1]
        self.frames.pop()

    def blocks(self, blocks: list[Block]) -> Render:
        renders = [self.block(block) for block in blocks]
        if len(renders) == 1:
            return renders[0]

        def render(scope: Any, emit: Emit) -> None:
            for each in renders:
                each(scope, emit)

        return render

    def block(self, block: Block) -> Render:
        compile_block: Callable[[Renderer, Any], Render] = _BLOCKS[type(block)]
        return compile_block(self, block)

    def printed(self, part: Part, value: Run | None = None) -> Callable[[Any], str]:
        """The text of a part (or of another value that stands for it)."""
        run, fail = value or self.compiler.compile(part), self.compiler.failure(part)

        def text(scope: Any) -> str:
            value = run(scope)
            if type(value) is str:
                return value
            try:
                return to_text(value)
            except Fault as fault:
                fail(fault)

        return text

    def plain(self, block: Plain) -> Render:
        text = block.text
        return lambda scope, emit: emit(text)

    def hole(self, block: Hole) -> Render:
        text = self.printed(block.value)
        return lambda scope, emit: emit(text(scope))

    def if_(self, block: If) -> Render:
        branches = [
            (self.compiler.compile(condition) if condition else _always, self.blocks(body))
            for condition, body in block.branches
        ]

        def render(scope: Any, emit: Emit) -> None:
            for condition, body in branches:
                if condition(scope):
                    body(scope, emit)
                    return

        return render

    def for_(self, block: For) -> Render:
        items, fail = self.compiler.compile(block.items), self.compiler.failure(block.items)
        self.loops += 1
        with self.frame() as names:
            assign = self._assign(block.targets, block.items)
            wanted = self.compiler.compile(block.condition) if block.condition else None
            loop_place = self.declare("loop")
            body = self.blocks(block.body)
            inner = list(names.values())
        empty, needs_loop = self.blocks(block.empty), loop_place in self.used
        depth = self.loops - 1
        self.loops -= 1

        def walk(scope: Any, emit: Emit, given: Any, level: int) -> None:
            try:
                chosen = iterate(given)
            except Fault as fault:
                fail(fault)
            if wanted:
                chosen = [item for item in chosen if assign(scope, item) and wanted(scope)]
            if not chosen:
                empty(scope, emit)
            loop = Loop(chosen, level, again(scope, level) if block.recursive else None) if needs_loop else None
            budget = scope[BUDGET]
            for place, item in enumerate(chosen):
                budget.turn()
                _forget(scope, inner)
                assign(scope, item)
                if loop is not None:
                    loop.at(place)
                    scope[loop_place] = loop
                try:
                    body(scope, emit)
                except Continue:
                    continue
                except Break:
                    break

        def again(scope: Any, level: int) -> Callable[[Any], str]:
            def render(given: Any) -> str:
                text: str = scope[BUDGET].call(lambda emit: walk(dict(scope), emit, given, level + 1))
                return text

            return render

        return lambda scope, emit: walk(scope, emit, items(scope), depth)

    def _assign(self, targets: list[str], part: Part) -> Callable[[Any, Any], bool]:
        """Writes a value to one name, or the items of a list to several. Always true."""
        places = [self.declare(target) for target in targets]
        where = self.compiler.where(part)
        only = places[0]

        def one(scope: Any, value: Any) -> bool:
            scope[only] = value
            return True

        def several(scope: Any, value: Any) -> bool:
            if not isinstance(value, list | tuple) or len(value) != len(places):
                raise TemplateError(f"{len(places)} names need a list of as many items, not {kind(value)}, in {where}")
            scope.update(zip(places, value, strict=True))
            return True

        return one if len(places) == 1 else several

    def set_(self, block: Set) -> Render:
        value = self.compiler.compile(block.value)
        assign = self._assign(block.targets, block.value)

        def render(scope: Any, emit: Emit) -> None:
            assign(scope, value(scope))

        return render

    def set_member(self, block: SetMember) -> Render:
        space = self.local(block.space)
        if space is None:
            refuse(self.source, block.start, f"`{block.space}` is no `namespace()`; only those have members to set")
        found: Run = space
        value, name = self.compiler.compile(block.value), block.name

        def render(scope: Any, emit: Emit) -> None:
            holder = found(scope)
            if not isinstance(holder, Namespace):
                raise TemplateError(f"`{block.space}` is no `namespace()`; only those have members to set")
            holder[name] = value(scope)

        return render

    def set_text(self, block: SetText) -> Render:
        value = self._filtered(block)
        place = self.declare(block.name)

        def render(scope: Any, emit: Emit) -> None:
            scope[place] = value(scope)

        return render

    def filter_text(self, block: FilterText) -> Render:
        text = self.printed(block.value, self._filtered(block))
        return lambda scope, emit: emit(text(scope))

    def _filtered(self, block: SetText | FilterText) -> Run:
        """The body of a block through the filters that stand at its head."""
        with self.frame() as names:
            body = self.blocks(block.body)
            place = self.declare(TEXT)
            value = self.compiler.compile(block.value)
            inner = list(names.values())

        def filtered(scope: Any) -> Any:
            _forget(scope, inner)
            parts: list[str] = []
            body(scope, scope[BUDGET].into(parts))
            scope[place] = "".join(parts)
            return value(scope)

        return filtered

    def with_(self, block: With) -> Render:
        values = [self.compiler.compile(part) for _, part in block.values]
        with self.frame() as names:
            places = [self.declare(name) for name, _ in block.values]
            body = self.blocks(block.body)
            inner = list(names.values())

        def render(scope: Any, emit: Emit) -> None:
            given = [value(scope) for value in values]
            _forget(scope, inner)
            scope.update(zip(places, given, strict=True))
            body(scope, emit)

        return render

    def macro(self, block: MacroBlock) -> Render:
        place = self.declare(block.name)
        make = self._macro(block)

        def render(scope: Any, emit: Emit) -> None:
            scope[place] = make(scope)

        return render

    def _macro(self, block: MacroBlock) -> Callable[[Any], Macro]:
        with self.frame():
            defaults = [(name, self.compiler.compile(part) if part else None) for name, part in block.parameters]
            places = [(name, self.declare(name), default) for name, default in defaults]
            caller = None if block.name == "caller" else self.declare("caller")
            body = self.blocks(block.body)

        def make(scope: Any) -> Macro:
            def render(given: dict[str, Any]) -> str:
                inner = dict(scope)
                for name, place, default in places:
                    inner[place] = given[name] if name in given else default(scope) if default else None
                if caller is not None:
                    inner[caller] = given.get("caller")
                text: str = scope[BUDGET].call(lambda emit: body(inner, emit))
                return text

            return Macro(block.name, defaults, render)

        return make

    def call_macro(self, block: CallMacro) -> Render:
        make = self._macro(block.caller)
        with self.frame():
            place = self.declare(" caller")
            call = block.call
            named = {**call.arguments.named, "caller": Name(call.start, call.end, " caller")}
            text = self.printed(Call(call.start, call.end, call.name, Arguments(call.arguments.plain, named)))

        def render(scope: Any, emit: Emit) -> None:
            scope[place] = make(scope)
            emit(text(scope))

        return render

    def do(self, block: Do) -> Render:
        value = self.compiler.compile(block.value)

        def render(scope: Any, emit: Emit) -> None:
            value(scope)

        return render

    def jump(self, block: Jump) -> Render:
        jump = Break if block.word == "break" else Continue

        def render(scope: Any, emit: Emit) -> None:
            raise jump

        return render


def _forget(scope: Any, places: list[int]) -> None:
    """Takes away what a block has set, before it runs again."""
    for place in places:
        scope.pop(place, None)


def _always(scope: Any) -> bool:
    return True


def remembers(blocks: list[Block]) -> bool:
    """Whether blocks need a scope of their own, because they set names or call themselves."""
    for block in blocks:
        if isinstance(block, If):
            if any(remembers(body) for _, body in block.branches):
                return True
        elif not isinstance(block, Plain | Hole):
            return True
    return False


_BLOCKS: dict[type[Block], Callable[[Renderer, Any], Render]] = {
    Plain: Renderer.plain,
    Hole: Renderer.hole,
    If: Renderer.if_,
    For: Renderer.for_,
    Set: Renderer.set_,
    SetMember: Renderer.set_member,
    SetText: Renderer.set_text,
    With: Renderer.with_,
    FilterText: Renderer.filter_text,
    MacroBlock: Renderer.macro,
    CallMacro: Renderer.call_macro,
    Do: Renderer.do,
    Jump: Renderer.jump,
}
