"""The nodes and steps that come with seedbed as methods, with their keys as parameters, for completion in an editor.

Nothing happens here: each hands what it was given to `node` or `step`. `**more` of a node takes what every node may
have: `output`, `when`, `on_error`, `max_visits`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self

Values = Sequence[Any] | Mapping[Any, float]


class Methods:
    """What a builder inherits."""

    @abstractmethod
    def node(self, name: str, type: str, /, **spec: Any) -> Self:
        """Adds a node of any type."""

    @abstractmethod
    def step(self, type: str, /, **spec: Any) -> Self:
        """Adds a step of any type."""

    def llm(
        self,
        name: str,
        /,
        *,
        model: str | Sequence[str],
        pick: Literal["all", "weighted", "round_robin", "random", "least_busy"] | None = None,
        weights: Mapping[str, float] | None = None,
        prompt: str | Mapping[str, str] | Sequence[Mapping[str, Any]] | None = None,
        examples: Mapping[str, Any] | None = None,
        attach: Any = None,
        attach_bytes: int | None = None,
        schema: Any = None,
        parse: str | Mapping[str, Any] | None = None,
        tools: Sequence[Any] | None = None,
        tool_choice: str | None = None,
        n: int | None = None,
        params: Mapping[str, Any] | None = None,
        history: str | None = None,
        save: Sequence[Literal["reasoning", "logprobs", "usage", "finish_reason", "model", "params"]] | None = None,
        **more: Any,
    ) -> Self:
        """Asks a model, or several, and writes the reply: text, an object where there is a `schema`, or the text and
        the calls where there are `tools`, which are Python functions or descriptions."""
        spec = {
            "model": model,
            "pick": pick,
            "weights": weights,
            "prompt": prompt,
            "examples": examples,
            "attach": attach,
            "attach_bytes": attach_bytes,
            "schema": schema,
            "parse": parse,
            "tools": tools,
            "tool_choice": tool_choice,
            "n": n,
            "params": params,
            "history": history,
            "save": save,
        }
        return self.node(name, "llm", **_given(spec), **more)

    def sampler(
        self,
        name: str,
        /,
        *,
        choices: Values | None = None,
        integer: tuple[int, int] | None = None,
        uniform: tuple[float, float] | None = None,
        normal: Mapping[str, float] | None = None,
        poisson: float | None = None,
        date: tuple[Any, Any] | None = None,
        rows: Mapping[str, Any] | None = None,
        subcategory: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Self:
        """Draws a value; exactly one of the parameters says from what."""
        spec: dict[str, Any] = {
            "choices": choices,
            "integer": integer,
            "uniform": uniform,
            "normal": normal,
            "poisson": poisson,
        }
        return self.node(
            name, "sampler", **_given(spec | {"date": date, "rows": rows, "subcategory": subcategory}), **more
        )

    def expression(self, name: str, expression: str, /, **more: Any) -> Self:
        """Writes the value of an expression over other fields."""
        return self.node(name, "expression", expression=expression, **more)

    def template(self, name: str, template: str, /, **more: Any) -> Self:
        """Writes a text with its holes filled."""
        return self.node(name, "template", template=template, **more)

    def function(
        self, name: str, /, call: str | Callable[..., Any], *, params: Mapping[str, Any] | None = None, **more: Any
    ) -> Self:
        """Calls Python and writes what it returns: a function, or a reference such as `./hooks.py:check`."""
        return self.node(name, "function", call=call, **_given({"params": params}), **more)

    def for_each(
        self,
        name: str,
        items: str,
        /,
        *,
        nodes: Mapping[str, Mapping[str, Any]],
        as_: str | None = None,
        edges: Sequence[str | Mapping[str, Any]] | None = None,
        collect: str | None = None,
        on_item_error: Literal["fail", "drop", "keep_null"] | None = None,
        concurrency: int | None = None,
        **more: Any,
    ) -> Self:
        """Has each item of a list walk through a graph of its own, and writes the list of what came of them.

        `nodes` are maps by name, as in a file: `{"draft": {"type": "llm", "model": "writer", "prompt": "…"}}`.
        """
        spec = {"as": as_, "edges": edges, "collect": collect, "on_item_error": on_item_error}
        return self.node(
            name, "for_each", items=items, nodes=nodes, **_given(spec | {"concurrency": concurrency}), **more
        )

    def subgraph(
        self,
        name: str,
        file: str,
        /,
        *,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, str] | None = None,
        overrides: Mapping[str, Mapping[str, Any]] | None = None,
        models: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Self:
        """Has the record walk through the graph of another pipeline file."""
        spec = {"inputs": inputs, "outputs": outputs, "overrides": overrides, "models": models}
        return self.node(name, "subgraph", file=file, **_given(spec), **more)

    def filter(self, where: str, /, *, reason: str | None = None) -> Self:
        """Keeps the records for which an expression is true."""
        return self.step("filter", where=where, **_given({"reason": reason}))

    def select(self, *fields: str, except_: Sequence[str] | None = None) -> Self:
        """Keeps these fields, or all but some."""
        return self.step("select", **_given({"fields": fields or None, "except": except_}))

    def rename(self, fields: Mapping[str, str] | None = None, /, **more: str) -> Self:
        """Gives fields other names: `.rename(question="q")` makes `question` into `q`."""
        return self.step("rename", fields={**(fields or {}), **more})

    def set(self, fields: Mapping[str, Any] | None = None, /, **more: Any) -> Self:
        """Writes fields from templates."""
        return self.step("set", fields={**(fields or {}), **more})

    def explode(
        self,
        field: str,
        /,
        *,
        into: str | None = None,
        index: str | None = None,
        unpack: bool | None = None,
        keep_empty: bool | None = None,
    ) -> Self:
        """Makes one record for each item of a list."""
        spec = {"into": into, "index": index, "unpack": unpack, "keep_empty": keep_empty}
        return self.step("explode", field=field, **_given(spec))

    def group(self, by: str | Sequence[str], /, *, collect: Mapping[str, Any] | None = None) -> Self:
        """Makes one record of all that are equal in the fields of `by`."""
        return self.step("group", by=by, **_given({"collect": collect}))

    def sort(self, by: str | Sequence[str | Mapping[str, Any]], /, *, descending: bool | None = None) -> Self:
        """Puts records in order, by a field, an expression, or several."""
        return self.step("sort", by=by, **_given({"descending": descending}))

    def shuffle(self) -> Self:
        """Puts records in a random order."""
        return self.step("shuffle")

    def limit(self, n: int, /) -> Self:
        """Lets the first `n` records go on."""
        return self.step("limit", n=n)

    def sample(self, n: int | None = None, /, *, fraction: float | None = None) -> Self:
        """Lets a random part of the records go on: exactly `n`, or each with a certain likelihood."""
        return self.step("sample", **_given({"n": n, "fraction": fraction}))

    def dedup_exact(self, *fields: str, normalise: Literal["none", "space", "case"] | None = None) -> Self:
        """Keeps the first of the records that are equal in some fields, or in all where none is named."""
        spec: dict[str, Any] = {"field": fields[0]} if len(fields) == 1 else {"fields": fields or None}
        return self.step("dedup.exact", **_given(spec | {"normalise": normalise}))


def _given(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if value is not None}
