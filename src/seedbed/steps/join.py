"""`type: join`: brings the records together with those of another source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, PrivateAttr
from pydantic.config import JsonDict

from seedbed.errors import InputError
from seedbed.graph.contracts import RESERVED, Issue, Read, Step, StepContext, StepRun, defined, given
from seedbed.graph.spec_io import SourceSpec, normalise_source
from seedbed.io.paths import find_files
from seedbed.io.sources import peek_fields
from seedbed.record import Fields, Record, chance
from seedbed.steps.other_side import CLASH_HINT, Naming, OtherSide, clash, key_of

__all__ = ["Join"]

How = Literal["inner", "left", "cross", "concat", "zip", "random"]
Sources = Annotated[list[SourceSpec], BeforeValidator(normalise_source), defined("Sources")]

NO_MATCH = "no match"
"""Why a record is dropped that has nothing to be joined with."""


def _if_how(words: list[str], then: JsonDict, *, default: bool = False) -> JsonDict:
    """What holds if `how` is one of these words, or is left out where one of them is the default."""
    asked: JsonDict = {"properties": {"how": {"enum": [*words]}}}
    return {"if": asked if default else {**asked, "required": ["how"]}, "then": then}


_FORM: JsonDict = {
    "allOf": [
        _if_how(["inner", "left"], given("on"), default=True),
        _if_how(["cross", "concat", "zip"], {"not": given("on")}),
        _if_how(["concat"], {"not": {"anyOf": [given("prefix"), given("suffix")]}}),
        _if_how(["inner", "left", "cross", "concat", "zip"], {"not": {"required": ["n"]}}, default=True),
    ]
}


class Join(Step):
    """Brings each record together with rows of another source, written as `source:` is: a path, records, a list.

    `inner` and `left` join what is equal in the fields of `on`; nulls equal nothing, and a whole number equals its
    text. A record without a match is dropped with reason `no match` by `inner`, and kept with nulls by `left`. `random`
    draws `n` rows for each record, among those equal in `on` if it is given; the draw follows from the run's seed and
    the record's id. `cross` joins each with each. `zip` joins the first with the first and so on, until one side ends.
    `concat` joins nothing: the rows come after the last record.

    A joined record has the fields of both; a key of the same name is there once. With one match it keeps its id, with
    several its children are numbered. `id` in `on` is a record's or row's id. A row that cannot be read counts as
    failed. The other side is kept on disk, not in memory.

    ```yaml
    - {type: join, with: authors.csv, on: {author: id}, how: left, prefix: author_}
    - {type: join, with: personas.jsonl, how: random, n: 2}
    - {type: join, with: [{language: de}, {language: fr}], how: cross}
    ```
    """

    model_config = ConfigDict(json_schema_extra=_FORM, serialize_by_alias=True)

    type: Literal["join"] = "join"
    with_: Sources = Field(alias="with")
    """The other side, as a `source:` says it."""
    how: How = "inner"
    """Which rows a record is joined with."""
    on: str | Annotated[list[str], Field(min_length=1)] | Annotated[dict[str, str], Field(min_length=1)] | None = None
    """The field or fields that must be equal, or a map from the records' fields to those of the other side."""
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    """Put before the name of each of the other side's fields."""
    suffix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")] | None = None
    """Put after the name of each of the other side's fields."""
    n: int = Field(default=1, ge=1)
    """How many different rows `random` draws for a record; all, where there are fewer."""

    _peeked: dict[Path, set[str] | None] = PrivateAttr(default_factory=dict)

    def on_fields(self) -> list[tuple[str, str, tuple[str | int, ...]]]:
        """The fields of `on`: of the records, of the other side, and where they are written."""
        if isinstance(self.on, dict):
            return [(own, other, ("on", own)) for own, other in self.on.items()]
        if isinstance(self.on, list):
            return [(name, name, ("on", i)) for i, name in enumerate(self.on)]
        return [] if self.on is None else [(self.on, self.on, ("on",))]

    def naming(self) -> Naming:
        """What the other side's fields are called."""
        return Naming(self.prefix, self.suffix, {own for own, other, _ in self.on_fields() if own == other})

    def reads(self) -> Iterator[Read]:
        for own, _, path in self.on_fields():
            yield Read("field", own, path)

    def files(self) -> list[str]:
        paths = [path for spec in self.with_ for path in spec.paths if path != "-"]
        try:
            return [file.name for file in find_files(paths, self.base, None, 0)] if paths else []
        except InputError:
            return paths  # `check` says what is wrong

    def check(self, base: Path) -> Iterator[Issue]:
        if self.how in ("inner", "left") and self.on is None:
            yield Issue((), f"`how: {self.how}` needs `on`", "name the field that is equal on both sides")
        if self.how in ("cross", "concat", "zip") and self.on is not None:
            yield Issue(("on",), f"`how: {self.how}` looks at no key", "leave `on` out, or take another `how`")
        if self.how == "concat" and (self.prefix or self.suffix):
            yield Issue((), "`how: concat` puts no fields side by side", "leave `prefix` and `suffix` out")
        if self.how != "random" and "n" in self.model_fields_set:
            yield Issue(("n",), "`n` is for `how: random`", "leave it out")
        if any("-" in spec.paths or spec.repeat for spec in self.with_):
            what = "the other side is read from its beginning whenever a run is resumed, and has an end"
            yield Issue(("with",), what, "name a file, and leave `repeat` out")
            return
        try:
            self._other_fields(base)
        except InputError as error:
            yield Issue(("with",), error.message, error.hint)

    def check_fields(self, known: set[str]) -> Iterator[Issue]:
        other = self._known_other_fields()
        if other is None:
            return
        for _, name, path in self.on_fields():
            if name not in other and name != "id":
                near = get_close_matches(name, other, 1)
                fix = f"did you mean `{near[0]}`?" if near else f"its fields are: {', '.join(sorted(other)) or 'none'}"
                yield Issue(path, f"the other side has no field `{name}`", fix)
        if self.how == "concat":
            return
        names = set(self.naming().fields(dict.fromkeys(other)))
        if known & names:
            yield Issue(("with",), clash(known & names), CLASH_HINT)
        for name in sorted(names.intersection(RESERVED) - {"tags"}):
            yield Issue(("with",), f"a field would be called `{name}`, which is a reserved name", CLASH_HINT)

    def fields_after(self, known: set[str] | None) -> set[str] | None:
        other = self._known_other_fields()
        if known is None or other is None:
            return None
        return known | (other if self.how == "concat" else set(self.naming().fields(dict.fromkeys(other))))

    def _other_fields(self, base: Path) -> set[str] | None:
        if base not in self._peeked:
            self._peeked[base] = peek_fields(self.with_, base)
        return self._peeked[base]

    def _known_other_fields(self) -> set[str] | None:
        try:
            return self._other_fields(self.base)
        except InputError:
            return None

    def open(self, context: StepContext) -> StepRun:
        if self.how == "zip":
            return _Zip(self, context)
        if self.how == "concat":
            return _Concat(self, context)
        return _Cross(self, context) if self.how == "cross" else _Matched(self, context)


class _Run(StepRun):
    """What all ways share."""

    def __init__(self, spec: Join, context: StepContext) -> None:
        self.spec = spec
        self.context = context
        self.naming = spec.naming()
        self.other = OtherSide(spec.with_, context)

    def join(self, record: Record, others: list[Record]) -> Iterable[Record]:
        """A record with each of its matches."""
        if not others:
            self.context.drop(record, NO_MATCH)
            return ()
        made = [self.naming.joined(record, self.naming.fields(other.fields)) for other in others]
        if len(made) == 1:
            return (Record(record.id, made[0], (*record.parents, others[0].id), record.place),)
        return [
            Record(f"{record.id}.{i}", fields, (record.id, other.id), record.place)
            for i, (fields, other) in enumerate(zip(made, others, strict=True))
        ]


class _Matched(_Run):
    """Keeps the other side in an index: by key, or all under one where there is none."""

    def __init__(self, spec: Join, context: StepContext) -> None:
        super().__init__(spec, context)
        self.own = [own for own, _, _ in spec.on_fields()]
        self.index = context.index()
        self.missing: Fields = {}
        """The other side's fields as they are without a match."""
        theirs = [name for _, name, _ in spec.on_fields()]
        for other in self.other:
            if other is not None:
                self.missing |= dict.fromkeys(self.naming.fields(other.fields))
                key = key_of(other, theirs)
                if key is not None:
                    self.index.add(key, other)

    def take(self, record: Record) -> Iterable[Record]:
        key = key_of(record, self.own)
        if self.spec.how == "random":
            return self.join(record, [] if key is None else self._drawn(record, key))
        others = [] if key is None else list(self.index.find(key))
        if not others and self.spec.how == "left":
            fields = self.naming.joined(record, self.missing)
            return (Record(record.id, fields, record.parents, record.place),)
        return self.join(record, others)

    def _drawn(self, record: Record, key: bytes) -> list[Record]:
        count = self.index.count(key)
        draw = chance(self.context.seed, self.context.name, record.id)
        return [self.index.get(key, place) for place in draw.sample(range(count), min(self.spec.n, count))]


class _Cross(_Run):
    def __init__(self, spec: Join, context: StepContext) -> None:
        super().__init__(spec, context)
        self.rows = context.spool()
        for other in self.other:
            if other is not None:
                self.rows.add(other)

    def take(self, record: Record) -> Iterable[Record]:
        return self.join(record, list(self.rows.in_order()))


class _Zip(_Run):
    def __init__(self, spec: Join, context: StepContext) -> None:
        super().__init__(spec, context)
        self.rows = iter(self.other)

    def take(self, record: Record) -> Iterable[Record]:
        other = next(self.rows, None)
        return self.join(record, [] if other is None else [other])


class _Concat(_Run):
    """Lets the records through and remembers their ids. A row whose id is taken gets the step's name put to it."""

    def __init__(self, spec: Join, context: StepContext) -> None:
        super().__init__(spec, context)
        self.ids = context.seen()

    def take(self, record: Record) -> Iterable[Record]:
        self._is_free(record.id)
        return (record,)

    def finish(self) -> Iterable[Record]:
        for other in self.other:
            if other is not None:
                while not self._is_free(other.id):
                    other.id = f"{other.id}~{self.context.name}"
                yield other

    def _is_free(self, id: str) -> bool:
        return self.ids.add(id.encode("utf-8", "surrogatepass"), "") is None
