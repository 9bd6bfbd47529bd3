"""`type: chunk`: documents to passages."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from seedbed.errors import NodeError
from seedbed.graph.contracts import FieldName, Issue, Read, Step, StepContext, StepRun
from seedbed.graph.messages import kind
from seedbed.record import Fields, Record
from seedbed.steps.fields import reserved
from seedbed.steps.markdown import Section, sections
from seedbed.steps.sentences import sentences
from seedbed.steps.tokens import Span, count_tokens, words

__all__ = ["Chunk"]

_ONLY_HEADINGS: JsonDict = {
    "required": ["size"],
    "properties": {"by": {"enum": ["tokens", "sentences"]}, "size": {"type": "null"}},
}


class Chunk(Step):
    """Cuts a text into passages of at most `size` tokens; each becomes a record of its own, in the text's place.

    `tokens` cuts between words, `sentences` between sentences, `headings` reads Markdown: a passage lies within one
    section, is made of whole paragraphs, lists, tables and code fences, and knows the headings above it. What is larger
    than `size` on its own is cut more finely, a section by its blocks, a paragraph by its sentences, a sentence by its
    words; a code fence never is. Tokens are counted without a model's vocabulary, so leave some room: a Latin word
    is a token for each 7 letters, 2 digits are one, so are 3 letters of another alphabet, each Chinese, Japanese or
    Korean sign, and any other sign.

    A field, by default `chunk`, says where the passage lies: `{index, start, end, tokens}`, and `headings` with
    `by: headings`. The passage is `text[start:end]`, in characters. A text without words drops the record with reason
    `empty`.

    ```yaml
    - {type: chunk, field: text, into: passage, by: headings, size: 400}
    - {type: chunk, by: sentences, size: 200, overlap: 40}
    ```
    """

    model_config = ConfigDict(json_schema_extra={"not": _ONLY_HEADINGS})

    type: Literal["chunk"] = "chunk"
    field: str = "text"
    """The text."""
    into: FieldName | None = None
    """The passage's field. Default: the text's."""
    by: Literal["tokens", "sentences", "headings"] = "sentences"
    """Where a text is cut: between words, between sentences, or by its Markdown structure."""
    size: Annotated[int, Field(ge=1)] | None = 512
    """The most tokens of a passage. Null, with `headings`: each section is a passage, however long."""
    overlap: int = Field(default=0, ge=0)
    """The most tokens that a passage repeats of the one before it, in whole words, sentences or blocks; less than
    `size`. Sections do not overlap."""
    about: FieldName = "chunk"
    """The field that says where the passage lies."""
    keep: bool = False
    """Leave the text in each record, too; the passage then needs a name of its own, `into`."""

    def reads(self) -> Iterator[Read]:
        yield Read("field", self.field, ("field",))

    def check(self, base: Path) -> Iterator[Issue]:
        yield from reserved((name, (key,)) for key in ("into", "about") if (name := getattr(self, key)))
        if self.size is None and self.by != "headings":
            yield Issue(("size",), f"passages by {self.by} need a size", "say how many tokens, for instance 512")
        if self.size is not None and self.overlap >= self.size:
            yield Issue(
                ("overlap",), f"an overlap of {self.overlap} leaves no room in {self.size}", "take a smaller one"
            )
        if self.about in (self.into, self.field):
            yield Issue(("about",), f"`{self.about}` is a field of its own", "take another name")
        if self.keep and self.into in (None, self.field):
            yield Issue(("keep",), "the passage takes the text's place", "name its field: `into: passage`")

    def fields_after(self, known: set[str] | None) -> set[str] | None:
        if known is None:
            return None
        return (known - (set() if self.keep else {self.field})) | {self.into or self.field, self.about}

    def open(self, context: StepContext) -> StepRun:
        return _Run(self, context)


class _Run(StepRun):
    def __init__(self, spec: Chunk, context: StepContext) -> None:
        self.spec = spec
        self.context = context

    def take(self, record: Record) -> Iterable[Record]:
        spec = self.spec
        text = record.fields.get(spec.field)
        if text is not None and not isinstance(text, str):
            raise NodeError(f"`{spec.field}` is {kind(text)}", hint="chunk takes a text")
        found = [] if text is None else list(_passages(text, spec))
        if text is None or not found:
            self.context.drop(record, "empty")
            return ()
        return [record.child(self._fields(record, text, about), i) for i, about in enumerate(found)]

    def _fields(self, record: Record, text: str, about: Fields) -> Fields:
        spec = self.spec
        passage = text[about["start"] : about["end"]]
        fields: Fields = {}
        for name, value in record.fields.items():
            if name == spec.field and not spec.keep:
                fields[spec.into or name] = passage
            else:
                fields.setdefault(name, value)
        fields[spec.into or spec.field] = passage
        fields[spec.about] = about
        return fields


def _passages(text: str, spec: Chunk) -> Iterator[Fields]:
    """Where the passages of a text lie, in order."""
    for i, (start, end, headings) in enumerate(_places(text, spec)):
        about: dict[str, Any] = {"index": i, "start": start, "end": end, "tokens": count_tokens(text, start, end)}
        if headings is not None:
            about["headings"] = headings
        yield about


def _places(text: str, spec: Chunk) -> Iterator[tuple[int, int, list[str] | None]]:
    if spec.by != "headings":
        size = spec.size or 1
        parts = words(text, 0, len(text), size) if spec.by == "tokens" else _sentences(text, 0, len(text), size)
        for start, end in _packed(parts, size, spec.overlap):
            yield start, end, None
        return
    for section in sections(text):
        if spec.size is None:
            whole = _trimmed(text, section.blocks[0].start, section.blocks[-1].end)
            yield whole.start, whole.end, section.headings
            continue
        for start, end in _packed(_blocks(text, section, spec.size), spec.size, spec.overlap):
            yield start, end, section.headings


def _packed(parts: Iterable[Span], size: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Parts put together as long as they fit, the first ones repeated from the end of what came before."""
    held: deque[Span] = deque()
    tokens = 0
    for part in parts:
        if held and (part.anew or tokens + part.tokens > size):
            yield held[0].start, held[-1].end
            while held and (part.anew or tokens > overlap or tokens + part.tokens > size):
                tokens -= held.popleft().tokens
        held.append(part)
        tokens += part.tokens
    if held:
        yield held[0].start, held[-1].end


def _sentences(text: str, start: int, end: int, size: int) -> Iterator[Span]:
    """The sentences of a part of a text; one that is too large comes in words, the first of which begins a passage."""
    for first, last in sentences(text, start, end):
        tokens = count_tokens(text, first, last)
        if tokens <= size:
            yield Span(first, last, tokens)
        else:
            for number, word in enumerate(words(text, first, last, size)):
                yield word._replace(anew=number == 0)


def _blocks(text: str, section: Section, size: int) -> Iterator[Span]:
    """The blocks of a section, cut where they are too large; its heading stays with what follows if that fits."""
    heading: Span | None = None
    for number, block in enumerate(section.blocks):
        whole = _trimmed(text, block.start, block.end)
        if number == 0 and section.titled and whole.tokens <= size:
            heading = whole
            continue
        fits = block.fence or whole.tokens + (heading.tokens if heading else 0) <= size
        for part in [whole] if fits else _sentences(text, block.start, block.end, size):
            if heading is None:
                yield part
            elif block.fence or heading.tokens + part.tokens <= size:
                yield Span(heading.start, part.end, heading.tokens + part.tokens)
            else:
                yield from (heading, part)
            heading = None


def _trimmed(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end, count_tokens(text, start, end))
