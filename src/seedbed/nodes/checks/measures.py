"""What can be counted in a text: words, sentences, paragraphs, list items, placeholders, …

Counting is the same in every language with spaces between words; in Chinese, Japanese and Thai each letter is a word.
"""

from __future__ import annotations

import re

_NO_SPACES = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_NO_SPACES}]|(?:(?![{_NO_SPACES}])\w)+(?:['’.,-](?:(?![{_NO_SPACES}])\w)+)*")
_ENDS = re.compile(r"[.!?…]+[\"'”’)\]*_]*(?=\s|$)|[。！？]+[」』”]*")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|etc|No|Fig|e\.g|i\.e|cf|approx|Inc|Ltd|z\.B|d\.h)|\b[A-Z])$"
)
_LONGEST_ABBREVIATION = 10
_BULLET = re.compile(r"^[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+\S", re.MULTILINE)
_HEADING = re.compile(r"^[ ]{0,3}#{1,6}[ \t]+\S", re.MULTILINE)
_TITLE = re.compile(r"\A(?:#{1,6}[ \t]+\S|<<[^<>\n]+>>|\*\*[^*\n]+\*\*[ \t]*$|[^\n]+\n(?:=+|-+)[ \t]*$)", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\[[^\[\]\n]+\](?!\()")
_HIGHLIGHT = re.compile(r"\*\*[^*\n]+\*\*|(?<!\*)\*[^*\s][^*\n]*\*(?!\*)")
_FENCE = re.compile(r"^[ \t]*```", re.MULTILINE)


def words(text: str) -> list[str]:
    """The words of a text."""
    return _WORD.findall(text)


def sentences(text: str) -> int:
    """How many sentences there are; a line that ends without a full stop ends its sentence, too."""
    count = 0
    for line in text.splitlines():
        start = 0
        for end in _ENDS.finditer(line):
            before = line[max(start, end.start() - _LONGEST_ABBREVIATION) : end.start()]
            numbered = not start and end.start() <= _LONGEST_ABBREVIATION and before.strip().isdigit()
            if end[0] == "." and (numbered or _ABBREVIATION.search(before)):
                continue
            count += _WORD.search(line, start, end.start()) is not None
            start = end.end()
        count += _WORD.search(line, start) is not None
    return count


def paragraphs(text: str) -> list[str]:
    """What blank lines, or rules of asterisks or dashes, divide."""
    parts = re.split(r"\n[ \t]*\n|^[ \t]*(?:\*{3,}|-{3,})[ \t]*$", text, flags=re.MULTILINE)
    return [part.strip() for part in parts if part.strip()]


def lines(text: str) -> int:
    """Lines that are not blank."""
    return sum(1 for line in text.splitlines() if line.strip())


def bullets(text: str) -> int:
    """Items of lists, with bullets or numbers."""
    return len(_BULLET.findall(text))


def headings(text: str) -> int:
    """Markdown headings: lines that begin with `#`."""
    return len(_HEADING.findall(text))


def placeholders(text: str) -> int:
    """Places to be filled in, in square brackets: `[name]`."""
    return len(_PLACEHOLDER.findall(text))


def highlights(text: str) -> int:
    """Passages between asterisks: `*so*` or `**so**`."""
    return len(_HIGHLIGHT.findall(text))


def capitals(text: str) -> int:
    """Words in capitals alone."""
    return sum(1 for word in words(text) if word.isupper() and len(word) > 1)


def has_title(text: str) -> bool:
    """Whether the text begins with a title: a Markdown heading, a bold line, or `<<title>>`."""
    return _TITLE.match(text.lstrip()) is not None


def is_markdown(text: str) -> bool:
    """Whether the text uses Markdown: a heading, a list, emphasis or a block of code; every block is closed."""
    fences = len(_FENCE.findall(text))
    return fences % 2 == 0 and bool(fences or headings(text) or bullets(text) or highlights(text))


def occurrences(part: str, text: str) -> int:
    """How often a word or phrase occurs, as whole words, whatever its case."""
    return len(re.findall(rf"(?<!\w){re.escape(part)}(?!\w)", text, re.IGNORECASE))
