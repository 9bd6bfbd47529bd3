"""Reads texts with holes: `{{ … }}`, `{% … %}` and `{# … #}` in Jinja's grammar, into a tree of blocks.

`{%-` and `-%}` cut the white space beside them. There is no `include`, `import`, `extends` or `block`: a template is
one text and reaches no other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from seedbed.template.parser import Parser
from seedbed.template.syntax import Token, refuse, words
from seedbed.template.tree import Call, Name, Part


@dataclass(slots=True)
class Block:
    """Base of all blocks; `start` is the offset of what opens it."""

    start: int


@dataclass(slots=True)
class Plain(Block):
    text: str


@dataclass(slots=True)
class Hole(Block):
    """`{{ expression }}`"""

    value: Part


@dataclass(slots=True)
class If(Block):
    """Its branches in order; a branch without a condition is the else."""

    branches: list[tuple[Part | None, list[Block]]]


@dataclass(slots=True)
class For(Block):
    """`{% for targets in items if condition %}body{% else %}empty{% endfor %}`"""

    targets: list[str]
    items: Part
    condition: Part | None
    recursive: bool
    body: list[Block] = field(default_factory=list)
    empty: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class Set(Block):
    """`{% set a, b = value %}`"""

    targets: list[str]
    value: Part


@dataclass(slots=True)
class SetMember(Block):
    """`{% set space.name = value %}`"""

    space: str
    name: str
    value: Part


@dataclass(slots=True)
class SetText(Block):
    """`{% set name | filter %}body{% endset %}`; `value` is the body, named `TEXT`, through the filters."""

    name: str
    value: Part
    body: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class With(Block):
    """`{% with a = 1, b = 2 %}body{% endwith %}`"""

    values: list[tuple[str, Part]]
    body: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class FilterText(Block):
    """`{% filter name %}body{% endfilter %}`; `value` as in `SetText`."""

    value: Part
    body: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class MacroBlock(Block):
    """`{% macro name(a, b=1) %}body{% endmacro %}`"""

    name: str
    parameters: list[tuple[str, Part | None]]
    body: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class CallMacro(Block):
    """`{% call(x) name(…) %}body{% endcall %}`; the body is the macro's `caller`."""

    call: Call
    caller: MacroBlock


@dataclass(slots=True)
class Do(Block):
    value: Part


@dataclass(slots=True)
class Jump(Block):
    """`{% break %}` or `{% continue %}`"""

    word: str


TEXT = "the text"
"""The name of the body of a block that filters it; no template can write this name."""

_TAG = re.compile(r"\{([{%#])")
_RAW_END = re.compile(r"\{%[-+]?\s*endraw\s*([-+]?)%\}")
_DEEPEST = 30


class Reader:
    """Reads one text from start to end."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.trim = False
        self.loops = 0
        self.depth = 0

    def read(self) -> list[Block]:
        """All blocks of the text."""
        return self._until((), 0)[0]

    def _until(self, ends: tuple[str, ...], opened: int) -> tuple[list[Block], Parser]:
        """Blocks up to a tag that begins with one of those words; that tag's parser stands behind the word.

        `opened` is where the block begins that such a tag ends. Without words, the blocks up to the end.
        """
        blocks: list[Block] = []
        while found := _TAG.search(self.source, self.at):
            self._plain(blocks, self.at, found.start())
            if found[1] == "#":
                self._comment(found.start())
            elif found[1] == "{":
                parser = self._tag(found.start(), "}}")
                value = parser.expression()
                parser.finish()
                blocks.append(Hole(found.start(), value))
            else:
                parser = self._tag(found.start(), "%}")
                word = parser.token
                if word.value in ends:
                    parser.next()
                    return blocks, parser
                self._statement(blocks, parser)
        self._plain(blocks, self.at, len(self.source))
        self.at = len(self.source)
        if ends:
            refuse(self.source, opened, f"`{{% {ends[-1]} %}}` is missing for the block that opens here")
        return blocks, Parser(self.source, [])

    def _plain(self, blocks: list[Block], start: int, end: int) -> None:
        text = self.source[start:end]
        if self.trim:
            text = text.lstrip()
        if end < len(self.source) and self.source[end + 2 : end + 3] == "-":
            text = text.rstrip()
        self.trim = False
        if text:
            blocks.append(Plain(start, text))

    def _tag(self, start: int, close: str) -> Parser:
        marked = self.source[start + 2 : start + 3]
        cut = marked == "-" or (marked == "+" and close == "%}")
        tokens, self.at, self.trim = words(self.source, start + 2 + cut, close)
        return Parser(self.source, tokens)

    def _comment(self, start: int) -> None:
        end = self.source.find("#}", start + 2)
        if end < 0:
            refuse(self.source, start, "this comment is not closed with `#}`")
        self.trim = self.source[end - 1] == "-" and end - 1 > start + 1
        self.at = end + 2

    def _statement(self, blocks: list[Block], parser: Parser) -> None:
        word = parser.next()
        read = _STATEMENTS.get(word.value)
        if read is None:
            refuse(self.source, word.start, f"unexpected {word}: {_why_not(word)}")
        self.depth += 1
        if self.depth > _DEEPEST:
            refuse(self.source, word.start, f"blocks are nested more than {_DEEPEST} deep")
        block = read(self, parser, word)
        self.depth -= 1
        if isinstance(block, Block):
            blocks.append(block)

    def _body(self, end: str, word: Token) -> list[Block]:
        body, parser = self._until((end,), word.start)
        if end == "endmacro" and parser.token.kind == "name":
            parser.next()
        parser.finish()
        return body

    def if_(self, parser: Parser, word: Token) -> Block:
        branches: list[tuple[Part | None, list[Block]]] = []
        condition: Part | None = parser.expression()
        while True:
            parser.finish()
            ends = ("elif", "else", "endif") if condition else ("endif",)
            body, closing = self._until(ends, word.start)
            branches.append((condition, body))
            parser, ended = closing, closing.tokens[0].value
            if ended == "endif":
                parser.finish()
                return If(word.start, branches)
            condition = parser.expression() if ended == "elif" else None

    def for_(self, parser: Parser, word: Token) -> Block:
        targets = self._targets(parser)
        parser.wants("in")
        items = parser.either()
        condition = parser.expression() if parser.takes("if") else None
        recursive = bool(parser.takes("recursive"))
        parser.finish()
        block = For(word.start, targets, items, condition, recursive)
        self.loops += 1
        block.body, closing = self._until(("else", "endfor"), word.start)
        self.loops -= 1
        closing.finish()
        if closing.tokens[0].value == "else":
            block.empty = self._body("endfor", word)
        return block

    def _targets(self, parser: Parser) -> list[str]:
        closed = parser.takes("(")
        targets = [parser.name("a name").value]
        while parser.takes(","):
            if parser.sees("in", "=", ")"):
                break
            targets.append(parser.name("a name").value)
        if closed:
            parser.wants(")")
        return targets

    def set_(self, parser: Parser, word: Token) -> Block:
        if parser.tokens[parser.at + 1].value == ".":
            space = parser.name("a name").value
            parser.next()
            name = parser.name("a name").value
            parser.wants("=")
            block: Block = SetMember(word.start, space, name, parser.expression())
        else:
            targets = self._targets(parser)
            if not parser.sees("="):
                return self._set_text(parser, word, targets)
            parser.next()
            block = Set(word.start, targets, parser.expression())
        parser.finish()
        return block

    def _set_text(self, parser: Parser, word: Token, targets: list[str]) -> Block:
        value = parser.filters(_text_part(parser))
        parser.finish()
        if len(targets) != 1:
            refuse(self.source, word.start, "a text can be set to one name only")
        return SetText(word.start, targets[0], value, self._body("endset", word))

    def with_(self, parser: Parser, word: Token) -> Block:
        values: list[tuple[str, Part]] = []
        while parser.token.kind != "end":
            name = parser.name("a name").value
            parser.wants("=")
            values.append((name, parser.expression()))
            if parser.token.kind != "end":
                parser.wants(",")
        return With(word.start, values, self._body("endwith", word))

    def filter_(self, parser: Parser, word: Token) -> Block:
        at = parser.tokens[parser.at]
        parser.tokens.insert(parser.at, Token("mark", "|", at.start, at.start))
        value = parser.filters(_text_part(parser))
        parser.finish()
        return FilterText(word.start, value, self._body("endfilter", word))

    def macro(self, parser: Parser, word: Token) -> Block:
        name = parser.name("the macro's name").value
        parameters = self._parameters(parser)
        parser.finish()
        return MacroBlock(word.start, name, parameters, self._outside_loops("endmacro", word))

    def call(self, parser: Parser, word: Token) -> Block:
        parameters = self._parameters(parser) if parser.sees("(") else []
        called = parser.expression()
        parser.finish()
        if not isinstance(called, Call):
            refuse(self.source, word.start, "`call` needs the call of a macro")
        body = self._outside_loops("endcall", word)
        return CallMacro(word.start, called, MacroBlock(word.start, "caller", parameters, body))

    def _outside_loops(self, end: str, word: Token) -> list[Block]:
        loops, self.loops = self.loops, 0
        body = self._body(end, word)
        self.loops = loops
        return body

    def _parameters(self, parser: Parser) -> list[tuple[str, Part | None]]:
        parser.wants("(")
        parameters: list[tuple[str, Part | None]] = []
        while not parser.takes(")"):
            name = parser.name("a parameter's name").value
            parameters.append((name, parser.expression() if parser.takes("=") else None))
            if not parser.sees(")"):
                parser.wants(",")
        return parameters

    def do(self, parser: Parser, word: Token) -> Block:
        block = Do(word.start, parser.expression())
        parser.finish()
        return block

    def jump(self, parser: Parser, word: Token) -> Block:
        parser.finish()
        if not self.loops:
            refuse(self.source, word.start, f"`{word.value}` stands outside of a loop")
        return Jump(word.start, word.value)

    def raw(self, parser: Parser, word: Token) -> Block:
        parser.finish()
        end = _RAW_END.search(self.source, self.at)
        if not end:
            refuse(self.source, word.start, "`{% endraw %}` is missing")
        blocks: list[Block] = []
        start = self.at
        self._plain(blocks, start, end.start())
        self.at, self.trim = end.end(), end[1] == "-"
        return blocks[0] if blocks else Plain(start, "")


def _text_part(parser: Parser) -> Part:
    """What stands for the body of a block before its filters."""
    at = parser.token.start
    return Name(at, at, TEXT)


def _why_not(word: Token) -> str:
    if word.value in ("include", "import", "from", "extends", "block"):
        return "a template is one text and reaches no other"
    if word.value in ("elif", "else") or word.value.startswith("end"):
        return "no block is open that it could belong to"
    return f"there are {', '.join(_STATEMENTS)}"


_STATEMENTS = {
    "if": Reader.if_,
    "for": Reader.for_,
    "set": Reader.set_,
    "with": Reader.with_,
    "filter": Reader.filter_,
    "macro": Reader.macro,
    "call": Reader.call,
    "do": Reader.do,
    "break": Reader.jump,
    "continue": Reader.jump,
    "raw": Reader.raw,
}


def read_blocks(source: str) -> list[Block]:
    """Reads a text with holes. Raises TemplateSyntaxError."""
    return Reader(source).read()


def alone(blocks: list[Block]) -> Part | None:
    """The expression of a text that is one hole and nothing else."""
    return blocks[0].value if len(blocks) == 1 and isinstance(blocks[0], Hole) else None
