"""Compares two texts: every judge is asked in both orders, and only what holds in both is a win."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from seedbed.graph.contracts import Visit
from seedbed.nodes.judging import words
from seedbed.nodes.judging.asking import REASON, Seat, ask, form, jury, together
from seedbed.nodes.judging.pointwise import Pieces
from seedbed.nodes.judging.rubric import Part

_FORM = form(
    {
        "reason": REASON,
        "winner": {"type": "string", "enum": ["first", "second", "tie"]},
    }
)
_ORDERS: dict[str, dict[str, str]] = {
    "ab": {"first": "a", "second": "b", "tie": "tie"},
    "ba": {"first": "b", "second": "a", "tie": "tie"},
}
"""Which text an answer means, by the order in which the two were shown."""
_WORTH = {"a": 1.0, "tie": 0.5, "b": 0.0}


class Compared(NamedTuple):
    """What one judge said in each of the two orders: the winner (`a`, `b` or `tie`) and why."""

    ab: tuple[str, str]
    ba: tuple[str, str]

    @property
    def winner(self) -> str:
        """The text that wins in both orders; else it is a tie."""
        return self.ab[0] if self.ab[0] == self.ba[0] else "tie"


def comparer(
    parts: Sequence[Part], seats: Sequence[Seat], params: dict[str, Any], quorum: int, *, compares: bool
) -> Callable[[Pieces, str, str, str, Mapping[str, Any], Visit], Awaitable[dict[str, Any]]]:
    """The function that compares: from context, both texts, instructions, scope and visit to the node's value."""

    async def judge(seat: Seat, context: Pieces, a: str, b: str, system: str, visit: Visit) -> Compared:
        async def in_order(order: str, first: str, second: str) -> tuple[str, str]:
            user = words.material([*context, ("first", first), ("second", second)], "Say which is better.")
            messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
            filled = await ask(seat, messages, params, _FORM, visit)
            return _ORDERS[order][filled["winner"]], filled["reason"].strip()

        return Compared(*await together([in_order("ab", a, b), in_order("ba", b, a)]))

    async def compare(
        context: Pieces, a: str, b: str, instructions: str, scope: Mapping[str, Any], visit: Visit
    ) -> dict[str, Any]:
        system = words.comparing(parts, scope, instructions, compares=compares)
        calls = [judge(seat, context, a, b, system, visit) for seat in seats]
        there, found = await jury(seats, calls, quorum, visit)
        winners = [one.winner for one in found]
        winner = next((side for side in ("a", "b") if winners.count(side) * 2 > len(winners)), "tie")
        orders = [one.ab[0] for one in found] + [one.ba[0] for one in found]
        return {
            "winner": winner,
            "score": round(sum(_WORTH[side] for side in orders) / len(orders), 6),
            "reason": _reason(winner, found),
            "verdicts": [
                {"model": seat.caller.name, "order": order, "winner": said[0], "reason": said[1]}
                for seat, one in zip(there, found, strict=True)
                for order, said in zip(_ORDERS, one, strict=True)
            ],
            "models": list(dict.fromkeys(seat.caller.name for seat in there)),
            "disagreement": round(1 - orders.count(winner) / len(orders), 6),
        }

    return compare


def _reason(winner: str, found: Sequence[Compared]) -> str:
    """Why it ended so: the reason of a verdict for it, or of both orders where they contradict each other."""
    agreed = next((one for one in found if one.winner == winner and one.ab[0] == one.ba[0]), None)
    if agreed is not None:
        return agreed.ab[1]
    split = next((one for one in found if one.ab[0] != one.ba[0]), None)
    if split is None:
        return "the judges are divided: " + "; ".join(one.ab[1] for one in found)
    return f"the orders disagree. With a first: {split.ab[1]} With b first: {split.ba[1]}"
