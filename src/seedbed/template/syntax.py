"""Tokens of templates and expressions, and the error of a source that cannot be read.

Offsets count characters from 0 within the whole source; lines and columns, which only errors have, count from 1.
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from seedbed.errors import UserError


class TemplateSyntaxError(UserError):
    """A template or expression cannot be read. `path` leads to the text inside a value (see `compile_value`)."""

    path: tuple[str | int, ...] = ()

    def __init__(self, what: str, line: int, column: int) -> None:
        super().__init__(what)
        self.what = what
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"{self.what} (line {self.line}, column {self.column})"


class Token(NamedTuple):
    """One word of an expression; `kind` is name, number, text, mark or end."""

    kind: str
    value: str
    start: int
    end: int

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else f"`{self.value}`"


def position(source: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, from 1."""
    before = source[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def refuse(source: str, offset: int, what: str) -> NoReturn:
    """Raises the syntax error of a place in a source."""
    raise TemplateSyntaxError(what, *position(source, offset))


_WORD = re.compile(
    r"""
    (?P<number>0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?)
    |(?P<name>[^\W\d]\w*)
    |(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |(?P<mark>\*\*|//|==|!=|<=|>=|[-+*/%~<>()\[\]{},:.|=])
    """,
    re.VERBOSE | re.DOTALL,
)
_SPACE = re.compile(r"\s*")
_INDEX = re.compile(r"\d+")
_CLOSE = {"}}": re.compile(r"(-?)\}\}"), "%}": re.compile(r"([-+]?)%\}")}
_PAIR = {")": "(", "]": "[", "}": "{"}
_NAMES = {"}}": "`}}`", "%}": "`%}`"}


class Words(NamedTuple):
    """The tokens of one expression or tag, where what follows it begins, and whether white space there is cut."""

    tokens: list[Token]
    after: int
    trim: bool


def words(source: str, start: int = 0, close: str = "") -> Words:
    """Cuts a source into tokens, from an offset to the closing mark (`}}` or `%}`), or to its end without one."""
    tokens: list[Token] = []
    opened: list[Token] = []
    end = _CLOSE.get(close)
    at = start
    while True:
        at = _end_of_space(source, at)
        if end and not opened and (found := end.match(source, at)):
            return Words([*tokens, Token("end", "", at, at)], found.end(), found[1] == "-")
        if at >= len(source):
            if opened:
                refuse(source, opened[-1].start, f"`{opened[-1].value}` is not closed")
            if close:
                refuse(source, max(start - 2, 0), f"this tag is not closed with {_NAMES[close]}")
            return Words([*tokens, Token("end", "", at, at)], at, False)
        token = _word(source, at, after_dot=bool(tokens) and tokens[-1].value == ".")
        if token.kind == "mark":
            _balance(source, opened, token)
        tokens.append(token)
        at = token.end


def _end_of_space(source: str, at: int) -> int:
    found = _SPACE.match(source, at)
    return found.end() if found else at


def _word(source: str, at: int, after_dot: bool) -> Token:
    if after_dot and (index := _INDEX.match(source, at)):
        return Token("number", index[0], at, index.end())
    found = _WORD.match(source, at)
    if not found:
        what = "this text is not closed" if source[at] in "'\"" else f"unexpected `{source[at]}`"
        refuse(source, at, what)
    return Token(str(found.lastgroup), found[0], at, found.end())


def _balance(source: str, opened: list[Token], token: Token) -> None:
    if token.value in "([{":
        opened.append(token)
    elif token.value in _PAIR and (not opened or opened.pop().value != _PAIR[token.value]):
        refuse(source, token.start, f"`{token.value}` closes nothing")


_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0", "\\": "\\", "'": "'", '"': '"', "/": "/"}
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def text_of(literal: str) -> str:
    """The value of a quoted text. An escape that means nothing stays as written."""

    def escape(found: re.Match[str]) -> str:
        code = found[1]
        if code[0] in "ux" and len(code) > 1:
            return chr(int(code[1:], 16))
        return _ESCAPES.get(code, found[0])

    if "\\" not in literal:
        return literal[1:-1]
    text = _ESCAPE.sub(escape, literal[1:-1])
    return _SURROGATES.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)


def number_of(literal: str) -> int | float:
    """The value of a written number: a float if it has a point or an exponent."""
    if literal[:2].lower() in ("0x", "0b", "0o"):
        return int(literal, 0)
    plain = literal.replace("_", "")
    return int(plain) if plain.isdigit() else float(plain)
