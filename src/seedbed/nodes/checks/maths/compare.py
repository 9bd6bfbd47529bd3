"""Whether two mathematical answers mean the same, by sympy. Runs in a process of its own.

Expressions are equal if they are the same, if their difference expands to zero, or if they agree to 40 digits at
rational points where both are real and finite: expressions of this grammar that agree at eight such points and differ
elsewhere are not met in answers. Only where too few such points are found is the difference simplified.
"""

from __future__ import annotations

from typing import Any

import sympy

from seedbed.nodes.checks.maths.reader import Tree

_DIGITS = 50
_CLOSE = sympy.Float("1e-40", _DIGITS)
_MOST_BITS = 50_000
"""Bits of the largest power that is written out."""
_MOST_PAIRS = 40
"""Items of the longest list in which order does not count."""
_FLIPPED = {">": "<", ">=": "<="}
_PAIRS = (1373, 577), (-811, 1949), (2311, -433), (389, 269), (3089, 2719), (-211, -1609), (617, 3301), (5003, 91)
_POINTS = [(sympy.Rational(p, 997), sympy.Rational(q, 991)) for p, q in _PAIRS]
_CALLS: dict[str, Any] = {
    "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan, "cot": sympy.cot, "sec": sympy.sec, "csc": sympy.csc,
    "arcsin": sympy.asin, "arccos": sympy.acos, "arctan": sympy.atan, "arccot": sympy.acot, "sinh": sympy.sinh,
    "cosh": sympy.cosh, "tanh": sympy.tanh, "ln": sympy.log, "log": sympy.log, "exp": sympy.exp, "sqrt": sympy.sqrt,
    "cbrt": sympy.cbrt, "abs": sympy.Abs, "floor": sympy.floor, "ceil": sympy.ceiling, "min": sympy.Min,
    "max": sympy.Max, "gcd": sympy.gcd, "lcm": sympy.lcm, "binomial": sympy.binomial,
    "lg": lambda x: sympy.log(x) / sympy.log(10),
}  # fmt: skip
_CONSTANTS = {"pi": sympy.pi, "infinity": sympy.oo, "e": sympy.E, "i": sympy.I}


def same(first: Tree, second: Tree, tolerance: float = 0.0) -> bool:
    """Whether two trees mean the same. `tolerance` is relative, for numbers without variables."""
    return _Comparison(tolerance).same(first, second)


class _Comparison:
    def __init__(self, tolerance: float) -> None:
        self.tolerance = tolerance

    def same(self, first: Tree, second: Tree) -> bool:
        if first == second:
            return True
        firsts, seconds = _items(first), _items(second)
        if len(firsts) != 1 or len(seconds) != 1:
            return self.same_items(firsts, seconds)
        (first,), (second,) = firsts, seconds
        first, second = _without_name(first, second), _without_name(second, first)
        kinds = first[0], second[0]
        if kinds == ("bracket", "bracket"):
            ends = first[1:3] == second[1:3]
            return ends and len(first) == len(second) and all(map(self.same, first[3:], second[3:]))
        if kinds == ("matrix", "matrix"):
            rows = list(zip(first[1:], second[1:], strict=False))
            shaped = len(first) == len(second) and all(len(one) == len(other) for one, other in rows)
            return shaped and all(self.same(*pair) for row in rows for pair in zip(*row, strict=True))
        if _is_relation(first) and _is_relation(second):
            return self.same_relation(first, second)
        plain = not ({*kinds} & {"bracket", "matrix", "union"}) and not _is_relation(first) and not _is_relation(second)
        return plain and self.same_value(built(first), built(second))

    def same_items(self, firsts: list[Tree], seconds: list[Tree]) -> bool:
        """Whether each item of one list has a partner in the other, whatever their order."""
        if len(firsts) != len(seconds) or len(firsts) > _MOST_PAIRS:
            return False
        left = list(seconds)
        for item in firsts:
            partner = next((other for other in left if self.same(item, other)), None)
            if partner is None:
                return False
            left.remove(partner)
        return True

    def same_relation(self, first: Tree, second: Tree) -> bool:
        (sign, left), (other, right) = _oriented(first), _oriented(second)
        if sign != other:
            return False
        if left == right:
            return True
        ratios = [ratio for pair in _values(left, right) if (ratio := _ratio(*pair)) is not None]
        if len(ratios) < 2 and left.free_symbols | right.free_symbols:
            return bool(sympy.simplify(left / right).is_constant())
        if not ratios:
            return False
        constant = all(_close(ratio, ratios[0]) for ratio in ratios)
        return constant and (sign in ("=", "!=") or bool(ratios[0] > 0))

    def same_value(self, first: Any, second: Any) -> bool:
        if first == second:
            return True
        if first.has(sympy.zoo, sympy.nan) or second.has(sympy.zoo, sympy.nan):
            return False
        if not (first.free_symbols or second.free_symbols):
            return self.same_number(first, second)
        pairs = [pair for pair in _values(first, second) if pair is not None]
        if len(pairs) >= 2:
            return all(_close(*pair) for pair in pairs)
        return bool(sympy.simplify(first - second) == 0)

    def same_number(self, first: Any, second: Any) -> bool:
        if first.is_infinite or second.is_infinite:
            return False
        if first.is_Rational and second.is_Rational and not self.tolerance:
            return False
        a, b = sympy.N(first, _DIGITS), sympy.N(second, _DIGITS)
        if not (a.is_number and b.is_number):
            return False
        return _close(a, b, max(self.tolerance, _CLOSE))


def built(tree: Tree) -> Any:
    """A tree as a sympy expression. Raises ValueError for what is no expression."""
    kind, parts = tree[0], tree[1:]
    if kind == "num":
        return sympy.Rational(parts[0])
    if kind == "sym":
        return sympy.Symbol(parts[0])
    if kind == "const":
        return _CONSTANTS[parts[0]]
    if kind == "call":
        return _CALLS[parts[0]](*map(built, parts[1:]))
    if kind not in ("add", "mul", "neg", "pow", "fact"):
        raise ValueError(f"a {kind} stands where a number should be")
    values = [built(part) for part in parts]
    if kind == "add":
        return sympy.Add(*values)
    if kind == "mul":
        return sympy.Mul(*values)
    if kind == "neg":
        return -values[0]
    if kind == "fact":
        return sympy.factorial(values[0], evaluate=not (values[0].is_Integer and values[0] > 5000))
    return _power(*values)


def _power(base: Any, exponent: Any) -> Any:
    if base.is_Rational and exponent.is_Rational:
        bits = max(abs(base.p).bit_length(), base.q.bit_length()) * abs(exponent)
        if bits > _MOST_BITS:
            raise ValueError("a power is too large")
    return base**exponent


def _items(tree: Tree) -> list[Tree]:
    """What is one of several: the items of a list or set, the parts of a union, both signs of ±."""
    if tree[0] in ("several", "set", "union"):
        return [item for part in tree[1:] for item in _items(part)]
    return _signs(tree)


def _signs(tree: Tree) -> list[Tree]:
    """The trees that a tree with ± stands for; each ± takes the same sign, as it is written."""
    if not _has_signs(tree):
        return [tree]
    return [_with_sign(tree, sign) for sign in ("add", "sub")]


def _has_signs(tree: Any) -> bool:
    return isinstance(tree, list) and (tree[:1] == ["pm"] or any(map(_has_signs, tree)))


def _with_sign(tree: Any, sign: str) -> Any:
    if not isinstance(tree, list):
        return tree
    parts = [_with_sign(part, sign) for part in tree]
    if parts[:1] != ["pm"]:
        return parts
    return ["add", parts[1], parts[2] if sign == "add" else ["neg", parts[2]]]


def _is_relation(tree: Tree) -> bool:
    return tree[0] in ("=", "!=", "<", "<=", ">", ">=")


def _without_name(tree: Tree, other: Tree) -> Tree:
    """`5` of `x = 5`, where the other side gives no name."""
    named = tree[0] == "=" and tree[1][0] == "sym" and not _is_relation(other)
    return tree[2] if named else tree


def _oriented(tree: Tree) -> tuple[str, Any]:
    """A relation as `difference SIGN 0`, with `<` and `<=` only."""
    sign, left, right = tree[0], built(tree[1]), built(tree[2])
    return (_FLIPPED[sign], right - left) if sign in _FLIPPED else (sign, left - right)


def _values(first: Any, second: Any) -> list[Any]:
    """The values of two expressions at points where both are real and finite."""
    symbols = sorted(first.free_symbols | second.free_symbols, key=str)
    found = []
    for i, (point, step) in enumerate(_POINTS):
        at = {symbol: point + k * step + sympy.Rational(i * k, 7) for k, symbol in enumerate(symbols)}
        pair = tuple(sympy.N(value.subs(at), _DIGITS) for value in (first, second))
        if all(value.is_Float or value.is_Rational for value in pair):
            found.append(pair)
    return found


def _ratio(first: Any, second: Any) -> Any:
    return first / second if first and second else None


def _close(first: Any, second: Any, tolerance: Any = _CLOSE) -> bool:
    distance = abs(first - second)
    return bool(distance <= tolerance * max(abs(first), abs(second), *((1,) if tolerance == _CLOSE else ())))
