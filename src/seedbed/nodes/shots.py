"""Few-shot examples: earlier rows shown to a model as turns before the prompt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from random import Random
from typing import Annotated, Any

from pydantic import Field

from seedbed.errors import InputError, NodeError, TemplateError
from seedbed.graph.contracts import NAME, Issue, Read, Spec, Visit
from seedbed.graph.prompt import Messages
from seedbed.io.paths import find_files
from seedbed.template.syntax import TemplateSyntaxError
from seedbed.template.text import Text, compile_text, name_position

PEEKED = 100
"""Rows of a file that are looked at for the names of its fields."""


class Examples(Spec):
    """Rows shown as turns before the prompt: `user` and `assistant` are templates over the row's own fields."""

    from_: Annotated[str, Field(min_length=1)] = Field(alias="from")
    """A field with a list of maps, or a file of rows as a source takes them: `./shots.jsonl`."""
    user: Annotated[str, Field(min_length=1)]
    """What the user says, with holes for the example's fields: `"{{ question }}"`."""
    assistant: Annotated[str, Field(min_length=1)]
    """What the assistant answers, likewise."""
    k: Annotated[int, Field(ge=1)] | None = None
    """How many to draw for each record, in a drawn order. Default: all, in their order."""

    @property
    def field(self) -> str | None:
        """The field the examples come from, None for a file."""
        return self.from_ if re.fullmatch(NAME, self.from_) else None

    def reads(self) -> Iterator[Read]:
        """The field, if they come from one."""
        if self.field is not None:
            yield Read("field", self.field, ("examples", "from"))

    def files(self, base: Path) -> list[str]:
        """The files, if they come from some."""
        if self.field is not None:
            return []
        try:
            return [file.name for file in find_files([self.from_], base, None, 0)]
        except InputError:
            return [self.from_]  # `issues` says what is wrong

    def issues(self, base: Path) -> Iterator[Issue]:
        """What is wrong with them that types cannot say."""
        texts: dict[str, Text] = {}
        for key, text in (("user", self.user), ("assistant", self.assistant)):
            try:
                texts[key] = compile_text(text)
            except TemplateSyntaxError as error:
                yield Issue(("examples", key), f"template: {error.what}", error.hint)
        if self.field is not None:
            return
        try:
            rows = list(islice(_rows(self.from_, base), PEEKED))
        except InputError as error:
            yield Issue(("examples", "from"), error.message, error.hint)
            return
        if len(rows) < (self.k or 1):
            fix = "add rows, or lower `k`"
            yield Issue(("examples", "from"), f"{self.from_} has {len(rows)} rows, and {self.k or 1} are wanted", fix)
            return
        fields = set().union(*rows)
        for key, compiled in texts.items():
            for name in sorted(compiled.names - fields):
                near = get_close_matches(name, fields, 1)
                fix = f"did you mean `{near[0]}`?" if near else f"its fields are {', '.join(sorted(fields))}"
                line, _ = name_position(compiled.source, name)
                where = f" (line {line})" if "\n" in compiled.source else ""
                yield Issue(("examples", key), f"no example has a field `{name}`{where}", fix)

    def prepare(self, base: Path) -> Callable[[Visit], Messages]:
        """Makes the function that gives the messages of a visit."""
        user, assistant, field, k = compile_text(self.user), compile_text(self.assistant), self.field, self.k
        kept = None if field is not None else list(_rows(self.from_, base))

        def messages(visit: Visit) -> Messages:
            rows = kept if kept is not None else _of_field(visit.scope.get(field or ""), field or "")
            if k is not None and rows:
                rows = _drawn(rows, k, visit.random("examples"))
            return [message for row in rows for message in _turns(row, user, assistant)]

        return messages


def _turns(row: dict[str, Any], user: Text, assistant: Text) -> Messages:
    for text in (user, assistant):
        for name in text.names:
            if name not in row:
                hint = f"its fields are {', '.join(row)}"
                raise TemplateError(f"an example has no field `{name}`", hint=hint)
    return [
        {"role": "user", "content": user.render(row)},
        {"role": "assistant", "content": assistant.render(row)},
    ]


def _drawn(rows: list[dict[str, Any]], k: int, random: Random) -> list[dict[str, Any]]:
    return random.sample(rows, min(k, len(rows)))


def _of_field(value: Any, field: str) -> list[dict[str, Any]]:
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return value
    raise NodeError(f"`{field}` is not a list of examples", hint="an example is a map: [{question: …, answer: …}, …]")


def _rows(path: str, base: Path) -> Iterator[dict[str, Any]]:
    for file in find_files([path], base, None, 0):
        for row in file.format.read(file.path, file.name):
            if row.fields is None:
                raise InputError(f"{file.name}:{row.line}: {row.error}", hint="mend the row or remove it")
            yield row.fields
