"""From LaTeX or plain notation to tokens: numbers, words, commands, signs. Nothing is evaluated here.

What only shapes the page (`\\left`, spaces, `$`, `\\text{ cm}`, degrees) is left out.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from seedbed.errors import InputError

LONGEST = 2000
"""Characters of the longest expression that is read."""

_LONGEST_PRODUCT = 3
"""Letters in a row that are a product; more are a word."""

FUNCTIONS = (
    "arcsin", "arccos", "arctan", "arccot", "sinh", "cosh", "tanh", "sin", "cos", "tan", "cot", "sec", "csc", "ln",
    "log", "lg", "exp", "sqrt", "cbrt", "abs", "floor", "ceil", "min", "max", "gcd", "lcm",
)  # fmt: skip
CONSTANTS = ("pi", "infinity", "inf", "oo")
_GREEK = frozenset(
    re.findall(
        r"\w+",
        "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau "
        "upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell",
    )
)
_SIGNS = {
    "cdot": "*", "times": "*", "div": "/", "pm": "±", "mp": "±", "le": "<=", "leq": "<=", "leqslant": "<=",
    "ge": ">=", "geq": ">=", "geqslant": ">=", "lt": "<", "gt": ">", "ne": "!=", "neq": "!=", "cup": "∪", "in": "∈",
    "lvert": "|", "rvert": "|", "vert": "|", "mid": "|", "to": "→", "rightarrow": "→", "lor": ",", "land": ",",
    "infty": "infinity", "emptyset": "∅", "varnothing": "∅", "lbrace": r"\{", "rbrace": r"\}", "colon": ":",
}  # fmt: skip
_PLAIN = {
    "−": "-", "–": "-", "·": "*", "×": "*", "÷": "/", "≤": "<=", "≥": ">=", "≠": "!=", "∞": r"\infty ", "π": r"\pi ",
    "√": r"\sqrt ", "²": "^2", "³": "^3", "∪": r"\cup ", "∈": r"\in ", "±": r"\pm ", "⁄": "/", "⋅": "*",
    "∅": r"\emptyset ",
}  # fmt: skip
_LEFT_OUT = re.compile(
    r"\$|\\(?:left|right|bigl?|bigr?|Bigl?|Bigr?|displaystyle|textstyle|limits|quad|qquad|dots|ldots|hfill)(?![A-Za-z])\.?"
    r"|(?<!\\)\\[,;:! ]|~|\\?%|\^\s*\{?\s*\\circ\s*\}?|°"
)
_TEXT = re.compile(r"\\(?:text|mathrm|textrm|textbf|mbox|operatorname)\*?\s*\{([^{}]*)\}")
_JOINING = re.compile(r"(?<![A-Za-z\\])(?:and|or)(?![A-Za-z])")
_GROUPED = re.compile(r"(?<=\d)\{,\}(?=\d{3})|(?<=\d)\\,(?=\d{3})")
_UNIT = re.compile(
    r"(?<=[\d})])\s+(?!(?:infinity|inf|sqrt|sin|cos|tan|log|exp)\b)"
    r"(?:[A-Za-z]{3,}|[cdkm]m|[kmc]g|[mcd]l|in|ft|yd|mi|lb|oz|hr)(?:\s+[A-Za-z]+)*\s*\.?\s*$"
)
_TOKEN = re.compile(
    r"\\(?P<edge>begin|end)\s*\{(?P<name>[A-Za-z]+)\}|(?P<number>\d+(?:\.\d+)?|\.\d+)|\\(?P<command>[A-Za-z]+)|(?P<escaped>\\[{}|\\])"
    rf"|(?P<word>{'|'.join((*FUNCTIONS, *CONSTANTS))}|[A-Za-z])"
    r"|(?P<sign>\*\*|<=|>=|!=|==|[-+*/^_=<>(),\[\]{}|!&;:])|(?P<space>\s+)"
)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?![\d,])")


class Unreadable(InputError):
    """A text is no mathematical expression that can be read here."""


class Token(NamedTuple):
    """`kind` is `number`, `word` (a function, a constant or a letter), `letter` (a Greek one), `command`, `sign`, or
    the `begin` or `end` of an environment."""

    kind: str
    text: str
    glued: bool
    """Whether it follows the one before without a space."""


def tokenise(text: str) -> list[Token]:
    """The tokens of an expression. Raises Unreadable."""
    if len(text) > LONGEST:
        raise Unreadable(f"it has {len(text):,} characters, and at most {LONGEST:,} are read")
    text = _tidy(text)
    tokens: list[Token] = []
    place = depth = letters = 0
    glued = False
    while place < len(text):
        grouped = _THOUSANDS.match(text, place) if depth == 0 else None
        match = _TOKEN.match(text, place)
        if match is None:
            raise Unreadable(f"`{text[place]}` is not understood")
        if grouped:
            tokens.append(Token("number", grouped[0].replace(",", ""), glued))
            place, glued = grouped.end(), True
            continue
        place = match.end()
        if match["space"]:
            glued = False
            continue
        token = _token(match, glued)
        letters = letters + 1 if token.kind == "word" and len(token.text) == 1 and (glued or not letters) else 0
        if letters > _LONGEST_PRODUCT:
            word = re.search(r"[A-Za-z]+$", text[:place])
            raise Unreadable(f"`{word[0] if word else token.text}…` is not understood")
        depth += (token.text in ("(", "[", r"\{")) - (token.text in (")", "]", r"\}"))
        tokens.append(token)
        glued = True
    return tokens


def _token(match: re.Match[str], glued: bool) -> Token:
    if match["edge"]:
        return Token(match["edge"], match["name"], glued)
    if match["number"]:
        return Token("number", match["number"], glued)
    if match["word"]:
        word = match["word"]
        return Token("word", "infinity" if word in ("inf", "oo") else word, glued)
    if match["escaped"]:
        return Token("sign", "|" if match["escaped"] == r"\|" else match["escaped"], glued)
    if match["sign"]:
        return Token("sign", {"**": "^", "==": "="}.get(match["sign"], match["sign"]), glued)
    command = match["command"]
    sign = _SIGNS.get(command)
    if sign is not None:
        return Token("word" if sign == "infinity" else "sign", sign, glued)
    if command in (*FUNCTIONS, *CONSTANTS):
        return Token("word", command, glued)
    if command in _GREEK:
        return Token("letter", command.removeprefix("var"), glued)
    return Token("command", command, glued)


def _tidy(text: str) -> str:
    for letter, plain in _PLAIN.items():
        text = text.replace(letter, plain)
    text = _GROUPED.sub("", text)
    text = _TEXT.sub(lambda found: " , " if found[1].strip() in ("and", "or") else " ", text)
    text = _LEFT_OUT.sub(" ", text).replace(r"\lbrack", "[").replace(r"\rbrack", "]")
    text = _JOINING.sub(" , ", _UNIT.sub("", text.strip()))
    return text.strip().rstrip(".;,").strip()
