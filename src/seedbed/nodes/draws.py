"""What can be drawn by chance: choices, numbers and dates, each from a generator that is given.

The keys of a map from value to weight are read as YAML reads them (`1` is a number, `true` a boolean). A normal
number within bounds is the inverse of the distribution function, so that one draw is enough however narrow they are;
a Poisson count is Knuth's product for small means and Hörmann's PTRS (1993) for large ones.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import accumulate
from random import Random
from statistics import NormalDist
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from seedbed.graph.contracts import Issue, Spec, exactly_one
from seedbed.graph.fill import typed

Drawer = Callable[[Random], Any]
"""Draws one value."""

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Choices = Annotated[list[Any], Field(min_length=1)] | Annotated[dict[str, Weight], Field(min_length=1)]
"""A list, each item as likely as the others, or a map from value to weight; weights need not add up to 1."""


class Normal(Spec):
    """A normal distribution, cut off at `min` and `max`."""

    mean: Number
    """The mean, before cutting off."""
    std: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """Standard deviation, before cutting off."""
    min: Number | None = None
    """The least value drawn."""
    max: Number | None = None
    """The greatest value drawn."""


KINDS = ("choices", "integer", "uniform", "normal", "poisson", "date")
"""The keys of a draw."""


class Draw(Spec):
    """One draw; exactly one of the keys."""

    model_config = ConfigDict(json_schema_extra=exactly_one(*KINDS))

    choices: Choices | None = None
    """One of a list, each as likely, or of a map from value to weight."""
    integer: Annotated[list[int], Field(min_length=2, max_length=2)] | None = None
    """A whole number from the first to the second, both included."""
    uniform: Annotated[list[Number], Field(min_length=2, max_length=2)] | None = None
    """A number between the first and the second."""
    normal: Normal | None = None
    """A normally distributed number."""
    poisson: Annotated[float, Field(ge=0, le=1e9)] | None = None
    """A Poisson-distributed count; this is its mean."""
    date: Annotated[list[str], Field(min_length=2, max_length=2)] | None = None
    """A day from the first to the second, both included, as text: 2024-02-29."""

    kinds: ClassVar[tuple[str, ...]] = KINDS
    """The keys of which one must be there."""

    def issues(self) -> Iterator[Issue]:
        """What is wrong with it that types cannot say."""
        there = [kind for kind in self.kinds if getattr(self, kind) is not None]
        if len(there) != 1:
            what = f"`{there[0]}` and `{there[1]}` are two draws" if there else "it does not say what to draw"
            yield Issue((there[1],) if there else (), what, f"write exactly one of: {', '.join(self.kinds)}")
        if self.choices is not None:
            yield from weight_issues(self.choices, ("choices",))
        for key, ends in (("integer", self.integer), ("uniform", self.uniform)):
            if ends and ends[0] > ends[1]:
                yield Issue((key,), f"`{key}` ends before it starts", f"write [{ends[1]}, {ends[0]}]")
        if self.normal is not None:
            low, high = self.normal.min, self.normal.max
            if low is not None and high is not None and low > high:
                yield Issue(("normal", "min"), "`min` is above `max`", "swap them")
        if self.date is not None:
            yield from _date_issues(self.date)

    def drawer(self) -> Drawer:
        """The function that draws. The keys must be free of `issues()`."""
        if self.choices is not None:
            return chooser(self.choices)
        if self.integer is not None:
            first, last = self.integer
            return lambda random: random.randint(first, last)
        if self.uniform is not None:
            low, high = self.uniform
            return lambda random: random.uniform(low, high)
        if self.normal is not None:
            return _normal(self.normal)
        if self.poisson is not None:
            mean = self.poisson
            return lambda random: poisson(random, mean)
        assert self.date is not None
        return _days(self.date)


def chooser(choices: list[Any] | dict[str, float]) -> Drawer:
    """Draws one of the choices."""
    if isinstance(choices, list):
        return lambda random: choices[int(random.random() * len(choices))]
    values = [typed(key) for key in choices]
    sums = list(accumulate(choices.values()))
    return lambda random: values[min(bisect(sums, random.random() * sums[-1]), len(values) - 1)]


def weight_issues(choices: list[Any] | dict[str, float], path: tuple[str | int, ...]) -> Iterator[Issue]:
    """What is wrong with the weights of choices written at `path`."""
    if isinstance(choices, dict) and not any(choices.values()):
        yield Issue(path, "all weights are 0", "give at least one choice a weight above 0")


def poisson(random: Random, mean: float) -> int:
    """A Poisson-distributed count."""
    if mean >= 10:
        return _poisson_large(random, mean)
    bound, product, count = math.exp(-mean), random.random(), 0
    while product > bound:
        product *= random.random()
        count += 1
    return count


def _poisson_large(random: Random, mean: float) -> int:
    """Hörmann's transformed rejection with squeeze."""
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    while True:
        u = random.random() - 0.5
        v = 1.0 - random.random()
        near = 0.5 - abs(u)
        if near <= 0:
            continue
        count = math.floor((2 * a / near + b) * u + mean + 0.43)
        if near >= 0.07 and v <= 0.9277 - 3.6224 / (b - 2):
            return count
        if count < 0 or (near < 0.013 and v > near):
            continue
        height = math.log(v * inverse_alpha / (a / (near * near) + b))
        if height <= count * math.log(mean) - mean - math.lgamma(count + 1):
            return count


def _normal(normal: Normal) -> Drawer:
    mean, std = normal.mean, normal.std
    low = -math.inf if normal.min is None else normal.min
    high = math.inf if normal.max is None else normal.max
    if std == 0 or low == high:
        fixed = min(max(mean, low), high)
        return lambda random: fixed
    if low == -math.inf and high == math.inf:
        return lambda random: random.gauss(mean, std)
    # In the upper tail the distribution function is 1.0 to the last digit, so that side is drawn mirrored.
    mirrored = low > mean
    start, end = ((mean - high) / std, (mean - low) / std) if mirrored else ((low - mean) / std, (high - mean) / std)
    standard = NormalDist()
    p_start = 0.5 * math.erfc(-start / math.sqrt(2))
    p_end = 0.5 * math.erfc(-end / math.sqrt(2))

    def draw(random: Random) -> float:
        p = p_start + (p_end - p_start) * random.random()
        z = standard.inv_cdf(p) if 0.0 < p < 1.0 else end if mirrored or p > 0.5 else start
        return min(max(mean - z * std if mirrored else mean + z * std, low), high)

    return draw


def _days(ends: list[str]) -> Drawer:
    first, last = (date.fromisoformat(text) for text in ends)
    days = (last - first).days
    return lambda random: (first + timedelta(days=random.randint(0, days))).isoformat()


def _date_issues(ends: list[str]) -> Iterator[Issue]:
    days = []
    for i, text in enumerate(ends):
        try:
            days.append(date.fromisoformat(text))
        except ValueError:
            yield Issue(("date", i), f"{text!r} is not a day", "write it as 2024-02-29")
    if len(days) == 2 and days[0] > days[1]:
        yield Issue(("date",), "`date` ends before it starts", f"write [{days[1]}, {days[0]}]")
