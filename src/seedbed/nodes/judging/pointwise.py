"""Scores one text by criteria: what a judge is asked, and the verdict of a jury."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from seedbed.errors import BadReply
from seedbed.graph.contracts import Visit
from seedbed.models.contract import Reply, Request
from seedbed.models.parsing import acceptor
from seedbed.models.structured import without_thinking
from seedbed.nodes.judging import combine, words
from seedbed.nodes.judging.asking import REASON, Form, Seat, ask, form, jury, noted, together
from seedbed.nodes.judging.combine import Given, Verdict
from seedbed.nodes.judging.expected import expected_score
from seedbed.nodes.judging.rubric import Part
from seedbed.nodes.judging.scale import NOT_APPLICABLE

_AROUND = " \t\n.\"'`*"


class Settings(NamedTuple):
    """How a judge is asked, and how verdicts are brought together."""

    params: dict[str, Any]
    separate: bool
    logprobs: bool
    combine: combine.Way | None
    overall: Literal["mean", "min"]
    quorum: int
    compares: bool
    """Whether there is a reference."""


Pieces = Sequence[tuple[str, str]]


def scorer(
    parts: Sequence[Part], seats: Sequence[Seat], settings: Settings
) -> Callable[[Pieces, str, Mapping[str, Any], Visit], Awaitable[dict[str, Any]]]:
    """The function that scores: from the material, the instructions, the scope and the visit to the node's value."""
    groups = [[part] for part in parts] if settings.separate or settings.logprobs else [list(parts)]
    forms = [form({part.name: _form_of(part) for part in group}) for group in groups]
    method = combine.how(parts, settings.overall)

    async def judge(seat: Seat, pieces: Pieces, instructions: str, scope: Mapping[str, Any], visit: Visit) -> Verdict:
        async def asked(group: list[Part], one: Form) -> Verdict:
            system = words.scoring(group, scope, instructions, compares=settings.compares)
            if settings.logprobs:
                return await _in_two_turns(seat, system, pieces, group[0], settings.params, visit)
            messages = _messages(system, words.material(pieces, "Judge it by the criteria."))
            return await _in_one_turn(seat, messages, group, one, settings.params, visit)

        found = await together(asked(group, one) for group, one in zip(groups, forms, strict=True))
        return {name: given for verdict in found for name, given in verdict.items()}

    async def score(pieces: Pieces, instructions: str, scope: Mapping[str, Any], visit: Visit) -> dict[str, Any]:
        calls = [judge(seat, pieces, instructions, scope, visit) for seat in seats]
        there, verdicts = await jury(seats, calls, settings.quorum, visit)
        scores = {part.name: combine.combined(part, verdicts, settings.combine) for part in parts}
        result: dict[str, Any] = {
            "score": combine.overall(parts, scores, settings.overall),
            "how": method,
            "scores": scores,
            "reason": _reason(scores),
            "models": list(dict.fromkeys(seat.caller.name for seat in there)),
            "disagreement": combine.disagreement(parts, scores),
        }
        if len(seats) > 1:
            result["verdicts"] = [_told(seat, verdict) for seat, verdict in zip(there, verdicts, strict=True)]
        return result

    return score


def _form_of(part: Part) -> dict[str, Any]:
    """Reason first: the score follows from it, and a model writes the keys in their order."""
    score = part.scale.schema(optional=part.optional)
    return {
        "type": "object",
        "properties": {"reason": REASON, "score": score},
        "required": ["reason", "score"],
        "additionalProperties": False,
    }


def _messages(system: str, user: str) -> words.Messages:
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


async def _in_one_turn(
    seat: Seat, messages: words.Messages, parts: list[Part], one: Form, params: dict[str, Any], visit: Visit
) -> Verdict:
    filled = await ask(seat, messages, params, one, visit)
    return {
        part.name: Given(part.scale.named(filled[part.name]["score"]), filled[part.name]["reason"].strip())
        for part in parts
    }


async def _in_two_turns(
    seat: Seat, system: str, pieces: Pieces, part: Part, params: dict[str, Any], visit: Visit
) -> Verdict:
    """The reason, then the score as an answer of its own, so that its first token tells the odds of all scores."""
    messages = _messages(system, words.material(pieces, words.reasons_only(part)))
    reason = noted(await seat.caller.ask(Request(messages, params, None, acceptor()), visit, seat.sample), visit)
    said = without_thinking(reason).strip()
    turns = [{"role": "assistant", "content": said}, {"role": "user", "content": words.score_only(part)}]
    asked = {"top_logprobs": 20, **params, "logprobs": True}
    answer = await seat.caller.ask(Request([*messages, *turns], asked, None, _value_of(part)), visit, seat.sample)
    expected = expected_score(part.scale, answer.reply.logprobs) if answer.value is not None else None
    if expected is None and answer.value is not None:
        visit.notes.append(f"{part.name}: no expected score, the reply's tokens do not tell one")
    return {part.name: Given(answer.value, said, expected)}


def _value_of(part: Part) -> Callable[[Reply], Any]:
    """Reads a reply that is one value of the scale; anything else is refused, also a number beyond the scale."""
    by_text = {str(value).casefold(): value for value in part.scale.values}
    if part.optional:
        by_text[NOT_APPLICABLE] = None

    def accept(reply: Reply) -> Any:
        said = without_thinking(reply.text).strip(_AROUND).casefold()
        if said not in by_text:
            values = words.options(part)
            feedback = f"Answer with one of {values}, and nothing else."
            what = f"the reply is not on the scale of {part.name}: {values}"
            raise BadReply(what, reply=reply.text, feedback=feedback)
        return by_text[said]

    return accept


def _reason(scores: dict[str, dict[str, Any]]) -> str:
    if len(scores) == 1:
        return str(next(iter(scores.values()))["reason"])
    return "\n".join(f"{name}: {got['reason']}" for name, got in scores.items())


def _told(seat: Seat, verdict: Verdict) -> dict[str, Any]:
    """One verdict of several, as it is kept."""
    scores = {}
    for name, given in verdict.items():
        scores[name] = {"score": given.score, "reason": given.reason}
        if given.expected is not None:
            scores[name]["expected"] = round(given.expected, 6)
    return {"model": seat.caller.name, "scores": scores}
