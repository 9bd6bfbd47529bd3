"""Which candidates make a pair, the preferred one first, and why none do."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, Literal, NamedTuple

Strategy = Literal["best_worst", "margin", "top_vs_random", "all_pairs"]


class Candidate(NamedTuple):
    """One candidate: what it says, its score or rank, and the record it came with."""

    content: Any
    score: float
    record_id: str


Pairs = list[tuple[Candidate, Candidate]]

_ROUNDING = 1e-9
"""How far a margin may be off through sums of floats."""


class Rule(NamedTuple):
    """What makes a pair."""

    strategy: Strategy
    sign: Literal[1, -1]
    """1 where more is better, -1 where less is."""
    min_margin: float
    min_score: float | None

    def gap(self, better: Candidate, worse: Candidate) -> float:
        """How far one is ahead of another."""
        return self.sign * (better.score - worse.score)

    def pairs(self, candidates: list[Candidate], random: Random) -> Pairs:
        """The pairs, the best candidates first; of equals the first counts."""
        ordered = sorted(candidates, key=lambda one: -self.sign * one.score)
        found = [pair for pair in self._behind(ordered) if self.min_score is None or pair[0].score >= self.min_score]
        if self.strategy == "all_pairs" or not found:
            return found
        best = found[0][0]
        rivals = [pair for pair in found if pair[0] is best]
        if self.strategy == "margin":
            return rivals[:1]
        if self.strategy == "top_vs_random":
            return [rivals[int(random.random() * len(rivals))]]
        lowest = rivals[-1][1].score
        return [next(pair for pair in rivals if pair[1].score == lowest)]

    def _behind(self, ordered: list[Candidate]) -> Iterator[tuple[Candidate, Candidate]]:
        several = self.strategy == "all_pairs"
        for i, better in enumerate(ordered if several else ordered[:1]):
            for worse in ordered[i + 1 :]:
                gap = self.gap(better, worse)
                if gap > 0 and gap >= self.min_margin - _ROUNDING:
                    yield better, worse

    def why_none(self, candidates: list[Candidate]) -> str:
        """Why these candidates make no pair."""
        if len(candidates) < 2:
            return "too few candidates"
        scores = [one.score for one in candidates]
        spread = max(scores) - min(scores)
        if spread == 0:
            return "tie"
        return "margin too small" if spread < self.min_margin - _ROUNDING else "chosen too low"
