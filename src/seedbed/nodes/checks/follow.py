"""Whether a text follows one constraint, and in what words it is told that it does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from seedbed.nodes.checks import measures
from seedbed.nodes.checks.contract import Finding, Findings, listed, shown
from seedbed.nodes.checks.json_value import decode
from seedbed.nodes.checks.language import language

_COUNTS: dict[str, tuple[Callable[[str], int], str]] = {
    "words": (lambda text: len(measures.words(text)), "word"),
    "sentences": (measures.sentences, "sentence"),
    "paragraphs": (lambda text: len(measures.paragraphs(text)), "paragraph"),
    "lines": (measures.lines, "line"),
    "characters": (lambda text: len(text.strip()), "character"),
    "bullets": (measures.bullets, "list item"),
    "headings": (measures.headings, "heading"),
    "placeholders": (measures.placeholders, "placeholder"),
    "highlights": (measures.highlights, "passage between asterisks"),
    "capital_words": (measures.capitals, "word in capitals"),
}


def check(kind: str, wanted: Any, text: str) -> Findings:
    """What one constraint finds in a text; `wanted` is its value as written."""
    if kind in _COUNTS:
        count, noun = _COUNTS[kind]
        return [_counted(kind, count(text), wanted, noun)]
    return _CHECKS[kind](wanted, text)


def _counted(name: str, count: int, wanted: Any, noun: str) -> Finding:
    passed = (wanted.min is None or count >= wanted.min) and (wanted.max is None or count <= wanted.max)
    return Finding(name, passed, f"there {_many(count, noun)}", f"there should be {_range(wanted)}")


def _many(count: int, noun: str) -> str:
    return f"is 1 {noun}" if count == 1 else f"are {count or 'no'} {_plural(noun)}"


def _plural(noun: str) -> str:
    first, _, rest = noun.partition(" ")
    return f"{noun}s" if noun in ("list item",) or not rest else f"{first}s {rest}"


def _range(wanted: Any) -> str:
    if wanted.min == wanted.max:
        return f"{wanted.min}"
    if wanted.max is None:
        return f"at least {wanted.min}"
    return f"{wanted.min} to {wanted.max}" if wanted.min else f"at most {wanted.max}"


def _keywords(wanted: Any, text: str) -> Findings:
    def there(word: str) -> bool:
        return measures.occurrences(word, text) > 0

    findings = []
    if wanted.all:
        lacking = [word for word in wanted.all if not there(word)]
        found = f"{listed(lacking, 'and')} {_is(lacking)} not there" if lacking else "all keywords are there"
        findings.append(Finding("keywords", not lacking, found, f"use {listed(lacking or wanted.all, 'and')}"))
    if wanted.any:
        passed = any(map(there, wanted.any))
        found = "one of the keywords is there" if passed else f"none of {listed(wanted.any, 'and')} is there"
        findings.append(Finding("keywords", passed, found, "use one of them"))
    if wanted.none:
        hits = [word for word in wanted.none if there(word)]
        found = f"{listed(hits, 'and')} {_is(hits)} there" if hits else "no forbidden word is there"
        findings.append(Finding("keywords", not hits, found, f"leave {'it' if len(hits) == 1 else 'them'} out"))
    for word, count in (wanted.count or {}).items():
        times = measures.occurrences(word, text)
        finding = _counted("keywords", times, count, "time")
        said = f"{shown(word)} occurs {times} time{'' if times == 1 else 's'}"
        findings.append(Finding("keywords", finding.passed, said, f"it should occur {_range(count)} times"))
    return findings


def _is(words: list[str]) -> str:
    return "is" if len(words) == 1 else "are"


def _letters(wanted: Any, text: str) -> Findings:
    count = text.casefold().count(wanted.letter.casefold())
    passed = _counted("letters", count, wanted.count, "").passed
    right = f"it should occur {_range(wanted.count)} times"
    return [Finding("letters", passed, f"the letter {wanted.letter} occurs {count} times", right)]


def _format(wanted: str, text: str) -> Findings:
    if wanted == "json":
        try:
            decode(text)
        except ValueError as error:
            return [Finding("format", False, f"{shown(text)} is not JSON: {error}", "write JSON only")]
        return [Finding("format", True, "the whole is JSON")]
    found = measures.is_markdown(text)
    said = "Markdown is used" if found else "no Markdown is used"
    right = "use headings, lists, emphasis or fenced code" if wanted == "markdown" else "write plain text"
    return [Finding("format", found == (wanted == "markdown"), said, right)]


def _title(wanted: bool, text: str) -> Findings:
    passed = measures.has_title(text)
    said = "there is a title" if passed else f"the first line is {shown(_first_line(text))}"
    return [Finding("title", passed, said, "begin with a title, such as `# Title` or `<<Title>>`")]


def _language(wanted: str, text: str) -> Findings:
    found = language(text)
    said = f"the language is {found}" if found else "the language cannot be told"
    return [Finding("language", found == wanted, said, f"write in {wanted}")]


def _case(wanted: str, text: str) -> Findings:
    wrong = {
        "lower": [word for word in text.split() if word != word.lower()],
        "upper": [word for word in text.split() if word != word.upper()],
        "title": [word for word in measures.words(text) if word[0].islower()],
    }[wanted]
    rights = {"lower": "use no capitals", "upper": "use capitals only", "title": "begin each word with a capital"}
    has_letters = any(letter.isalpha() for letter in text)
    said = f"{listed(wrong[:3], 'and')} {_is(wrong[:3])} not so" if wrong else "the case is right"
    return [Finding("case", not wrong and has_letters, said if has_letters else "there are no letters", rights[wanted])]


def _starts_with(wanted: str, text: str) -> Findings:
    passed = text.strip().startswith(wanted.strip())
    found = f"the beginning is {shown(text.strip()[: max(len(wanted), 20)])}"
    return [Finding("starts_with", passed, found, f"it should be {shown(wanted)}")]


def _ends_with(wanted: str, text: str) -> Findings:
    passed = text.strip().endswith(wanted.strip())
    found = f"the end is {shown(text.strip()[-max(len(wanted), 20) :])}"
    return [Finding("ends_with", passed, found, f"it should be {shown(wanted)}")]


def _paragraph_start(wanted: Any, text: str) -> Findings:
    parts = measures.paragraphs(text)
    right = f"paragraph {wanted.paragraph} should begin with {shown(wanted.word)}"
    if len(parts) < wanted.paragraph:
        return [Finding("paragraph_start", False, f"there {_many(len(parts), 'paragraph')}", right)]
    first = (measures.words(parts[wanted.paragraph - 1]) or [""])[0]
    passed = first.casefold() == wanted.word.strip().casefold()
    return [Finding("paragraph_start", passed, f"paragraph {wanted.paragraph} begins with {shown(first)}", right)]


def _no_commas(wanted: bool, text: str) -> Findings:
    count = len(re.findall("[,，、،]", text))
    return [Finding("no_commas", not count, f"there {_many(count, 'comma')}", "use no commas")]


def _quoted(wanted: bool, text: str) -> Findings:
    text = text.strip()
    passed = len(text) > 1 and (text[0], text[-1]) in (('"', '"'), ("“", "”"), ("„", "“"), ("«", "»"))
    said = "the whole is in quotation marks" if passed else f"it begins and ends with `{text[:1]}` and `{text[-1:]}`"
    return [Finding("quoted", passed, said, "put the whole into double quotation marks")]


def _postscript(wanted: str | bool, text: str) -> Findings:
    mark = "P.S." if wanted is True else str(wanted)
    # P.S., P. S. and PS are one mark.
    loose = r"\.?\s?".join(re.escape(letter) for letter in re.sub(r"[\s.]", "", mark)) + r"\.?"
    passed = re.search(rf"^[ \t*_]*{loose}[ \t*_:]*\S", text, re.MULTILINE | re.IGNORECASE) is not None
    said = "there is a postscript" if passed else "there is no postscript"
    return [Finding("postscript", passed, said, f"end with a line that begins with {mark}")]


def _repeats(wanted: str, text: str) -> Findings:
    passed = " ".join(text.split()).casefold().startswith(" ".join(wanted.split()).casefold())
    said = "the text is repeated first" if passed else f"the beginning is {shown(text[:60])}"
    return [Finding("repeats", passed, said, f"first repeat, word by word: {shown(wanted)}")]


def _one_of(wanted: list[str], text: str) -> Findings:
    tidy = [one.strip().rstrip(".").casefold() for one in wanted]
    passed = text.strip().rstrip(".").casefold() in tidy
    return [Finding("one_of", passed, f"the text is {shown(text)}", f"it should be {listed(wanted)}")]


def _divided_by(wanted: str, text: str) -> Findings:
    parts = [part.strip() for part in text.split(wanted)]
    twice = len(parts) == 2 and parts[0] == parts[1]
    passed = len(parts) == 2 and all(parts) and not twice
    said = "both answers are the same" if twice else f"there {_many(sum(map(bool, parts)), 'answer')}"
    return [Finding("divided_by", passed, said, f"give two different answers with {wanted} between them")]


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


_CHECKS: dict[str, Callable[[Any, str], Findings]] = {
    "keywords": _keywords,
    "letters": _letters,
    "format": _format,
    "title": _title,
    "language": _language,
    "case": _case,
    "starts_with": _starts_with,
    "ends_with": _ends_with,
    "paragraph_start": _paragraph_start,
    "no_commas": _no_commas,
    "quoted": _quoted,
    "postscript": _postscript,
    "repeats": _repeats,
    "one_of": _one_of,
    "divided_by": _divided_by,
}
