"""`type: sql`: a query over all records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr

from seedbed.errors import InputError, NodeError
from seedbed.graph.contracts import RESERVED, Issue, Step, StepContext, StepRun
from seedbed.io.arrow import Shape, widen
from seedbed.record import Fields, Record, chance, content_id
from seedbed.steps.duck import Table, columns_of, wrong_statement

__all__ = ["Sql"]


class Sql(Step):
    """Asks a question in DuckDB's SQL about the table `records`; the rows of the result are the records that go on.

    The table has the records' fields and the column `id`. Maps are structs (`verdict.score`), lists lists; a field
    whose values are of several kinds is of the type JSON. A row keeps its `id` if the result has that column, else its
    id is a hash of its content and position; of rows with one id, all but the first get a number put to it. Keys that
    only some maps of a field have are null in the others.

    The query cannot read files, reach the network or change settings. It follows from the records and the run's seed,
    `random()` included, unless it asks for the time or a uuid. Needs all rows, and the extra `sql`.

    ```yaml
    - type: sql
      query: |
        SELECT topic, count(*) AS n, avg(verdict.score) AS mean, list(question ORDER BY id) AS questions
        FROM records
        GROUP BY topic
        HAVING n >= 5
        ORDER BY mean DESC
    ```
    """

    type: Literal["sql"] = "sql"
    query: Annotated[str, Field(min_length=1)]
    """One SELECT from `records`."""
    memory: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)? ?[KMG]i?B$")] = "1GB"
    """The most memory that the query may use; what does not fit goes to the disk, where the query allows it."""
    timeout: Annotated[float, Field(gt=0)] = 600.0
    """Seconds that the query may take."""

    whole = True

    _known: frozenset[str] = PrivateAttr(default=frozenset())
    """Fields that records may have though none shows it."""

    def check(self, base: Path) -> Iterator[Issue]:
        if find_spec("duckdb") is None:
            yield Issue((), "`sql` needs the extra `sql`", "install it with: pip install 'seedbed[sql]'")
        elif wrong := wrong_statement(self.query):
            yield Issue(("query",), *wrong)

    def check_fields(self, known: set[str]) -> Iterator[Issue]:
        self._known = frozenset(known)
        try:
            columns = self._columns(known)
        except InputError as error:
            yield Issue(("query",), error.message, error.hint or f"fields here: {', '.join(sorted(known))}")
            return
        for name in columns or ():
            if name in RESERVED and name not in ("id", "tags"):
                yield Issue(("query",), f"the result has a column `{name}`, a reserved name", "write `AS` another name")

    def fields_after(self, known: set[str] | None) -> set[str] | None:
        try:
            columns = None if known is None else self._columns(known)
        except InputError:
            return None
        return None if columns is None else set(columns) - {"id"}

    def _columns(self, known: set[str]) -> list[str] | None:
        if find_spec("duckdb") is None or wrong_statement(self.query):
            return None  # `check` says what is wrong
        return columns_of(self.query, sorted(known - {"id"}))

    def open(self, context: StepContext) -> StepRun:
        return _Run(self, context, self._known)


class _Run(StepRun):
    """Spools the records and learns their columns; the table is made when all are there."""

    def __init__(self, spec: Sql, context: StepContext, known: frozenset[str]) -> None:
        self.spec = spec
        self.context = context
        self.rows = context.spool()
        self.columns: dict[str, Shape] = {"id": "text", **dict.fromkeys(sorted(known - {"id"}), "null")}
        self.spelling = {name.casefold(): name for name in self.columns}

    def take(self, record: Record) -> Iterable[Record]:
        for name in record.fields:
            known = self.spelling.setdefault(name.casefold(), name)
            if known != name or not name:
                what = f"the fields `{known}` and `{name}` are one to SQL" if name else "a field has no name"
                raise NodeError(what, hint="give it another name with `rename`")
        widen(self.columns, {"id": record.id, **record.fields})
        self.rows.add(record)
        return ()

    def finish(self) -> Iterable[Record]:
        context, spec = self.context, self.spec
        table = Table(context.folder / f"{context.name}.tmp", spec.memory)
        ids = context.seen()
        try:
            table.load(({"id": row.id, **row.fields} for row in self.rows.in_order()), self.columns)
            draw = chance(context.seed, context.name).uniform(-1, 1)
            for position, fields in enumerate(table.ask(spec.query, draw, spec.timeout)):
                id = _id(fields, position)
                while ids.add(id.encode("utf-8", "surrogatepass"), "") is not None:
                    id = f"{id}.{position}"
                yield Record(id, fields)
        finally:
            table.close()


def _id(fields: Fields, position: int) -> str:
    """The id of a row, which leaves its fields. Raises InputError for names that no field can have."""
    for name in fields:
        if name in RESERVED and name not in ("id", "tags"):
            raise InputError(f"the result has a column `{name}`, a reserved name", hint="write `AS` another name")
    id = fields.pop("id", None)
    if isinstance(id, str | int) and not isinstance(id, bool) and str(id).strip():
        return str(id).strip()
    return content_id(fields, position)
