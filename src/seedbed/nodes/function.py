"""`type: function`: your own Python. What it may return, and how its errors read, stands in `registry/hook.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from seedbed.errors import InputError
from seedbed.graph.contracts import Context, Issue, Node, NodeCall, Read, Visit
from seedbed.registry.code import file_or_reference
from seedbed.registry.hook import Hook

__all__ = ["FunctionNode"]


class FunctionNode(Node):
    """Calls a Python function and writes what it returns.

    Its parameter names are the fields it reads, `id`, `visits` and `params` included; a parameter with a default is
    given the field where there is one of that name. It may be async; if it is not, it runs in a thread.

    ```yaml
    checked: {type: function, call: "./hooks.py:check_answer", params: {tolerance: 0.01}}
    ```
    """

    type: Literal["function"] = "function"
    call: str
    """`./hooks.py:function`, relative to the pipeline file, or `package.module:function`."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Further arguments by name, given as they are: templates in them are not filled."""

    asynchronous: ClassVar[bool] = True

    def reads(self) -> Iterator[Read]:
        yield from super().reads()
        try:
            hook = Hook(self.call, self.base, self.params)
        except InputError:
            return  # `check` says what is wrong
        for name in hook.required:
            yield Read("field", name, ("call",))
        for name in hook.optional:
            yield Read("optional", name, ("call",))

    def files(self) -> list[str]:
        return [file_or_reference(self.call)]

    def check(self, base: Path) -> Iterator[Issue]:
        try:
            Hook(self.call, base, self.params)
        except InputError as error:
            yield Issue(("call",), error.message, error.hint)

    def prepare(self, context: Context) -> NodeCall:
        hook = Hook(self.call, context.base, self.params)

        async def call(visit: Visit) -> Any:
            return await hook(hook.arguments(visit.scope), context.run_blocking)

        return call
