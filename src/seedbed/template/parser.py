"""Reads expressions in MiniJinja's dialect: one method per level of binding, from the loosest to the tightest.

As in Jinja, `~` binds tighter than `+`, filters and tests bind tighter than any operator but take a leading minus with
them (`-x|abs` is `(-x)|abs`), and `**` groups from the left.
"""

from __future__ import annotations

from seedbed.template.syntax import Token, number_of, refuse, text_of, words
from seedbed.template.tree import (
    Arguments,
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

CONSTANTS = {"true": True, "True": True, "false": False, "False": False, "none": None, "None": None}
RESERVED = {"and", "or", "not", "if", "else", "in", "is"}
_COMPARISONS = {"==", "!=", "<", "<=", ">", ">="}
_NO_ARGUMENT = {"and", "or", "not", "if", "else", "in", "is", "recursive"}
_LEVELS = (("+", "-"), ("~",), ("*", "/", "//", "%"), ("**",))
DEEPEST = 60
"""How deeply an expression may be nested."""


class Parser:
    """Reads expressions from a list of tokens, one after the other."""

    def __init__(self, source: str, tokens: list[Token]) -> None:
        self.source = source
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def next(self) -> Token:
        token = self.tokens[self.at]
        if token.kind != "end":
            self.at += 1
        return token

    def sees(self, *values: str) -> bool:
        return self.token.kind in ("mark", "name") and self.token.value in values

    def takes(self, *values: str) -> Token | None:
        return self.next() if self.sees(*values) else None

    def wants(self, value: str) -> Token:
        token = self.token
        if not self.sees(value):
            refuse(self.source, token.start, f"unexpected {token}, `{value}` is missing")
        return self.next()

    def name(self, what: str) -> Token:
        token = self.token
        if token.kind != "name" or token.value in RESERVED or token.value in CONSTANTS:
            refuse(self.source, token.start, f"unexpected {token}, {what} is missing")
        return self.next()

    def finish(self) -> None:
        """Makes sure that nothing is left."""
        if self.token.kind != "end":
            refuse(self.source, self.token.start, f"unexpected {self.token} after the expression")

    def _before(self) -> int:
        return self.tokens[self.at - 1].end

    def expression(self) -> Part:
        """The loosest level: `a if b else c`."""
        self._deeper()
        part = self.either()
        while self.takes("if"):
            condition = self.either()
            otherwise = self.expression() if self.takes("else") else None
            part = Choice(part.start, self._before(), part, condition, otherwise)
        self.depth -= 1
        return part

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            refuse(self.source, self.token.start, f"nested more than {DEEPEST} deep")

    def either(self) -> Part:
        part = self._both()
        while self.takes("or"):
            right = self._both()
            part = Either(part.start, right.end, part, right)
        return part

    def _both(self) -> Part:
        part = self._not()
        while self.takes("and"):
            right = self._not()
            part = Both(part.start, right.end, part, right)
        return part

    def _not(self) -> Part:
        if token := self.takes("not"):
            self._deeper()
            of = self._not()
            self.depth -= 1
            return Not(token.start, of.end, of)
        return self._compare()

    def _compare(self) -> Part:
        first = self._arithmetic(0)
        rest: list[tuple[str, Part]] = []
        while True:
            if self.token.kind == "mark" and self.token.value in _COMPARISONS:
                mark = self.next().value
            elif self.takes("in"):
                mark = "in"
            elif self.sees("not") and self.tokens[self.at + 1].value == "in":
                self.at += 2
                mark = "not in"
            else:
                break
            rest.append((mark, self._arithmetic(0)))
        return Compare(first.start, rest[-1][1].end, first, rest) if rest else first

    def _arithmetic(self, level: int) -> Part:
        if level == len(_LEVELS):
            return self._unary(filters=True)
        part = self._arithmetic(level + 1)
        while self.token.kind == "mark" and self.token.value in _LEVELS[level]:
            mark = self.next().value
            right = self._arithmetic(level + 1)
            part = Arithmetic(part.start, right.end, mark, part, right)
        return part

    def _unary(self, *, filters: bool) -> Part:
        if token := self.takes("-", "+"):
            self._deeper()
            of = self._unary(filters=False)
            self.depth -= 1
            zero = Const(token.start, token.start, 0)
            part: Part = Negative(token.start, of.end, of)
            if token.value == "+":
                part = Arithmetic(token.start, of.end, "+", zero, of)
        else:
            part = self._postfix(self._primary())
        return self.filters(part) if filters else part

    def filters(self, part: Part) -> Part:
        """The filters and tests after a part."""
        while True:
            if self.takes("|"):
                name = self.name("a filter's name")
                arguments = self._arguments() if self.sees("(") else Arguments([], {})
                part = Filter(part.start, self._before(), part, name.value, name.start, arguments)
            elif self.takes("is"):
                part = self._test(part)
            else:
                return part

    def _test(self, of: Part) -> Part:
        negated = self.takes("not")
        token = self.next()
        if token.kind != "name" and token.value not in _COMPARISONS:
            refuse(self.source, token.start, f"unexpected {token}, a test's name is missing")
        arguments = Arguments([], {})
        if self.sees("("):
            arguments = self._arguments()
        elif self._starts_argument():
            arguments = Arguments([self._postfix(self._primary())], {})
        test = Test(of.start, self._before(), of, token.value, token.start, arguments)
        return Not(test.start, test.end, test) if negated else test

    def _starts_argument(self) -> bool:
        if self.token.kind == "name":
            return self.token.value not in _NO_ARGUMENT
        return self.token.kind in ("number", "text") or self.sees("[", "{")

    def _postfix(self, part: Part) -> Part:
        while True:
            if self.takes("."):
                part = self._attribute(part)
            elif self.takes("["):
                part = self._index(part)
            elif self.sees("("):
                if not isinstance(part, Name):
                    refuse(self.source, self.token.start, "only functions and methods can be called")
                part = Call(part.start, part.end, part.name, self._arguments())
                part.end = self._before()
            else:
                return part

    def _attribute(self, of: Part) -> Part:
        token = self.next()
        if token.kind == "number":
            return Index(of.start, token.end, of, Const(token.start, token.end, number_of(token.value)))
        if token.kind != "name":
            refuse(self.source, token.start, f"unexpected {token}, a name is missing after `.`")
        if self.sees("("):
            arguments = self._arguments()
            return Method(of.start, self._before(), of, token.value, token.start, arguments)
        return Attribute(of.start, token.end, of, token.value)

    def _index(self, of: Part) -> Part:
        bounds: list[Part | None] = [None]
        if not self.sees(":"):
            bounds[0] = self.expression()
        while len(bounds) < 3 and self.takes(":"):
            bounds.append(None if self.sees(":", "]") else self.expression())
        end = self.wants("]").end
        if len(bounds) == 1 and bounds[0] is not None:
            return Index(of.start, end, of, bounds[0])
        first, last, step = (*bounds, None)[:3]
        return Slice(of.start, end, of, (first, last, step))

    def _arguments(self) -> Arguments:
        self.wants("(")
        plain: list[Part] = []
        named: dict[str, Part] = {}
        while not self.takes(")"):
            token = self.token
            if token.kind == "name" and self.tokens[self.at + 1].value == "=":
                self.at += 2
                named[token.value] = self.expression()
            elif named:
                refuse(self.source, token.start, "an argument without a name stands after one with a name")
            else:
                plain.append(self.expression())
            if not self.sees(")"):
                self.wants(",")
        return Arguments(plain, named)

    def _primary(self) -> Part:
        token = self.next()
        if token.kind == "name" and token.value in CONSTANTS:
            return Const(token.start, token.end, CONSTANTS[token.value])
        if token.kind == "name" and token.value not in RESERVED:
            return Name(token.start, token.end, token.value)
        if token.kind == "number":
            return self._number(token)
        if token.kind == "text":
            text = text_of(token.value)
            while self.token.kind == "text":
                text += text_of(self.next().value)
            return Const(token.start, self._before(), text)
        if token.kind == "mark" and token.value == "(":
            return self._parenthesis(token)
        if token.kind == "mark" and token.value == "[":
            items = self._items("]", [])
            return Items(token.start, self._before(), items)
        if token.kind == "mark" and token.value == "{":
            return self._map(token)
        return refuse(self.source, token.start, f"unexpected {token}, a value is missing")

    def _number(self, token: Token) -> Part:
        try:
            return Const(token.start, token.end, number_of(token.value))
        except ValueError:
            return refuse(self.source, token.start, f"{token} is not a number")

    def _parenthesis(self, token: Token) -> Part:
        if self.takes(")"):
            return Items(token.start, self._before(), [])
        first = self.expression()
        if self.takes(")"):
            return first
        self.wants(",")
        items = self._items(")", [first])
        return Items(token.start, self._before(), items)

    def _items(self, close: str, items: list[Part]) -> list[Part]:
        while not self.takes(close):
            items.append(self.expression())
            if not self.sees(close):
                self.wants(",")
        return items

    def _map(self, token: Token) -> Part:
        pairs: list[tuple[Part, Part]] = []
        while not self.takes("}"):
            key = self.expression()
            self.wants(":")
            pairs.append((key, self.expression()))
            if not self.sees("}"):
                self.wants(",")
        return Map(token.start, self._before(), pairs)


def parse_expression(source: str) -> Part:
    """Reads a source that is one expression."""
    parser = Parser(source, words(source).tokens)
    if parser.token.kind == "end":
        refuse(source, 0, "an expression is missing")
    part = parser.expression()
    parser.finish()
    return part
