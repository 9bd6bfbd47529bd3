"""Texts with holes: `Answer the question.\\n\\n{{ question }}`, compiled once and rendered for each record.

The language is MiniJinja's, strict: an attribute of null, or one that a map does not have, is an error in a text,
unless `default` or `is defined` asks for it. Null prints as nothing, lists and maps print as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from seedbed.errors import TemplateError
from seedbed.template.blocks import Block, Hole, Plain, read_blocks
from seedbed.template.core import FreeRead
from seedbed.template.expression import compile_expression
from seedbed.template.renderer import BUDGET, Renderer, remembers
from seedbed.template.syntax import position
from seedbed.template.tools import Budget

Fill = Callable[[Mapping[str, Any]], str]


class Text:
    """A compiled text. A name that the scope does not have is null."""

    def __init__(self, source: str, blocks: list[Block]) -> None:
        self.source = source
        self.reads: list[FreeRead] = []
        """Each place where it reads a field."""
        self._fill: Fill = self._compile(blocks) if has_holes(source) else lambda scope: source
        self.names = frozenset(read.path[0] for read in self.reads)
        """The names it reads from the scope."""
        self.paths = frozenset(read.path for read in self.reads)
        """The same reads as far as their dots go."""

    def render(self, scope: Mapping[str, Any]) -> str:
        """The text for a record. Never changes the scope. Raises TemplateError."""
        try:
            return self._fill(scope)
        except RecursionError:
            raise TemplateError("the template calls itself too deeply") from None

    def _compile(self, blocks: list[Block]) -> Fill:
        renderer = Renderer(self.source)
        if all(isinstance(block, Plain | Hole) for block in blocks):
            fill = _only_holes(renderer, blocks)
        elif remembers(blocks):
            fill = _with_memory(renderer, blocks)
        else:
            fill = _with_choices(renderer, blocks)
        self.reads = renderer.compiler.reads
        return fill

    def __repr__(self) -> str:
        return f"Text({self.source!r})"


def _only_holes(renderer: Renderer, blocks: list[Block]) -> Fill:
    parts = [
        block.text if isinstance(block, Plain) else renderer.printed(block.value)
        for block in blocks
        if isinstance(block, Plain | Hole)
    ]
    return lambda scope: "".join([part if isinstance(part, str) else part(scope) for part in parts])


def _with_choices(renderer: Renderer, blocks: list[Block]) -> Fill:
    render = renderer.blocks(blocks)

    def fill(scope: Mapping[str, Any]) -> str:
        parts: list[str] = []
        render(scope, parts.append)
        return "".join(parts)

    return fill


def _with_memory(renderer: Renderer, blocks: list[Block]) -> Fill:
    render = renderer.blocks(blocks)

    def fill(scope: Mapping[str, Any]) -> str:
        budget = Budget()
        parts: list[str] = []
        render({**scope, BUDGET: budget}, budget.into(parts))
        return "".join(parts)

    return fill


def has_holes(source: str) -> bool:
    """Whether a text is more than itself: whether it has holes, tags or comments."""
    return "{{" in source or "{%" in source or "{#" in source


def compile_text(source: str) -> Text:
    """Reads a text with holes. Raises TemplateSyntaxError with the place within the text."""
    return Text(source, read_blocks(source) if has_holes(source) else [])


@lru_cache(maxsize=64)
def _reads(source: str) -> list[FreeRead]:
    return compile_text(source).reads if has_holes(source) else compile_expression(source).reads


def name_position(source: str, name: str) -> tuple[int, int]:
    """Line and column, from 1, of the first place where a text or expression reads a field; (1, 1) if none does."""
    offsets = [read.offset for read in _reads(source) if read.path[0] == name]
    return position(source, min(offsets, default=0))
