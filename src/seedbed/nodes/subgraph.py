"""`type: subgraph`: another file's graph as one node."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from seedbed.graph.contracts import Context, FieldName, Issue, Name, NodeCall, Read, Visit
from seedbed.graph.plan import Elsewhere, GraphNode
from seedbed.graph.reads import names_read
from seedbed.graph.walking import Inside
from seedbed.template.expression import compile_expression
from seedbed.template.value import compile_value

__all__ = ["SubgraphNode"]


class SubgraphNode(GraphNode):
    """Has the record walk through the graph of another pipeline file, and writes what its nodes have written.

    A field that the graph reads, that `inputs` does not give and that no node of it writes, is the record's of the same
    name. Of the other file its graph, `params`, and the models that its nodes ask are used; nothing else.

    ```yaml
    reviewed:
      type: subgraph
      file: ./critique.yaml
      inputs: {question: "{{ title }}: {{ question }}"}
      outputs: {answer: draft, score: verdict.score}
      overrides: {verdict: {params: {temperature: 0}}}
      models: {writer: large}
    ```
    """

    type: Literal["subgraph"] = "subgraph"
    file: str = Field(min_length=1)
    """The other pipeline file. Its top-level nodes and edges are used, or else its first `graph` step. Paths in it
    start at its own folder."""
    inputs: dict[Name, Any] = {}
    """Fields as the graph shall see them: values, templates in them filled from the record; a text that is one
    `{{ expression }}` keeps its type."""
    outputs: dict[FieldName, str] | None = Field(default=None, min_length=1)
    """The fields to write, each with the field or expression inside that it takes its value from. Default: one field, a
    map of all that the nodes inside have written."""
    overrides: dict[Name, dict[str, Any]] = {}
    """Keys of nodes inside, by node, that are to be other than the file says."""
    models_: dict[Name, str] = Field(default={}, alias="models")
    """What models that the file names are called here. One that is not named here is the model of that name under
    `models:` here, or else the file's own."""

    def elsewhere(self) -> Elsewhere:
        return Elsewhere(self.file, self.overrides, self.models_)

    def writes(self) -> list[str]:
        return list(self.outputs) if self.outputs is not None else super().writes()

    def gives(self) -> list[str]:
        return list(self.inputs)

    def reads(self) -> Iterator[Read]:
        yield from super().reads()
        yield Read("value", self.inputs, ("inputs",))

    def reads_inside(self) -> Iterator[Read]:
        for name, text in (self.outputs or {}).items():
            yield Read("expression", text, ("outputs", name))

    def check(self, base: Path) -> Iterator[Issue]:
        if self.outputs is not None and self.output is not None:
            yield Issue(("output",), "`outputs` names what is written", "leave out `output`, or `outputs`")
        plan = self._plan
        if plan is None or plan.guessed:
            return
        read = names_read([*plan.reads(), *self.reads_inside()])
        for name in self.inputs:
            if name in plan.written:
                what = f"a node of {self.file} writes `{name}`"
                yield Issue(("inputs", name), what, "leave it out, or give that node another `output:` in `overrides`")
            elif name not in read:
                near = get_close_matches(name, read, 1)
                fix = f"did you mean `{near[0]}`?" if near else f"it reads: {', '.join(sorted(read)) or 'nothing'}"
                yield Issue(("inputs", name), f"nothing in {self.file} reads `{name}`", fix)

    def prepare(self, context: Context) -> NodeCall:
        inside = Inside(self, context)
        inputs = compile_value(self.inputs)
        outputs = {name: compile_expression(text) for name, text in (self.outputs or {}).items()}

        async def call(visit: Visit) -> Any:
            scope = inside.scope(visit, inputs(visit.scope))
            walked = await inside.walk(visit, scope)
            visit.events = walked.events
            if walked.status == "dropped":
                visit.drop(walked.reason, walked.where)
                return None
            if walked.error is not None:
                visit.where = walked.where
                raise walked.error
            if not outputs:
                return inside.value(scope)
            values = {name: output(scope) for name, output in outputs.items()}
            for name, value in values.items():
                visit.write(name, value)
            return values[self.writes()[0]]

        return call
