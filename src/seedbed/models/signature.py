"""A Python function's signature as a JSON Schema, and arguments that follow it made what the function takes.

Types are read by pydantic: Literal, Optional, lists, maps, enums, dataclasses, TypedDict and pydantic models are
understood, `Annotated[int, Field(ge=1)]` too. A parameter without a type takes any JSON value.
"""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable
from typing import Any

from pydantic import ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUserError

from seedbed.errors import BadReply, InputError
from seedbed.registry.code import parameters
from seedbed.registry.docstring import read_docstring


class Signature:
    """What a function is called, what it does, and what it takes. Raises InputError when made."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.name = getattr(function, "__name__", "") or type(function).__name__
        doc = read_docstring(inspect.getdoc(function))
        self.description = doc.text
        wanted = parameters(function)
        hints = _hints(function, self.name)
        self._names = [*wanted.required, *wanted.optional]
        fields: dict[str, Any] = {}
        signature = inspect.signature(function).parameters
        for i, name in enumerate(name for name in signature if name in self._names):
            default = signature[name].default
            more: dict[str, Any] = {"description": doc.parameters[name]} if name in doc.parameters else {}
            value = ... if default is inspect.Parameter.empty else default
            # A field of a model may not be called `schema` or `_x`; an alias may.
            fields[f"p{i}"] = (hints.get(name, Any), Field(value, alias=name, **more))
        config = ConfigDict(extra="allow" if wanted.takes_more else "forbid", arbitrary_types_allowed=False)
        try:
            self._model = create_model(self.name, __config__=config, **fields)
            self.schema = _tidy(self._model.model_json_schema(by_alias=True))
            json.dumps(self.schema)
        except (PydanticUserError, TypeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            hint = "give its parameters types that have a JSON form"
            raise InputError(f"`{self.name}` cannot be a tool: {reason}", hint=hint) from error
        self.schema.pop("title", None)
        self.schema.pop("description", None)
        self.schema.setdefault("properties", {})

    def arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        """Arguments as the function takes them: pydantic models made, dates read. Raises BadReply."""
        try:
            model = self._model.model_validate(given)
        except ValidationError as error:
            said = "; ".join(
                ".".join(map(str, item["loc"])) + f": {item['msg']}" for item in error.errors(include_url=False)[:3]
            )
            feedback = f"The arguments of your call of `{self.name}` are wrong: {said}. Call it again."
            raise BadReply(f"the arguments of `{self.name}` are wrong: {said}", feedback=feedback) from error
        named = {
            info.alias or name: getattr(model, name)
            for name, info in type(model).model_fields.items()
            if name in model.model_fields_set
        }
        return {**named, **(model.model_extra or {})}


def _hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    target = function if inspect.isroutine(function) or inspect.isfunction(function) else getattr(function, "__call__")  # noqa: B004, B009
    try:
        return typing.get_type_hints(target, include_extras=True)
    except (NameError, TypeError, AttributeError) as error:
        raise InputError(f"`{name}` cannot be a tool: {error}", hint="its annotations must be importable") from error


def _tidy(schema: Any, names: bool = False) -> Any:
    """Without the titles that pydantic adds. `names` says that keys are names of parameters here, not keywords."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _tidy(value, not names and key in ("properties", "$defs"))
        for key, value in schema.items()
        if names or key != "title" or not isinstance(value, str)
    }
