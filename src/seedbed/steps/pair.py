"""`type: pair`: preference rows from candidates that have been scored or ranked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from seedbed.errors import NodeError
from seedbed.graph.contracts import Issue, Read, Step, StepContext, StepRun, exactly_one
from seedbed.graph.messages import kind
from seedbed.record import Fields, Record, chance, digest
from seedbed.steps.fields import scope_of, with_fields
from seedbed.steps.pairing import Candidate, Pairs, Rule, Strategy
from seedbed.template.expression import compile_expression
from seedbed.template.syntax import TemplateSyntaxError

__all__ = ["Pair"]

WRITES = ("chosen", "rejected", "score_chosen", "score_rejected", "margin")
ONE_EACH = "give a number for each candidate, or null"
_OWN = ("candidate", "index")
"""What the expressions may read beside the record's fields."""


class Pair(Step):
    """Makes preference rows of candidates: `chosen`, `rejected`, `score_chosen`, `score_rejected` and `margin`.

    `candidates` is a list, and a record makes its own pairs; or, with `by`, each record holds one candidate, and those
    that are equal in the fields of `by` make pairs together. `score` and `rank` are expressions that are asked for each
    candidate and may read `candidate` and, in a list, its `index`; a list they give is taken to hold one number for
    each candidate. A candidate that is null or without a number takes no part, nor does a second one with the same
    content. Equal scores never make a pair.

    Strategies: `best_worst` pairs the best with the worst; `margin` the best with the nearest that is at least
    `min_margin` behind; `top_vs_random` the best with any of the others, drawn by the run's seed and the record's id;
    `all_pairs` each with each that is behind it. Records without a pair are dropped with one of the reasons `too few
    candidates`, `tie`, `margin too small`, `chosen too low`.

    From a list, the other fields go on with the pair; with `by`, only those of `by` do. `by` needs all rows.

    ```yaml
    - {type: pair, candidates: answers, score: scores}
    - {type: pair, candidates: answers, score: candidate.score, content: candidate.text, strategy: all_pairs}
    - {type: pair, by: prompt, candidates: answer, rank: rank, strategy: top_vs_random}
    ```
    """

    model_config = ConfigDict(json_schema_extra=exactly_one("score", "rank"))

    type: Literal["pair"] = "pair"
    candidates: str
    """The field with the list of candidates, texts or maps; with `by`, the field with a record's one candidate."""
    by: str | Annotated[list[str], Field(min_length=1)] | None = None
    """The fields whose equal values bring the candidates of several records together."""
    score: str | None = None
    """An expression for a candidate's score; more is better."""
    rank: str | None = None
    """An expression for a candidate's rank; less is better. `score_chosen` and `score_rejected` are then ranks."""
    content: str = "candidate"
    """An expression for what `chosen` and `rejected` hold of a candidate."""
    strategy: Strategy = "best_worst"
    """Which candidates are paired."""
    min_margin: Annotated[float, Field(ge=0)] = 0.0
    """The least difference of scores or ranks, and more than nothing in any case."""
    min_score: float | None = None
    """The least score of the chosen one."""

    @property
    def whole(self) -> bool:  # type: ignore[override]
        """Only `by` needs all rows."""
        return self.by is not None

    def by_fields(self) -> list[str]:
        """The fields of `by`."""
        return [self.by] if isinstance(self.by, str) else self.by or []

    def reads(self) -> Iterator[Read]:
        yield Read("field", self.candidates, ("candidates",))
        for i, name in enumerate(self.by_fields()):
            yield Read("field", name, ("by",) if isinstance(self.by, str) else ("by", i))
        for key in ("score", "rank", "content"):
            text = getattr(self, key)
            if text is not None:
                yield from _reads(text, key)

    def check(self, base: Path) -> Iterator[Issue]:
        if (self.score is None) == (self.rank is None):
            yield Issue((), "`pair` takes `score` or `rank`", "write exactly one of them")
        if self.rank is not None and self.min_score is not None:
            yield Issue(("min_score",), "`min_score` is for scores, and these are ranks", "leave it out")
        if self.strategy == "margin" and self.min_margin == 0:
            yield Issue(("strategy",), "`strategy: margin` needs a margin", "say `min_margin:`, for instance 1")
        for name in WRITES:
            if name in self.by_fields():
                yield Issue(("by",), f"`{name}` is written by `pair`", "rename the field before")

    def fields_after(self, known: set[str] | None) -> set[str] | None:
        if self.by is not None:
            return {*self.by_fields(), *WRITES}
        return None if known is None else (known - {self.candidates}) | set(WRITES)

    def open(self, context: StepContext) -> StepRun:
        return _Lists(self, context) if self.by is None else _Groups(self, context)


def _reads(text: str, key: str) -> Iterator[Read]:
    try:
        names = compile_expression(text).names
    except TemplateSyntaxError:
        yield Read("expression", text, (key,))
        return
    for name in sorted(set(names).difference(_OWN)):
        yield Read("field", name, (key,))


class _Run(StepRun):
    """What both ways share."""

    def __init__(self, spec: Pair, context: StepContext) -> None:
        self.spec = spec
        self.context = context
        self.rule = Rule(spec.strategy, -1 if spec.score is None else 1, spec.min_margin, spec.min_score)
        self.measure = spec.score or spec.rank or ""
        self.number = compile_expression(self.measure)
        self.content = compile_expression(spec.content)

    def candidate(self, record: Record, value: Any, index: int, count: int | None) -> Candidate | None:
        """A candidate; `count` says how many there are in its list. None if it takes no part. Raises NodeError."""
        if value is None:
            return None
        scope = {**scope_of(record, self.context), "candidate": value, "index": index}
        number = self.number(scope)
        if isinstance(number, list) and count is not None:
            if len(number) != count:
                raise NodeError(f"`{self.measure}` has {len(number)} numbers for {count} candidates", hint=ONE_EACH)
            number = number[index]
        if number is None:
            return None
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise NodeError(f"`{self.measure}` is {kind(number)}, not a number", hint=ONE_EACH)
        content = self.content(scope)
        return None if content is None or number != number else Candidate(content, number, record.id)

    def pairs(self, candidates: Iterable[Candidate | None], id: str) -> tuple[Pairs, str]:
        """The pairs that the candidates of one record or group make, or why there are none."""
        unlike: dict[bytes, Candidate] = {}
        for one in candidates:
            if one is not None:
                unlike.setdefault(digest(one.content), one)
        found = list(unlike.values())
        made = self.rule.pairs(found, chance(self.context.seed, self.context.name, id))
        return made, "" if made else self.rule.why_none(found)


class _Lists(_Run):
    """Each record makes pairs of its own list. One pair keeps the record's id, several are its children."""

    def take(self, record: Record) -> Iterable[Record]:
        name = self.spec.candidates
        items = record.fields.get(name)
        if items is not None and not isinstance(items, list):
            raise NodeError(f"`{name}` is {kind(items)}", hint="it must be a list, or say `by:`")
        items = items or []
        made, reason = self.pairs([self.candidate(record, v, i, len(items)) for i, v in enumerate(items)], record.id)
        if reason:
            self.context.drop(record, reason)
        others = {key: value for key, value in record.fields.items() if key != name}
        rows = [others | _fields(*pair) for pair in made]
        if len(rows) == 1:
            return (with_fields(record, rows[0]),)
        return [record.child(fields, i) for i, fields in enumerate(rows)]


class _Groups(_Run):
    """Spools candidates by the number of their group's first one, so that a group at a time is read back."""

    def __init__(self, spec: Pair, context: StepContext) -> None:
        super().__init__(spec, context)
        self.seen = context.seen()
        self.spool = context.spool()

    def take(self, record: Record) -> Iterable[Record]:
        one = self.candidate(record, record.fields.get(self.spec.candidates), 0, None)
        key = [record.fields.get(name) for name in self.spec.by_fields()]
        kept: Fields = {"key": key, "one": None if one is None else [one.content, one.score]}
        number = len(self.spool)
        first = self.seen.add(digest(key), str(number))
        self.spool.add(Record(record.id, kept, (), record.place), number if first is None else int(first))
        return ()

    def finish(self) -> Iterable[Record]:
        for _, group in groupby(self.spool.in_order(), lambda record: digest(record.fields["key"])):
            yield from self._group(list(group))

    def _group(self, members: list[Record]) -> Iterable[Record]:
        key = members[0].fields["key"]
        id = digest(key).hex()
        candidates = [
            Candidate(one[0], one[1], member.id) for member in members if (one := member.fields["one"]) is not None
        ]
        made, reason = self.pairs(candidates, id)
        if reason:
            for member in members:
                self.context.drop(member, reason)
        shared = dict(zip(self.spec.by_fields(), key, strict=True))
        for i, (chosen, rejected) in enumerate(made):
            parents = (chosen.record_id, rejected.record_id)
            own = id if len(made) == 1 else f"{id}.{i}"
            yield Record(own, shared | _fields(chosen, rejected), parents, members[0].place)


def _fields(chosen: Candidate, rejected: Candidate) -> Fields:
    return {
        "chosen": chosen.content,
        "rejected": rejected.content,
        "score_chosen": chosen.score,
        "score_rejected": rejected.score,
        "margin": abs(chosen.score - rejected.score),
    }
