"""What an expression is made of once read. Every part knows where it stands in the source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Part:
    """Base of all parts: offsets of its first character and of the one after its last."""

    start: int
    end: int


@dataclass(slots=True)
class Const(Part):
    value: Any


@dataclass(slots=True)
class Name(Part):
    name: str


@dataclass(slots=True)
class Items(Part):
    """A list or tuple: both are lists, as in JSON."""

    items: list[Part]


@dataclass(slots=True)
class Map(Part):
    pairs: list[tuple[Part, Part]]


@dataclass(slots=True)
class Attribute(Part):
    """`of.name`"""

    of: Part
    name: str


@dataclass(slots=True)
class Index(Part):
    """`of[key]`"""

    of: Part
    key: Part


@dataclass(slots=True)
class Slice(Part):
    """`of[first:last:step]`"""

    of: Part
    bounds: tuple[Part | None, Part | None, Part | None]


@dataclass(slots=True)
class Arguments:
    """What is passed to a function, method, filter or test."""

    plain: list[Part]
    named: dict[str, Part]


@dataclass(slots=True)
class Call(Part):
    """`name(…)`"""

    name: str
    arguments: Arguments


@dataclass(slots=True)
class Method(Part):
    """`of.name(…)`"""

    of: Part
    name: str
    name_at: int
    arguments: Arguments


@dataclass(slots=True)
class Filter(Part):
    """`of|name(…)`"""

    of: Part
    name: str
    name_at: int
    arguments: Arguments


@dataclass(slots=True)
class Test(Part):
    """`of is name(…)`"""

    of: Part
    name: str
    name_at: int
    arguments: Arguments


@dataclass(slots=True)
class Negative(Part):
    of: Part


@dataclass(slots=True)
class Arithmetic(Part):
    """`+ - * / // % ** ~`"""

    mark: str
    left: Part
    right: Part


@dataclass(slots=True)
class Compare(Part):
    """`first < second <= third …`; the marks also are `==`, `!=`, `in` and `not in`."""

    first: Part
    rest: list[tuple[str, Part]]


@dataclass(slots=True)
class Not(Part):
    of: Part


@dataclass(slots=True)
class Both(Part):
    """`left and right`"""

    left: Part
    right: Part


@dataclass(slots=True)
class Either(Part):
    """`left or right`"""

    left: Part
    right: Part


@dataclass(slots=True)
class Choice(Part):
    """`then if condition else otherwise`"""

    then: Part
    condition: Part
    otherwise: Part | None
