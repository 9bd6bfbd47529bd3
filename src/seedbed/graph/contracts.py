"""What a node and a step are: their written form (pydantic) and their behaviour, in one class.

A node type is one file with one class derived from `Node`; a step type one file with one class derived from `Step`.
They are given a context by whoever runs them and know nothing of it beyond this page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, WithJsonSchema

from seedbed.errors import RecordError
from seedbed.graph.keeping import Index, Seen, Spool
from seedbed.record import Record, chance


def _text_of_number(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_text_of_number, json_schema_input_type=str | float)]
"""Text in which a number filled in from the environment stays text."""

NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
Name = Annotated[str, Field(pattern=NAME)]
"""An identifier: a node, field or model name."""

MODEL_NAME = r"^[A-Za-z_][A-Za-z0-9_]*(/\S+)?$"
ModelName = Annotated[str, Field(pattern=MODEL_NAME)]
"""A name under `models:`, or the short form of a model: `local`, `openai/gpt-4o-mini`."""

RESERVED = ("start", "end", "drop", "id", "visits", "tags", "params")
"""Names that no node and no field may have."""

FieldName = Annotated[str, Field(pattern=NAME, json_schema_extra={"not": {"enum": list(RESERVED)}})]
"""The name of a field that is written. Whoever has one says itself, with a position, that it is reserved."""


def defined(name: str) -> WithJsonSchema:
    """A JSON Schema that only the schema of a whole file can tell: its definition of that name."""
    return WithJsonSchema({"x-definition": name})


def given(key: str) -> dict[str, Any]:
    """The JSON Schema of a mapping in which a key is there and not null."""
    return {"required": [key], "properties": {key: {"not": {"type": "null"}}}}


def exactly_one(*keys: str) -> dict[str, Any]:
    """The JSON Schema of a mapping in which exactly one of these keys is given."""
    return {"oneOf": [given(key) for key in keys]}


def not_both(first: str, second: str) -> dict[str, Any]:
    """The JSON Schema of a mapping in which two keys are not both given."""
    return {"not": {"allOf": [given(first), given(second)]}}


class Spec(BaseModel):
    """Base of everything written in a pipeline file: unknown keys are refused, types are exact."""

    model_config = ConfigDict(extra="forbid", strict=True, validate_default=False, use_attribute_docstrings=True)


class Read(NamedTuple):
    """One place where a node or step reads fields.

    `kind` says how: a `template` (text with holes), an `expression`, a `value` (any JSON with templates in its
    texts), a `field` by name, or an `optional` field: read where there is one of that name. `path` leads from the
    node's or step's own mapping to where it is written; `file`, where given, is the file of its own that the text
    stands in, relative to the pipeline file's folder, so that errors can tell the line there.
    """

    kind: Literal["template", "expression", "value", "field", "optional"]
    text: Any
    path: tuple[str | int, ...]
    file: str = ""


class Issue(NamedTuple):
    """Something wrong that a node or step finds in itself at load; `path` as in `Read`."""

    path: tuple[str | int, ...]
    what: str
    fix: str = ""


class SetValue(Spec):
    """Go on with this value in the node's field, as if the node had written it."""

    set: Any
    """The value, as it is."""


class Goto(Spec):
    """Go on at another node, as along an edge."""

    goto: Name
    """The node."""


OnError = Literal["fail", "drop"] | SetValue | Goto


class Context(Protocol):
    """What a node or step may ask of the run it is part of."""

    seed: int
    """The run's seed."""
    base: Path
    """The folder of the pipeline file; relative paths start here."""
    folder: Path
    """The run directory."""
    params: dict[str, Any]
    background: set[asyncio.Task[Any]]
    """Calls under way that no record waits for any more; the run waits for them before it ends."""
    wanted: bool
    """False once nothing more is taken from this step: work under way may end before its next costly part."""

    def model(self, name: str) -> Any:
        """The model of that name (a `seedbed.models.contract.Caller`)."""

    def run_blocking(self, call: Callable[[], Any]) -> Awaitable[Any]:
        """Runs a blocking call in a thread."""


class Visit:
    """One execution of one node for one record.

    `scope` holds all that templates and expressions may read: the record's fields, what nodes have written so far,
    and `id`, `visits`, `params`. Read it, do not change it; extra fields are written with `write`.
    """

    __slots__ = (
        "calls", "dropped", "events", "extra", "node", "notes", "number", "place", "record_id", "scope", "seed",
        "where",
    )  # fmt: skip

    def __init__(
        self, scope: dict[str, Any], record_id: str, node: str, number: int, seed: int, place: str = ""
    ) -> None:
        self.scope = scope
        self.record_id = record_id
        self.node = node
        """The node's name; of a node inside of another `outer.inner`."""
        self.number = number
        """Which execution of this node for this record this is, from 1."""
        self.seed = seed
        self.place = place
        """Within what execution of another node this is, and for which item; empty for a node of the step's graph."""
        self.calls: list[Any] = []
        """The model calls made so far, in order; the model layer appends to it."""
        self.extra: dict[str, Any] | None = None
        self.notes: list[str] = []
        """What `seedbed trace` should tell about this execution, such as a reply whose JSON was repaired."""
        self.events: list[dict[str, Any]] = []
        """The executions of nodes inside of this one, as in `Trail`."""
        self.where = ""
        """The node inside of this one that failed or dropped."""
        self.dropped = ""
        """Why the record is to be dropped."""

    @property
    def identity(self) -> str:
        """The record, and the part of it that is worked on: what draws and the keys of calls depend on."""
        return f"{self.record_id}\0{self.place}" if self.place else self.record_id

    def random(self, *more: str | int) -> Random:
        """The generator of this visit: seeded by run seed, record id, node and visit (and `more`)."""
        return chance(self.seed, self.identity, self.node, self.number, *more)

    def drop(self, reason: str, where: str = "") -> None:
        """Drops the record once this execution has ended. `where` is the node inside of this one that did."""
        self.dropped, self.where = reason, where

    def write(self, name: str, value: Any) -> None:
        """Writes a field beside the node's own output; `name` must be among the node's `writes()`."""
        if self.extra is None:
            self.extra = {}
        self.extra[name] = value


NodeCall = Callable[[Visit], Any]
"""What a prepared node is: a function from a visit to the value of its field, plain or async (see `Node.blocking`)."""


class Node(Spec):
    """Base of all node types."""

    type: str
    """Which node this is: the name of a file in `seedbed/nodes/` or of a plug-in."""
    output: FieldName | None = None
    """The field it writes. Default: the node's name."""
    when: str | None = None
    """An expression; where it is false the node does not run, its field is null, and its out-edges are followed."""
    on_error: OnError = "fail"
    """What happens after all retries: fail the record, drop it, set a value, or go to another node."""
    max_visits: int = Field(default=10, ge=1)
    """How often it may run for one record; past it, `on_error` decides."""

    _name: str = PrivateAttr(default="")
    _base: Path = PrivateAttr(default=Path())

    asynchronous: ClassVar[bool] = False
    """Whether `prepare` returns an async function."""

    @property
    def name(self) -> str:
        """The node's name in its graph; set by the loader."""
        return self._name

    @property
    def base(self) -> Path:
        """The folder of the pipeline file; set by the loader before it asks for `reads()`."""
        return self._base

    def writes(self) -> list[str]:
        """The fields it writes, its own first."""
        return [self.output or self._name]

    def appends(self) -> list[str]:
        """The fields among `writes()` that it appends to, so that several nodes may write them."""
        return []

    def reads(self) -> Iterator[Read]:
        """Where it reads fields. `when` is counted by the base class; extend with `yield from super().reads()`."""
        if self.when is not None:
            yield Read("expression", self.when, ("when",))

    def models(self) -> list[tuple[str, tuple[str | int, ...]]]:
        """The models it names, each with the path to where it does."""
        return []

    def files(self) -> list[str]:
        """Files whose content belongs to the pipeline: hooks, schemas, prompt files, as written."""
        return []

    def check(self, base: Path) -> Iterator[Issue]:
        """What is wrong with it that types cannot say. `base` is the folder of the pipeline file."""
        return iter(())

    def prepare(self, context: Context) -> NodeCall:
        """Makes the function that runs it. Called once a run, before the first record."""
        raise TypeError(f"{type(self).__name__} has no behaviour")


class StepContext(Context, Protocol):
    """What a step may ask of the run."""

    name: str
    """The step's name in counts: its type, numbered when a pipeline has several."""

    def drop(self, record: Record, reason: str, detail: str = "") -> None:
        """Counts a record as dropped by this step and keeps it aside.

        Records are counted by `reason`, so it comes from a small set; what differs by record goes into `detail`.
        """

    def fail(self, record: Record, error: RecordError) -> None:
        """Counts a record that did not come through `take` as failed by this step and keeps it aside."""

    def spool(self) -> Spool:
        """An empty spool."""

    def seen(self) -> Seen:
        """An empty set."""

    def index(self) -> Index:
        """An empty index."""


class StepRun:
    """A step at work: records come one by one through `take`, in source order; `finish` gives what it held back."""

    done = False
    """Set it to True when no further record is wanted: what feeds the step stops."""
    wants: int | None = None
    """How many further records it can take, where that is known: what feeds it begins no more than it takes."""

    def take(self, record: Record) -> Iterable[Record]:
        """The records that go on because of this one. A RecordError raised here fails this record only."""
        raise TypeError(f"{type(self).__name__} has no behaviour")

    def finish(self) -> Iterable[Record]:
        """The records held back, once no more will come."""
        return ()


class Step(Spec):
    """Base of all step types."""

    type: str
    """Which step this is: the name of a file in `seedbed/steps/` or of a plug-in."""

    _name: str = PrivateAttr(default="")
    _base: Path = PrivateAttr(default=Path())
    _path: tuple[str | int, ...] = PrivateAttr(default=())

    whole: ClassVar[bool] = False
    """Whether it needs all rows before it lets the first one go."""

    @property
    def name(self) -> str:
        """The step's name in counts; set by the loader."""
        return self._name

    @property
    def base(self) -> Path:
        """The folder of the pipeline file; set by the loader before it asks for `reads()`."""
        return self._base

    def reads(self) -> Iterator[Read]:
        """Where it reads fields."""
        return iter(())

    def check_fields(self, known: set[str]) -> Iterator[Issue]:
        """What is wrong with it given the fields that records have before it. Not asked where nobody can know them."""
        return iter(())

    def fields_after(self, known: set[str] | None) -> set[str] | None:
        """The fields a record has after this step, given those before; None where nobody can know."""
        return known

    def models(self) -> list[tuple[str, tuple[str | int, ...]]]:
        """As for a node."""
        return []

    def files(self) -> list[str]:
        """As for a node."""
        return []

    def check(self, base: Path) -> Iterator[Issue]:
        """As for a node."""
        return iter(())

    def open(self, context: StepContext) -> StepRun:
        """Starts the step. It is run anew when a run is resumed, so it must be a function of its input and the seed."""
        raise TypeError(f"{type(self).__name__} has no behaviour")


@dataclass(slots=True)
class Trail:
    """What happened to one record in one step, kept for `seedbed trace`."""

    events: list[dict[str, Any]] = field(default_factory=list)
    """One object per node execution, in the order they ended: node, visit, status, seconds, calls, error."""
    attempts: int = 0
    usd: float = 0.0


@dataclass(slots=True)
class Outcome:
    """How one record left a worker step: done with records, dropped with a reason, or failed with an error."""

    status: Literal["done", "dropped", "failed"]
    records: list[Record] = field(default_factory=list)
    reason: str = ""
    """Why it was dropped."""
    error: BaseException | None = None
    where: str = ""
    """The node that dropped or failed it."""
    trail: Trail = field(default_factory=Trail)


Work = Callable[[Record], Awaitable[Outcome]]


class WorkerStep(Step):
    """Base of steps that do slow or costly work on each record on its own.

    Many records are worked on at once. Each outcome is stored when it is there, so that a resumed run does not work
    on that record again. Records leave in the order in which they came.
    """

    def immediate(self) -> bool:
        """Whether the work is done without ever waiting, so that it needs no task of its own."""
        return False

    def work(self, context: StepContext) -> Work:
        """Makes the function that works on one record. A StopRun it raises leaves the record as it was."""
        raise TypeError(f"{type(self).__name__} has no behaviour")
