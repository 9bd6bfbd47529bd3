"""`constraints`: what an instruction asks for and a program can check: lengths, formats, keywords, language, …

The kinds follow IFEval (Zhou et al., 2023). What is counted, and how, is in `measures.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, ValidationError

from seedbed.errors import NodeError
from seedbed.graph.contracts import Issue, Read, Spec, Text, exactly_one, given
from seedbed.nodes.checks import follow
from seedbed.nodes.checks.contract import Finding, Findings, Place, Run, Scope, shown, texted
from seedbed.nodes.checks.language import LANGUAGES
from seedbed.template.text import has_holes
from seedbed.template.value import Value, compile_value

Whole = Annotated[int, Field(ge=0)]


class Range(Spec):
    """How many; both ends count."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [given("min"), given("max")]})

    min: Whole | None = None
    """At least so many."""
    max: Whole | None = None
    """At most so many."""


def _as_range(value: Any) -> Any:
    return {"min": value, "max": value} if isinstance(value, int) and not isinstance(value, bool) else value


Count = Annotated[Range, BeforeValidator(_as_range, json_schema_input_type=Whole | Range)]
"""`3` for exactly three, `{min: 2}`, `{max: 5}` or both."""

Word = Annotated[Text, Field(min_length=1)]


class Keywords(Spec):
    """Words and phrases, as whole words, whatever their case."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [given(key) for key in ("all", "any", "none", "count")]})

    all: list[Word] | None = None
    """Each must occur."""
    any: list[Word] | None = None
    """At least one must occur."""
    none: list[Word] | None = None
    """None may occur."""
    count: dict[str, Count] | None = None
    """How often each occurs."""


class Letter(Spec):
    """A letter or sign, and how often it occurs, whatever its case."""

    letter: Annotated[str, Field(min_length=1, max_length=1)]
    """The letter."""
    count: Count
    """How often."""


class ParagraphStart(Spec):
    """The first word of one of the paragraphs."""

    paragraph: Annotated[int, Field(ge=1)]
    """Which paragraph, from 1."""
    word: Word
    """Its first word, whatever its case."""


COUNTED = (
    "words", "sentences", "paragraphs", "lines", "characters", "bullets", "headings", "placeholders", "highlights",
    "capital_words",
)  # fmt: skip
"""The constraints that are a count."""
OTHERS = (
    "keywords", "letters", "format", "title", "language", "case", "starts_with", "ends_with", "paragraph_start",
    "no_commas", "quoted", "postscript", "repeats", "one_of", "divided_by",
)  # fmt: skip


class Constraint(Spec):
    """One constraint; exactly one of the keys. Texts may be templates."""

    model_config = ConfigDict(json_schema_extra=exactly_one(*COUNTED, *OTHERS))

    words: Count | None = None
    """How many words: `3`, `{min: 20}`, `{max: 60}` or both."""
    sentences: Count | None = None
    """How many sentences."""
    paragraphs: Count | None = None
    """How many paragraphs, divided by blank lines."""
    lines: Count | None = None
    """How many lines that are not blank."""
    characters: Count | None = None
    """How many characters, spaces included, those at the ends not."""
    bullets: Count | None = None
    """How many items of lists."""
    headings: Count | None = None
    """How many Markdown headings."""
    placeholders: Count | None = None
    """How many placeholders in square brackets, such as `[name]`."""
    highlights: Count | None = None
    """How many passages between asterisks."""
    capital_words: Count | None = None
    """How many words in capitals alone."""
    keywords: Keywords | None = None
    """Words that occur, or do not: `{all: […], any: […], none: […], count: {word: 2}}`."""
    letters: Letter | None = None
    """How often a letter occurs: `{letter: e, count: {min: 3}}`."""
    format: Literal["json", "markdown", "plain"] | None = None
    """`json`: the whole is JSON, maybe in one fenced block; `markdown`: it uses Markdown; `plain`: it does not."""
    title: Literal[True] | None = None
    """It begins with a title: a Markdown heading, a bold line, or `<<title>>`."""
    language: Annotated[str, Field(json_schema_extra={"enum": list(LANGUAGES)})] | None = None
    """Its language, by its ISO 639-1 code: `en`, `de`, … A light guess by script and common words."""
    case: Literal["lower", "upper", "title"] | None = None
    """No capitals, only capitals, or a capital at the beginning of each word."""
    starts_with: Word | None = None
    """Its first words, exactly."""
    ends_with: Word | None = None
    """Its last words, exactly."""
    paragraph_start: ParagraphStart | None = None
    """The first word of one paragraph: `{paragraph: 2, word: however}`."""
    no_commas: Literal[True] | None = None
    """It has no commas."""
    quoted: Literal[True] | None = None
    """The whole stands in double quotation marks."""
    postscript: Word | Literal[True] | None = None
    """It ends with a postscript that this mark opens; `true` is `P.S.`."""
    repeats: Word | None = None
    """It first repeats this text, word by word: `"{{ prompt }}"`."""
    one_of: Annotated[list[Word], Field(min_length=1)] | None = None
    """It is one of these texts, a full stop aside."""
    divided_by: Word | None = None
    """It gives two answers with this mark between them, such as `******`."""

    def kind(self) -> str:
        """The key that is given."""
        return next(key for key in (*COUNTED, *OTHERS) if getattr(self, key) is not None)


def _form(value: Any) -> str:
    return "template" if isinstance(value, str) else "list"


Constraints = Annotated[
    Annotated[str, Field(pattern=r"\{\{"), Tag("template")]
    | Annotated[list[Constraint], Field(min_length=1), Tag("list")],
    Discriminator(_form),
]
"""Constraints, or a template that gives a list of them for each record."""


def constraint_reads(written: list[Constraint] | str, path: Place) -> Iterator[Read]:
    """Where they read fields."""
    yield Read("value", _plain(written), path)


def constraint_issues(written: list[Constraint] | str, base: Path) -> Iterator[Issue]:
    """What is wrong with them that types cannot say."""
    for i, constraint in enumerate(written if isinstance(written, list) else ()):
        there = list(constraint.model_dump(exclude_none=True))
        if len(there) != 1:
            what = f"`{there[0]}` and `{there[1]}` are two constraints" if there else "it does not say what to check"
            fix = "write each as an item of its own" if there else f"write one of: {', '.join((*COUNTED, *OTHERS))}"
            yield Issue((i, *there[1:2]), what, fix)
            continue
        yield from _range_issues(constraint, there[0], (i, there[0]))
        code = constraint.language
        if code is not None and not has_holes(code) and code not in LANGUAGES:
            yield Issue((i, "language"), f"`{code}` is not known", f"known are {', '.join(LANGUAGES)}")


def _range_issues(constraint: Constraint, key: str, place: Place) -> Iterator[Issue]:
    value = getattr(constraint, key)
    ranges = {"": value} if isinstance(value, Range) else {}
    if isinstance(value, Letter):
        ranges = {"count": value.count}
    if isinstance(value, Keywords):
        if not value.model_dump(exclude_none=True):
            yield Issue(place, "it names no keywords", "write `all:`, `any:`, `none:` or `count:`")
        ranges = dict(value.count or {})
    for one in ranges.values():
        if one.min is None and one.max is None:
            yield Issue(place, "the count has no bound", "write a number, or `{min: …, max: …}`")
        elif one.min is not None and one.max is not None and one.min > one.max:
            yield Issue(place, "`min` is above `max`", "swap them")


def constraint_check(written: list[Constraint] | str) -> Run:
    """The function that checks all of them."""
    value: Value = compile_value(_plain(written))
    fixed = written if value.constant and isinstance(written, list) else None

    def run(answer: Any, scope: Scope) -> Findings:
        constraints = fixed if fixed is not None else _of_record(value(scope))
        text = texted(answer)
        findings: list[Finding] = []
        for constraint in constraints:
            kind = constraint.kind()
            findings += follow.check(kind, getattr(constraint, kind), text)
        return findings

    return run


def _of_record(made: Any) -> list[Constraint]:
    if not isinstance(made, list):
        raise NodeError(f"`constraints` is {shown(made)}", hint="give a list such as [{words: {max: 60}}]")
    found = []
    for i, one in enumerate(made):
        try:
            found.append(Constraint.model_validate(one))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise NodeError(f"constraint {i + 1}, {where or 'as a whole'}: {first['msg']}", hint=shown(one)) from error
    for issue in constraint_issues(found, Path()):
        raise NodeError(f"constraint {int(issue.path[0]) + 1}: {issue.what}", hint=issue.fix)
    return found


def _plain(written: list[Constraint] | str) -> Any:
    return written if isinstance(written, str) else [one.model_dump(exclude_none=True) for one in written]
