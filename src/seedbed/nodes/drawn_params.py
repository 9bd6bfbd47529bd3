"""Sampling parameters of a node: fixed ones, and ones drawn anew for each answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from seedbed.graph.contracts import Issue, Visit
from seedbed.nodes.draws import KINDS, Draw

_ELSEWHERE = {
    "model": "name the model with `model:`",
    "messages": "write them as `prompt:`",
    "n": "write `n:` beside `params:`",
    "stream": "leave it out: replies are read whole",
    "response_format": "write `schema:` or `parse: json`",
    "tools": "write `tools:` beside `params:`",
    "tool_choice": "write `tool_choice:` beside `params:`",
}
"""Parameters that the node itself decides."""

PARAMS_SCHEMA: dict[str, Any] = {"propertyNames": {"not": {"enum": list(_ELSEWHERE)}}}
"""What the JSON Schema of such parameters says beyond their being a map."""


def is_draw(value: Any) -> bool:
    """Whether a parameter is written as a draw: a map whose only key says what to draw from."""
    return isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in KINDS


def params_issues(params: Mapping[str, Any]) -> Iterator[Issue]:
    """What is wrong with the `params:` of a node."""
    for key, value in params.items():
        if fix := _ELSEWHERE.get(key):
            yield Issue(("params", key), f"`{key}` is not a sampling parameter", fix)
        elif is_draw(value):
            try:
                draw = Draw.model_validate(value)
            except ValidationError as error:
                kind = next(iter(value))
                yield Issue(("params", key, kind), f"`{kind}` cannot be drawn from this", _said(error))
            else:
                for issue in draw.issues():
                    yield Issue(("params", key, *issue.path), issue.what, issue.fix)


def param_drawer(params: Mapping[str, Any]) -> Callable[[Visit, int], dict[str, Any]]:
    """The function that gives the parameters of one sample of a visit; the same ones for the same seed."""
    fixed = dict(params)
    drawers = {key: Draw.model_validate(value).drawer() for key, value in fixed.items() if is_draw(value)}
    if not drawers:
        return lambda visit, sample: fixed
    return lambda visit, sample: (
        fixed | {key: draw(visit.random("params", key, sample)) for key, draw in drawers.items()}
    )


def _said(error: ValidationError) -> str:
    text = error.errors(include_url=False)[0]["msg"]
    return text[0].lower() + text[1:]
