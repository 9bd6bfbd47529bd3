"""`type: function`: your own Python over each record. How it is called stands in `registry/hook.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from pydantic import Field

from seedbed.errors import InputError, NodeError, RecordError
from seedbed.graph.contracts import Issue, Outcome, Read, StepContext, Trail, Work, WorkerStep
from seedbed.graph.messages import kind
from seedbed.record import Fields, Record
from seedbed.registry.code import file_or_reference
from seedbed.registry.hook import Hook
from seedbed.steps.fields import refuse_reserved, scope_of, with_fields

__all__ = ["FunctionStep"]


class FunctionStep(WorkerStep):
    """Calls a Python function for each record.

    It returns a map, which becomes the record's fields; a list of maps, each of which becomes a record; or None,
    False or an empty list, which drop the record with reason `function`. True lets it go on as it is.
    Its parameter names are the fields it reads, `id` and `params` included; a parameter with a default is given the
    field where there is one of that name, and `**fields` all others. It may be async; if it is not, it runs in a
    thread.

    ```yaml
    - {type: function, call: "./hooks.py:split_dialogue", params: {turns: 2}}
    ```
    """

    type: Literal["function"] = "function"
    call: str
    """`./hooks.py:function`, relative to the pipeline file, or `package.module:function`."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Further arguments by name, given as they are: templates in them are not filled."""

    def reads(self) -> Iterator[Read]:
        try:
            hook = Hook(self.call, self.base, self.params)
        except InputError:
            return  # `check` says what is wrong
        for name in hook.required:
            yield Read("field", name, ("call",))
        for name in hook.optional:
            yield Read("optional", name, ("call",))

    def fields_after(self, known: set[str] | None) -> set[str] | None:
        return None

    def files(self) -> list[str]:
        return [file_or_reference(self.call)]

    def check(self, base: Path) -> Iterator[Issue]:
        try:
            Hook(self.call, base, self.params)
        except InputError as error:
            yield Issue(("call",), error.message, error.hint)

    def work(self, context: StepContext) -> Work:
        hook = Hook(self.call, context.base, self.params)

        async def work(record: Record) -> Outcome:
            start = perf_counter()
            try:
                arguments = hook.arguments(scope_of(record, context), record.fields)
                result = await hook(arguments, context.run_blocking)
                outcome = _outcome(record, result)
            except RecordError as error:
                outcome = Outcome("failed", error=error)
            event = {"node": context.name, "visit": 1, "status": outcome.status, "seconds": perf_counter() - start}
            outcome.where = context.name
            outcome.trail = Trail([event], attempts=1)
            return outcome

        return work


def _outcome(record: Record, result: Any) -> Outcome:
    if result is None or result is False or result == []:
        return Outcome("dropped", reason="function")
    if result is True:
        return Outcome("done", [record])
    if isinstance(result, dict):
        return Outcome("done", [with_fields(record, _fields(record, result))])
    if isinstance(result, list):
        return Outcome("done", [record.child(_fields(record, item), i) for i, item in enumerate(result)])
    hint = "return a map of fields, a list of maps, or None to drop the record"
    raise NodeError(f"the function returned {kind(result)}", hint=hint)


def _fields(record: Record, value: Any) -> Fields:
    """The fields a function returned; the record's own id may be among them and is left out."""
    if not isinstance(value, dict):
        raise NodeError(f"the function returned a list that holds {kind(value)}", hint="return a list of maps")
    if value.get("id", record.id) != record.id:
        raise NodeError("the function gave the record another id", hint="return it under another name")
    fields = {name: item for name, item in value.items() if name != "id"}
    refuse_reserved(fields, "the function returned a field")
    return fields
