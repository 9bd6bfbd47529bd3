"""Asks judges, several at once; what one of them cannot answer is an error and never a score."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from seedbed.errors import ModelError, StopRun
from seedbed.graph.contracts import Visit
from seedbed.graph.json_schema import Checker
from seedbed.models.contract import Answer, Caller, Request
from seedbed.models.parsing import acceptor

T = TypeVar("T")

REASON: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 1200}
"""A reason. Its length is bounded so that decoding by a grammar ends."""


class Seat(NamedTuple):
    """One place on the jury: a model, and which of its samples."""

    caller: Caller
    sample: int


class Form(NamedTuple):
    """A JSON Schema of answers, and the function that accepts only what follows it."""

    schema: dict[str, Any]
    accept: Any


def form(properties: dict[str, Any]) -> Form:
    """The form of an answer with these keys, all of them required, in this order."""
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return Form(schema, acceptor(None, Checker(schema)))


async def ask(seat: Seat, messages: list[dict[str, Any]], params: dict[str, Any], form: Form, visit: Visit) -> Any:
    """What a judge filled into a form. Raises ModelError."""
    answer = await seat.caller.ask(Request(messages, params, form.schema, form.accept), visit, seat.sample)
    return noted(answer, visit)


def noted(answer: Answer, visit: Visit) -> Any:
    """The value of an answer; what had to be repaired in it is noted."""
    if answer.value.note:
        visit.notes.append(answer.value.note)
    return answer.value.value


async def together(calls: Iterable[Awaitable[T]]) -> list[T]:
    """All results. A failure waits for the others, so that answers under way are kept; one that stops the run wins."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    if errors:
        raise next((error for error in errors if isinstance(error, StopRun)), errors[0])
    return [result for result in results if not isinstance(result, BaseException)]


async def jury(
    seats: Sequence[Seat], calls: Iterable[Awaitable[T]], quorum: int, visit: Visit
) -> tuple[list[Seat], list[T]]:
    """The seats that gave a verdict, and their verdicts. Raises the first ModelError where fewer than a quorum did."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    grave = [error for error in errors if not isinstance(error, ModelError)]
    if grave or len(results) - len(errors) < quorum:
        raise next((error for error in grave if isinstance(error, StopRun)), (grave or errors)[0])
    there: list[Seat] = []
    verdicts: list[T] = []
    for seat, result in zip(seats, results, strict=True):
        if isinstance(result, BaseException):
            visit.notes.append(f"{seat.caller.name} gave no verdict: {result}")
        else:
            there.append(seat)
            verdicts.append(result)
    return there, verdicts
