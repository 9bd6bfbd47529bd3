"""Reads numbers as people and models write them: 1,234.5 · 3/4 · 1 1/2 · 12 % · 6.02×10^23 · \\frac{3}{4} · ½."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

_LONGEST = 400
"""Digits of the longest number, and the largest power of ten: more is a sign of an attack, not of an answer."""

_VULGAR = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5",
    "⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
}  # fmt: skip
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_POWER = r"(?:[eE]|\s?(?:\*|×|·|x|\\times|\\cdot)\s?10\s?\^\s?)"


class Number(NamedTuple):
    """A number in a text: its value (12 % is 12), whether a per-cent sign follows, and the text after it."""

    value: Fraction
    percent: bool
    rest: str


def _pattern(mark: str) -> re.Pattern[str]:
    point, comma = (r"\.", ",") if mark == "." else (",", r"\.")
    digits = rf"(?:\d{{1,3}}(?:{comma}\d{{3}})+(?!\d)|\d{{1,3}}(?:[\u202f\u00a0]\d{{3}})+(?!\d)|\d+)"
    decimal = rf"(?:{digits}(?:{point}\d+)?|{point}\d+)"
    return re.compile(
        rf"(?:(?<![\w)\]}}])(?P<sign>[-+])\s?)?(?<![A-Za-z_\d])(?:[$€£¥]\s?)?"
        rf"(?:(?:(?P<whole>\d+)\s?)?\\[dt]?frac\s?\{{\s?(?P<top>-?\d+)\s?\}}\s?\{{\s?(?P<bottom>\d+)\s?\}}"
        rf"|10\s?\^\s?\(?\{{?(?P<exponent>[-+]?\d+)\}}?\)?"
        rf"|(?P<mixed>\d+)\s(?P<over>\d+)\s?/\s?(?P<under>\d+)(?![\d/])"
        rf"|(?P<main>{decimal})(?:\s?/\s?(?P<divisor>{decimal})(?![\d/])"
        rf"|{_POWER}\(?\{{?(?P<power>[-+]?\d+)\}}?\)?)?)"
        rf"(?P<percent>\s?(?:\\?%|per\s?cent\b))?",
    )


_PATTERNS = {mark: _pattern(mark) for mark in ".,"}


def numbers(text: str, mark: str = ".") -> Iterator[Number]:
    """All numbers in a text, in order. `mark` is the decimal mark, a point or a comma; the other one groups digits."""
    text = _plain(text)
    for match in _PATTERNS[mark].finditer(text):
        value = _value(match, mark)
        if value is not None:
            yield Number(value, match["percent"] is not None, text[match.end() : match.end() + 40])


def written(value: Fraction) -> str:
    """A number in a message: 42, 3/7 or 0.125."""
    if value.denominator == 1 and abs(value) < 10**15:
        return str(value.numerator)
    try:
        number = f"{float(value):.10g}"
    except OverflowError:
        return "a number above 10^308"
    return number if Fraction(number) == value or value.denominator > 1000 else f"{value} = {number}"


def _plain(text: str) -> str:
    for letter, fraction in _VULGAR.items():
        if letter in text:
            text = re.sub(rf"(?<=\d)\s?{letter}", f" {fraction}", text).replace(letter, fraction)
    text = re.sub(r"(?<=10)[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda match: "^" + match[0].translate(_RAISED), text)
    for old, plain in (("−", "-"), ("–", "-"), ("⁄", "/"), ("\\$", "$"), ("\\,", ""), ("{,}", ","), ("\\!", "")):
        text = text.replace(old, plain)
    return text


def _value(match: re.Match[str], mark: str) -> Fraction | None:
    if match.end() - match.start() > _LONGEST:
        return None
    sign = -1 if match["sign"] == "-" else 1
    if match["top"] is not None:
        return _mixed(sign, match["whole"], match["top"], match["bottom"])
    if match["mixed"] is not None:
        return _mixed(sign, match["mixed"], match["over"], match["under"])
    if match["exponent"] is not None:
        return _scaled(Fraction(sign), match["exponent"])
    value = sign * _decimal(match["main"], mark)
    if match["divisor"] is not None:
        below = _decimal(match["divisor"], mark)
        return value / below if below else None
    if match["power"] is not None:
        return _scaled(value, match["power"])
    return value


def _mixed(sign: int, whole: str | None, top: str, bottom: str) -> Fraction | None:
    return sign * (int(whole or 0) + Fraction(int(top), int(bottom))) if int(bottom) else None


def _scaled(value: Fraction, exponent: str) -> Fraction | None:
    power = int(exponent)
    return value * Fraction(10) ** power if abs(power) <= _LONGEST else None


def _decimal(text: str, mark: str) -> Fraction:
    kept = re.sub(r"[^\d,.]", "", text)
    kept = kept.replace(",", "") if mark == "." else kept.replace(".", "").replace(",", ".")
    return Fraction(kept)
