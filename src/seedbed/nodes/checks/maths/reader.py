"""Reads a mathematical answer into a tree, by recursive descent: a closed grammar, no `eval`, no names looked up.

A tree is a list: its kind, then its parts. Expressions: ["num", "3.5"], ["sym", "x"], ["const", "pi"], ["add", …],
["mul", …], ["pow", a, b], ["neg", a], ["call", "sin", …], ["fact", a], ["pm", a, b], ["matrix", [row], …]. Around
them: ["=", a, b] and the other relations, ["bracket", "(", ")", …] (a point, a list or an interval), ["set", …],
["union", …], and ["several", …] for what commas divide.
"""

from __future__ import annotations

from typing import Any

from seedbed.nodes.checks.maths.tokens import CONSTANTS, FUNCTIONS, Token, Unreadable, tokenise

Tree = list[Any]

_DEEPEST = 60
_RELATIONS = ("=", "<", ">", "<=", ">=", "!=")
_LAST = Token("last", "", False)
_MATRICES = ("matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix", "array")


def read(text: str) -> Tree:
    """The tree of an answer. Raises Unreadable."""
    reader = _Reader(tokenise(text))
    tree = reader.several()
    if reader.here.kind != "last":
        raise Unreadable(f"`{reader.here.text}` is out of place")
    if _depth(tree) > 4 * _DEEPEST:
        raise Unreadable("it is nested too deeply")
    return tree


class _Reader:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = [*tokens, _LAST]
        self.at = 0
        self.depth = 0

    @property
    def here(self) -> Token:
        return self.tokens[self.at]

    def next(self) -> Token:
        token = self.here
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def took(self, *texts: str) -> str | None:
        """Goes past a sign, if it is one of these."""
        if self.here.kind == "sign" and self.here.text in texts:
            return self.next().text
        return None

    def need(self, text: str) -> None:
        if not self.took(text):
            raise Unreadable(f"`{text}` is missing" + (f" before `{self.here.text}`" if self.here.text else ""))

    # around expressions

    def several(self) -> Tree:
        parts = [self.relation()]
        while self.took(",", ";"):
            while self.took(",", ";"):
                pass
            parts.append(self.relation())
        return parts[0] if len(parts) == 1 else ["several", *parts]

    def relation(self) -> Tree:
        left = self.union()
        if self.took("∈"):
            return self.union()
        found: list[Tree] = []
        while sign := self.took(*_RELATIONS):
            right = self.union()
            found.append([sign, left, right])
            left = right
        if not found:
            return left
        return found[0] if len(found) == 1 else ["several", *found]

    def union(self) -> Tree:
        parts = [self.sum()]
        while self.took("∪"):
            parts.append(self.sum())
        return parts[0] if len(parts) == 1 else ["union", *parts]

    # expressions

    def sum(self) -> Tree:
        tree = self.signed()
        while sign := self.took("+", "-", "±"):
            right = self.product()
            if sign == "±":
                tree = ["pm", tree, right]
            else:
                tree = _joined("add", tree, right if sign == "+" else ["neg", right])
        return tree

    def signed(self) -> Tree:
        sign = self.took("+", "-", "±")
        tree = self.product()
        return ["pm", ["num", "0"], tree] if sign == "±" else ["neg", tree] if sign == "-" else tree

    def product(self) -> Tree:
        tree = self.factor()
        while True:
            if self.took("*"):
                tree = _joined("mul", tree, self.factor())
            elif self.took("/", ":"):
                tree = _joined("mul", tree, ["pow", self.factor(), ["num", "-1"]])
            elif self.starts_atom():
                tree = self.juxtaposed(tree)
            else:
                return tree

    def juxtaposed(self, tree: Tree) -> Tree:
        """`2x`, `2 (x + 1)`, and mixed numbers: `1 1/2`, `1\\frac{1}{2}`."""
        token = self.here
        whole = tree[0] == "num" and tree[1].isdigit()
        if token.kind == "number":
            if not (whole and [one.text for one in self.tokens[self.at + 1 : self.at + 2]] == ["/"]):
                raise Unreadable(f"`{token.text}` follows another number")
            return ["add", tree, self.quotient()]
        right = self.factor()
        mixed = whole and token.text in ("frac", "dfrac", "tfrac") and right[0] == "mul" and right[1][0] == "num"
        return ["add", tree, right] if mixed else _joined("mul", tree, right)

    def quotient(self) -> Tree:
        top = self.factor()
        self.need("/")
        return ["mul", top, ["pow", self.factor(), ["num", "-1"]]]

    def starts_atom(self) -> bool:
        token = self.here
        if token.kind == "sign":
            return token.text in ("(", "{", r"\{") or (token.text == "[" and not token.glued)
        return token.kind not in ("last", "end") and token.text not in ("rfloor", "rceil")

    def factor(self) -> Tree:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Unreadable("it is nested too deeply")
        if sign := self.took("-", "+"):
            inner = self.factor()
            tree = ["neg", inner] if sign == "-" else inner
        else:
            tree = self.raised(self.atom())
        self.depth -= 1
        return tree

    def raised(self, tree: Tree) -> Tree:
        while True:
            if self.took("!"):
                tree = ["fact", tree]
            elif self.took("^"):
                tree = ["pow", tree, self.factor()]
            else:
                return tree

    def atom(self) -> Tree:
        token = self.next()
        if token.kind == "number":
            return ["num", token.text]
        if token.kind in ("word", "letter"):
            return self.named(token)
        if token.kind == "command":
            return self.command(token.text)
        if token.kind == "begin":
            return self.matrix(token.text)
        if token.text == "|":
            tree = self.sum()
            self.need("|")
            return ["call", "abs", tree]
        if token.text == "∅":
            return ["set"]
        if token.text in ("(", "["):
            return self.bracketed(token.text)
        if token.text == "{":
            tree = self.several()
            self.need("}")
            return ["set", *tree[1:]] if tree[0] == "several" else tree
        if token.text == r"\{":
            return self.set_of()
        raise Unreadable(f"`{token.text}` is out of place" if token.text else "something is missing at the end")

    def bracketed(self, opening: str) -> Tree:
        items = [self.relation()]
        while self.took(",", ";"):
            items.append(self.relation())
        closing = self.took(")", "]")
        if closing is None:
            raise Unreadable(f"`{')' if opening == '(' else ']'}` is missing")
        if len(items) == 1 and (opening, closing) in (("(", ")"), ("[", "]")):
            return items[0] if opening == "(" else ["bracket", "[", "]", items[0]]
        return ["bracket", opening, closing, *items]

    def set_of(self) -> Tree:
        if self.took(r"\}"):
            return ["set"]
        tree = self.several()
        self.need(r"\}")
        return ["set", *(tree[1:] if tree[0] == "several" else [tree])]

    def named(self, token: Token) -> Tree:
        name = token.text
        if token.kind == "word" and name in CONSTANTS:
            return ["const", name]
        if token.kind == "word" and name in FUNCTIONS:
            return self.function(name)
        if self.took("_"):
            name += "_" + self.subscript()
        elif name in ("e", "i") and token.kind == "word":
            return ["const", name]
        return ["sym", name]

    def subscript(self) -> str:
        if not self.took("{"):
            return self.next().text
        parts = []
        while self.here.kind != "last" and not self.took("}"):
            parts.append(self.next().text)
        return "".join(parts)

    def function(self, name: str) -> Tree:
        if name == "sqrt" and self.took("["):
            index = self.sum()
            self.need("]")
            return ["pow", self.argument()[0], ["pow", index, ["num", "-1"]]]
        base = None
        if name in ("log", "lg") and self.took("_"):
            base = self.factor() if self.here.text == "{" else self.atom()
        power = self.factor() if self.took("^") else None
        if power == ["neg", ["num", "1"]] and name in ("sin", "cos", "tan", "cot"):
            name, power = f"arc{name}", None
        tree: Tree = ["call", name, *self.argument()]
        if base is not None:
            tree = ["mul", ["call", "ln", *tree[2:]], ["pow", ["call", "ln", base], ["num", "-1"]]]
        return tree if power is None else ["pow", tree, power]

    def argument(self) -> list[Tree]:
        """What a function is applied to: `(x, y)`, `{x}`, or the factors that follow it: `2x` in `\\sin 2x`."""
        if self.here.text in ("(", "{"):
            tree = self.atom()
            return tree[3:] if tree[0] == "bracket" else tree[1:] if tree[0] == "set" else [tree]
        tree = self.factor()
        while self.here.kind in ("number", "word", "letter") and self.here.text not in FUNCTIONS:
            tree = ["mul", tree, self.factor()]
        return [tree]

    def command(self, name: str) -> Tree:
        if name in ("frac", "dfrac", "tfrac", "cfrac"):
            return ["mul", self.group(), ["pow", self.group(), ["num", "-1"]]]
        if name in ("binom", "dbinom", "tbinom"):
            return ["call", "binomial", self.group(), self.group()]
        if name in ("lfloor", "lceil"):
            tree = self.sum()
            if self.next().text != name.replace("l", "r", 1):
                raise Unreadable(f"\\{name.replace('l', 'r', 1)} is missing")
            return ["call", name[1:], tree]
        if name in ("mathbf", "mathbb", "mathcal", "vec", "hat", "bar", "boxed", "boldsymbol"):
            inner = self.group()
            return ["sym", f"{name}_{inner[1]}"] if inner[0] == "sym" and name != "boxed" else inner
        raise Unreadable(f"\\{name} is not understood")

    def group(self) -> Tree:
        """The argument of a command: `{…}`, or one digit or letter."""
        if self.here.kind == "number" and len(self.here.text) > 1:
            token = self.here
            self.tokens[self.at] = Token("number", token.text[1:], True)
            return ["num", token.text[0]]
        return self.atom()

    def matrix(self, name: str) -> Tree:
        if name not in _MATRICES:
            raise Unreadable(f"\\begin{{{name}}} is not understood")
        if name == "array" and self.took("{"):
            while self.here.kind != "last" and not self.took("}"):
                self.next()
        rows: list[list[Tree]] = [[self.sum()]]
        while self.here.kind != "end":
            if self.took("&"):
                rows[-1].append(self.sum())
            elif self.took("\\\\"):
                if self.here.kind != "end":
                    rows.append([self.sum()])
            else:
                raise Unreadable("a matrix does not end")
        self.next()
        if len({len(row) for row in rows}) > 1:
            raise Unreadable("the rows of a matrix are not of one length")
        return ["matrix", *rows]


def _joined(kind: str, tree: Tree, part: Tree) -> Tree:
    """A sum or product with one part more, kept flat so that a long one is not a deep one."""
    return [*tree, part] if tree[0] == kind else [kind, tree, part]


def _depth(tree: Tree) -> int:
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [part for node in level for part in node if isinstance(part, list)]
    return depth
