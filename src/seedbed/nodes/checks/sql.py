"""`sql`: the answer is a query that gives what a reference query gives, both run in a sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from seedbed.errors import MissingExtra, NodeError
from seedbed.graph.contracts import Context, Read
from seedbed.nodes.checks.allowance import Allowance
from seedbed.nodes.checks.contract import Finding, Findings, Kind, Run, Scope, texted
from seedbed.nodes.sandbox.job import Job
from seedbed.nodes.sandbox.match import Match, match_queries
from seedbed.nodes.sandbox.room import Least, open_sandbox
from seedbed.template.text import compile_text
from seedbed.template.value import compile_value

Query = Annotated[str, Field(min_length=1)]


class Sql(Kind):
    """The rows of a reference query; `sql: "{{ query }}"` is short for `{reference: "{{ query }}"}`.

    What is checked is the query alone, without a fence around it. The order of columns counts, their names do not. Both
    queries must be one statement that only reads.
    """

    reference: Query
    """The query that gives the right rows, a template. The node fails on a record whose reference fails."""
    engine: Literal["sqlite", "duckdb"] = "sqlite"
    """What runs both, on a database in memory (`duckdb` needs the extra `sql`)."""
    setup: str | Annotated[list[str], Field(min_length=1)] = ""
    """Statements that are run first, such as CREATE TABLE and INSERT: a template, or a list of them, each for a
    database of its own. A template may give a list. The rows must agree on every database, so that a wrong query does
    not pass by chance."""
    ordered: bool | None = None
    """Whether the order of rows counts. Default: where the reference itself says ORDER BY."""
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-6
    """How far off a number may be, as a part of the right one; of numbers below 1, the greatest difference."""
    limits: Allowance = Field(default_factory=Allowance)
    """How much each query may use, its setup included: `{seconds: 5}`, `memory_mb`, `output_kb`, `processes`,
    `disk_mb`."""
    sandbox: Least = "strong"
    """The least protection that will do. `weak` runs it also where this machine can only limit what it uses up, which
    leaves your files and your network open to it."""

    def reads(self) -> Iterator[Read]:
        yield Read("template", self.reference, ("reference",))
        yield Read("value", self.setup, ("setup",))

    def prepare(self, context: Context) -> Run:
        sandbox, limits = open_sandbox(self.sandbox), self.limits.limits()
        if self.engine == "duckdb" and find_spec("duckdb") is None:
            raise MissingExtra("`engine: duckdb`", "sql")
        reference, setup = compile_text(self.reference), compile_value(self.setup)

        async def run(answer: Any, scope: Scope) -> Findings:
            right = reference.render(scope)
            if not right.strip():
                raise NodeError("`reference` is empty", hint="give each record a right query, or skip it with `when:`")
            databases = [Job("", self.engine, setup=text, limits=limits) for text in _setups(setup(scope))]
            match = await match_queries(
                sandbox, texted(answer), right, databases, context.run_blocking,
                ordered=self.ordered, tolerance=self.tolerance,
            )  # fmt: skip
            return [_finding(match)]

        return run


def _setups(made: Any) -> list[str]:
    setups = made if isinstance(made, list) else [made]
    if not setups or any(setup is None for setup in setups):
        raise NodeError("`setup` is empty", hint="give each record the statements that make its database")
    return [texted(setup) for setup in setups]


def _finding(match: Match) -> Finding:
    if match.same:
        none = ", which are none: a wrong query may give that, too" if match.empty else ""
        return Finding("sql", True, f"the query gives the rows of the reference{none}")
    if match.failed:
        return Finding("sql", False, f"the query fails: {match.message}")
    return Finding("sql", False, "the query gives other rows than it should", match.message, secret=True)


def _as_sql(value: Any) -> Any:
    return {"reference": value} if isinstance(value, str) else value


SqlCheck = Annotated[Sql, BeforeValidator(_as_sql, json_schema_input_type=Query | Sql)]
