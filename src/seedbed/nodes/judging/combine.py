"""From verdicts to scores: of several judges one, of several criteria one, and how far they are apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean, median
from typing import Any, Literal, NamedTuple

from seedbed.nodes.judging.rubric import Part
from seedbed.nodes.judging.scale import Scale

Way = Literal["mean", "median", "majority", "min", "max"]


class Given(NamedTuple):
    """What one judge gave for one criterion: a value of its scale (None: it does not apply), why, and what the
    probabilities of the tokens say."""

    score: Any
    reason: str
    expected: float | None = None


Verdict = dict[str, Given]
"""What one judge gave, by criterion."""


def combined(part: Part, verdicts: Sequence[Verdict], way: Way | None) -> dict[str, Any]:
    """The score of one criterion over all verdicts, its reason, and how far the verdicts are apart."""
    scale, given = part.scale, [verdict[part.name] for verdict in verdicts]
    there = [one for one in given if one.score is not None]
    if len(there) * 2 <= len(given) and len(there) < len(given):
        reason = next(one.reason for one in given if one.score is None)
        return {"score": None, "reason": reason, **_apart(scale, given)}
    way = way or ("majority" if scale.ordered else "mean")
    score = _score(scale, [one.score for one in there], way)
    worth = scale.number(score) if score in scale.values else float(score)
    nearest = min(there, key=lambda one: abs(scale.number(one.score) - worth))
    result: dict[str, Any] = {"score": score, "reason": nearest.reason}
    if scale.labels and not scale.ordered:
        result |= {"score": _tidy(worth), "label": score if score in scale.values else None}
    expected = [one.expected for one in there if one.expected is not None]
    if len(expected) == len(there):
        result["expected"] = _tidy(_number(expected, "mean" if way == "majority" else way))
    return {**result, **_apart(scale, given)}


def overall(parts: Sequence[Part], scores: dict[str, dict[str, Any]], way: Literal["mean", "min"]) -> Any:
    """One score of all criteria, on their scale if they share one, else from 0 to 1; None if none applies."""
    shared = common(parts)
    found: list[tuple[float, float]] = []
    for part in parts:
        got = scores[part.name]
        if got["score"] is None:
            continue
        number = got.get("expected", got["score"])
        if not isinstance(number, int | float):
            number = part.scale.number(number)
        found.append((number if shared else part.scale.share(number), part.weight))
    if not found:
        return None
    if way == "min":
        return _tidy(min(number for number, _ in found))
    return _tidy(sum(number * weight for number, weight in found) / sum(weight for _, weight in found))


def common(parts: Sequence[Part]) -> Scale | None:
    """The scale that all criteria share, if it has numbers."""
    scale = parts[0].scale
    return scale if not scale.ordered and all(part.scale == scale for part in parts) else None


def how(parts: Sequence[Part], way: Literal["mean", "min"]) -> str:
    """How the overall score is made, in words."""
    shared = common(parts)
    on = "from 0 to 1"
    if shared is not None:
        on = "by what the labels are worth" if shared.labels else f"on {shared.text}"
    if len(parts) == 1:
        return f"{parts[0].name}, {on}"
    weighted = way == "mean" and len({part.weight for part in parts}) > 1
    names = [f"{part.name} × {part.weight:g}" if weighted else part.name for part in parts]
    return f"{'weighted ' if weighted else ''}{way} of {', '.join(names)}, {on}"


def disagreement(parts: Sequence[Part], scores: dict[str, dict[str, Any]]) -> Any:
    """The largest distance between two verdicts on one criterion, as a part of its scale."""
    spreads = [scores[part.name].get("spread", 0.0) / (part.scale.high - part.scale.low) for part in parts]
    return _tidy(max(spreads))


def _apart(scale: Scale, given: Sequence[Given]) -> dict[str, Any]:
    """`spread`: from the lowest to the highest; `share`: of the verdicts that are not the commonest one."""
    if len(given) < 2:
        return {}
    numbers = [scale.number(one.score) for one in given if one.score is not None]
    commonest = Counter(one.score for one in given).most_common(1)[0][1]
    spread = max(numbers) - min(numbers) if numbers else 0.0
    return {"spread": _tidy(spread), "share": _tidy(1 - commonest / len(given))}


def _score(scale: Scale, values: list[Any], way: Way) -> Any:
    if len(values) == 1:
        return values[0]
    if way == "majority":
        counts = Counter(values)
        most = max(counts.values())
        return min((value for value in counts if counts[value] == most), key=scale.number)
    if way in ("min", "max"):
        return (min if way == "min" else max)(values, key=scale.number)
    if scale.ordered:
        # Only the median is left, and of two in the middle the lower one is a label.
        return sorted(values, key=scale.number)[(len(values) - 1) // 2]
    return _tidy(_number([scale.number(value) for value in values], way))


def _number(numbers: list[float], way: Way) -> float:
    return {"mean": fmean, "median": median, "min": min, "max": max}[way](numbers)  # type: ignore[operator,no-any-return]


def _tidy(number: float) -> Any:
    """Without the noise of the last digits; whole numbers stay whole."""
    number = round(float(number), 6)
    return int(number) if number.is_integer() else number
