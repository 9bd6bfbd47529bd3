"""The expected score: the mean over a scale by the probabilities that a model gave to its values as the next token.

Sum k p(k), renormalised over the scale's tokens. A value counts with all tokens that are it but for spaces, quotes and
case; a label may be cut into tokens, so that the beginning of only one label counts for it. A number may be cut too
(`1`, `0`): where such a beginning holds more than a hundredth of the probability, and its longer number is not seen as
a token, nothing can be said.
"""

from __future__ import annotations

import math
from typing import Any

from seedbed.nodes.judging.scale import Scale

_AROUND = " \t\n\"'`*▁Ġ"
_DOUBT = 0.01


def expected_score(scale: Scale, logprobs: list[dict[str, Any]] | None) -> float | None:
    """The expected number on a scale from the tokens of a reply that is one value of it; None if they do not tell."""
    token = next((token for token in logprobs or () if str(token.get("token", "")).strip(_AROUND)), None)
    if token is None:
        return None
    seen = token.get("top_logprobs") or [token]
    masses = dict.fromkeys(map(str, scale.values), 0.0)
    said: set[str] = set()
    for one in seen:
        text = str(one.get("token", "")).strip(_AROUND)
        value = _value(text, list(masses), labels=scale.labels)
        if value is not None:
            said.add(text)
            masses[value] += math.exp(min(float(one.get("logprob", -math.inf)), 0.0))
    total = sum(masses.values())
    if total <= 0.0 or (not scale.labels and _doubtful(masses, total, said)):
        return None
    numbers = dict(zip(masses, scale.numbers, strict=True))
    return sum(numbers[value] * mass for value, mass in masses.items()) / total


def _value(token: str, values: list[str], *, labels: bool) -> str | None:
    folded = token.casefold()
    if not folded:
        return None
    exact = [value for value in values if value.casefold() == folded]
    begun = exact or ([value for value in values if value.casefold().startswith(folded)] if labels else [])
    return begun[0] if len(begun) == 1 else None


def _doubtful(masses: dict[str, float], total: float, said: set[str]) -> bool:
    return any(
        mass / total > _DOUBT and other not in said
        for value, mass in masses.items()
        for other in masses
        if other != value and other.startswith(value)
    )
