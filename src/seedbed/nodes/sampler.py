"""`type: sampler`: draws a value by chance, the same one for the same seed, record and visit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from seedbed.errors import InputError, NodeError
from seedbed.graph.contracts import Context, Issue, Node, NodeCall, Read, Spec, Visit, exactly_one
from seedbed.io.paths import find_files
from seedbed.nodes import draws
from seedbed.nodes.draws import Choices, Draw, Drawer, chooser, weight_issues
from seedbed.record import Fields
from seedbed.template.expression import compile_expression

__all__ = ["Sampler"]

KINDS = (*draws.KINDS, "rows", "subcategory")


class Rows(Spec):
    """Rows of files. They are read once, and all are kept in memory."""

    path: str
    """A file, folder or pattern, as a source takes them: JSONL, CSV, Parquet, …"""
    k: Annotated[int, Field(ge=1)] | None = None
    """How many different rows to draw, as a list. Default: one row, not in a list."""
    field: str | None = None
    """Draw the value of this field in place of the whole row."""


class Subcategory(Spec):
    """Choices that depend on another field."""

    of: str
    """The field, or an expression, whose value says which choices are drawn from."""
    choices: Annotated[dict[str, Choices], Field(min_length=1)]
    """For each value of it a list, or a map from value to weight."""


class Sampler(Node, Draw):
    """Draws a value. Exactly one of its keys says from what.

    ```yaml
    domain: {type: sampler, choices: {physics: 2, biology: 1}}
    topic: {type: sampler, subcategory: {of: domain, choices: {physics: [optics, heat], biology: [cells]}}}
    turns: {type: sampler, integer: [1, 4]}
    example: {type: sampler, rows: {path: examples.jsonl, k: 3}}
    ```
    """

    model_config = ConfigDict(json_schema_extra=exactly_one(*KINDS))

    type: Literal["sampler"] = "sampler"
    rows: Rows | None = None
    """Rows of a file."""
    subcategory: Subcategory | None = None
    """One of the choices that belong to another field's value."""

    kinds: ClassVar[tuple[str, ...]] = KINDS

    def reads(self) -> Iterator[Read]:
        yield from super().reads()
        if self.subcategory is not None:
            yield Read("expression", self.subcategory.of, ("subcategory", "of"))

    def files(self) -> list[str]:
        if self.rows is None or self.rows.path == "-":
            return []
        try:
            return [file.name for file in find_files([self.rows.path], self.base, None, 0)]
        except InputError:
            return [self.rows.path]  # `check` says what is wrong

    def check(self, base: Path) -> Iterator[Issue]:
        yield from self.issues()
        if self.rows is not None and self.rows.path == "-":
            yield Issue(("rows", "path"), "rows cannot be drawn from standard input", "name a file")
        elif self.rows is not None:
            try:
                find_files([self.rows.path], base, None, 0)
            except InputError as error:
                yield Issue(("rows", "path"), error.message, error.hint)
        if self.subcategory is not None:
            for value, choices in self.subcategory.choices.items():
                yield from weight_issues(choices, ("subcategory", "choices", value))

    def prepare(self, context: Context) -> NodeCall:
        if self.subcategory is not None:
            return _subcategory(self.subcategory)
        draw = _rows(self.rows, context.base) if self.rows is not None else self.drawer()
        return lambda visit: draw(visit.random())


def _subcategory(spec: Subcategory) -> NodeCall:
    of = compile_expression(spec.of)
    drawers = {value: chooser(choices) for value, choices in spec.choices.items()}

    def draw(visit: Visit) -> Any:
        value = of(visit.scope)
        # Keys of a mapping are text, so a number, boolean or null is looked up as it is written in YAML.
        key = value if isinstance(value, str) else json.dumps(value)
        if key not in drawers:
            near = get_close_matches(key, drawers, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are choices for: {', '.join(drawers)}"
            raise NodeError(f"no choices for `{spec.of}` = {value!r}", hint=hint)
        return drawers[key](visit.random())

    return draw


def _rows(spec: Rows, base: Path) -> Drawer:
    rows = list(_values(spec, base))
    k = spec.k
    if len(rows) < (k or 1):
        raise InputError(f"{spec.path} has {len(rows)} rows, and {k or 1} are to be drawn", hint="add rows, or lower k")
    if k is None:
        return lambda random: rows[int(random.random() * len(rows))]
    return lambda random: random.sample(rows, k)


def _values(spec: Rows, base: Path) -> Iterator[Any]:
    for file in find_files([spec.path], base, None, 0):
        for row in file.format.read(file.path, file.name):
            if row.fields is None:
                raise InputError(f"{file.name}:{row.line}: {row.error}", hint="mend the row or remove it")
            yield row.fields if spec.field is None else _field(row.fields, spec.field, f"{file.name}:{row.line}")


def _field(fields: Fields, name: str, place: str) -> Any:
    if name not in fields:
        near = get_close_matches(name, fields, 1)
        hint = f"did you mean `{near[0]}`?" if near else f"its fields are {', '.join(fields)}"
        raise InputError(f"{place}: there is no field `{name}`", hint=hint)
    return fields[name]
