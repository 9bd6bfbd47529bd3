"""Where the sentences of a text begin and end: by punctuation, in any script that has it.

`.`, `!`, `?` and their like end a sentence before white space, and the full-width `。！？` anywhere, closing quotes and
brackets included. A full stop does not where it belongs to an abbreviation, an initial or an ordinal, and nothing does
before a small letter. Blank lines, list items and table rows begin anew. Nothing is learnt from the text, so an
abbreviation that is not known here ends a sentence when a capital follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_CLOSERS = "\"'”’»)\\]}」』）】》〉›*_"
_WIDE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af「『（“"

_END = re.compile(
    rf"(?P<wide>[。！？｡]+[{_CLOSERS}]*)"
    rf"|(?P<mark>[.!?…‽؟۔।॥]+[{_CLOSERS}]*)(?=\s|\Z|(?<![.])[{_WIDE}])"
    r"|(?P<line>\n(?=[ \t]*(?:\n|[-*+•][ \t]|\d{1,3}[.)][ \t]|\||#{1,6}[ \t])))"
)
_SAID = ("と", "って")
"""What goes on after a quote that ends in 。」 in Japanese."""

_BEFORE = re.compile(r"[^\s(\[{\"'“‘«„「（]+\Z")
_NEXT = re.compile(r"\s*[(\[{\"'“‘«„¿¡*_]*(\w[\w'’]*)?")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_REACH = 40
"""Characters that are looked back for an abbreviation, and ahead for the word after it."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NEVER = _words(
    """
    mr mrs ms mx dr prof st mt ft gen capt sgt rev gov pres cf vs viz e.g i.e eg ie approx ca resp hr fr frl ing bzw
    z.b d.h u.a s.o vgl evtl ggf inkl zzgl mme mlle mgr p.ex av n.b sra srta dña uds ee dott avv т.е им ул
    """
)
"""Abbreviations that stand before what they belong to, in small letters: they end no sentence."""

NUMBERED = _words(
    """
    no nos nr vol fig figs eq eqs sec ch p pp art ed tel str abb abs kap bd tab pag núm pág рис стр jan feb mar apr
    jun jul aug sep sept oct okt nov dec dez
    """
)
"""Abbreviations that stand before a number, and are otherwise words that may end a sentence."""

LATE = _words("al inc ltd co corp jr sr bros dept univ u.s u.k u.n e.u ph.d m.d")
"""Abbreviations that may end a sentence: they do if what follows looks like the beginning of one."""

_STARTERS = _words(
    """
    the a an he she it they we you i this that these those there here in on at by for with from but and so however
    then when while after before if as his her its their our my yet thus der die das ein eine er sie es wir ich ihr
    dies diese dieser im am le la les un une il elle ils elles nous el los las una ella ellos
    """
)
_MONTHS = _words(
    """
    januar februar märz april mai juni juli august september oktober november dezember jahrhundert
    """
)


def sentences(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """The sentences of a text, or of a part of it, as pairs of offsets without the white space around them."""
    end = len(text) if end is None else end
    at = start
    for match in _END.finditer(text, start, end):
        if match.lastgroup == "line" or _ends_here(text, match, end):
            yield from _trimmed(text, at, match.end())
            at = match.end()
    yield from _trimmed(text, at, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end


def _ends_here(text: str, match: re.Match[str], end: int) -> bool:
    if match.lastgroup == "wide":
        return not (match[0][-1] in "」』" and text.startswith(_SAID, match.end()))
    found = _NEXT.match(text, match.end(), min(end, match.end() + _REACH))
    follows = (found[1] or "") if found else ""
    if follows[:1].islower():
        return False
    if match[0].rstrip("\"'”’»)]}*_") != ".":
        return True
    return not _is_short_form(text, match.start(), follows)


def _is_short_form(text: str, dot: int, follows: str) -> bool:
    """Whether the full stop at `dot` belongs to the word before it and ends nothing."""
    found = _BEFORE.search(text[max(0, dot - _REACH) : dot])
    word = found[0] if found else ""
    if word.isdigit():
        line = text[text.rfind("\n", max(0, dot - _REACH), dot) + 1 : dot]
        return line.strip() == word or (len(word) <= 2 and follows.lower() in _MONTHS)
    small = word.lower()
    if small in NEVER or (small in NUMBERED and follows[:1].isdigit()):
        return True
    initial = len(word) == 1 and word.isalpha() and word != "I"
    if initial or small in LATE or (_DOTTED.fullmatch(word) and word.isupper()):
        return follows != "" and follows.lower() not in _STARTERS
    return False
