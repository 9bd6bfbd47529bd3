"""A user's function at work on records: its arguments by name, its result in JSON, its errors with file and line."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from seedbed.errors import InputError, NodeError, SeedbedError
from seedbed.registry.code import described, load_function, parameters
from seedbed.registry.results import copied, json_value

RunBlocking = Callable[[Callable[[], Any]], Awaitable[Any]]


class Hook:
    """A function named in a pipeline file, with the parameters that are fixed there.

    Raises InputError when made if there is no such function, or if it cannot be given these parameters.
    """

    def __init__(self, reference: str, base: Path, fixed: Mapping[str, Any] | None = None) -> None:
        self.reference = reference
        self.function = load_function(reference, base)
        self.fixed = dict(fixed or {})
        wanted = parameters(self.function)
        known = wanted.required + wanted.optional
        if not wanted.takes_more and (unknown := [name for name in self.fixed if name not in known]):
            near = get_close_matches(unknown[0], known, 1)
            hint = f"did you mean `{near[0]}`? " if near else ""
            hint += f"its parameters are {', '.join(known)}" if known else "it has no parameters"
            raise InputError(f"{reference} has no parameter `{unknown[0]}`", hint=hint)
        self.required = [name for name in wanted.required if name not in self.fixed]
        """Fields it reads."""
        self.optional = [name for name in wanted.optional if name not in self.fixed]
        """Fields it reads where there are such, else its defaults stand."""
        self.takes_more = wanted.takes_more
        called = getattr(self.function, "__call__", None)  # noqa: B004  (an object may have an async __call__)
        self.asynchronous = inspect.iscoroutinefunction(self.function) or inspect.iscoroutinefunction(called)
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        self._file: str | None = code.co_filename if code else None

    def arguments(self, scope: Mapping[str, Any], rest: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Its arguments out of `scope`, where a name that is not there is null. A function with `**kwargs` is given
        all of `rest`, too."""
        given = {name: scope.get(name) for name in self.required}
        given |= {name: scope[name] for name in self.optional if name in scope}
        if rest and self.takes_more:
            given = {**rest, **given}
        return copied(given | self.fixed)  # type: ignore[no-any-return]

    async def __call__(self, arguments: dict[str, Any], run_blocking: RunBlocking) -> Any:
        """Its result as a JSON value. Raises NodeError for whatever goes wrong in it."""
        try:
            if self.asynchronous:
                result = await self.function(**arguments)
            else:
                result = await run_blocking(lambda: self._call(arguments))
                if not inspect.isawaitable(result):
                    return result
                result = await result
            return json_value(result)
        except SeedbedError:
            raise
        except (Exception, SystemExit) as error:
            raise self._failed(error) from error

    def _call(self, arguments: dict[str, Any]) -> Any:
        try:
            result = self.function(**arguments)
            return result if inspect.isawaitable(result) else json_value(result)
        except SeedbedError:
            raise
        except (Exception, SystemExit) as error:
            # Named here, in the thread: a StopIteration could not leave it.
            raise self._failed(error) from error

    def _failed(self, error: BaseException) -> NodeError:
        hint = ""
        if isinstance(error, ModuleNotFoundError) and error.name and self._file:
            file = Path(self._file)
            if file.with_name(f"{error.name}.py").is_file():
                hint = f"modules beside {file.name} can be imported at its top only"
        return NodeError(described(error, self._file), hint=hint)
