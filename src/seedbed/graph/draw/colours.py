"""The colour of each node type, for light and dark pages. Types of plug-ins get one of their own by their name."""

from __future__ import annotations

from colorsys import hls_to_rgb
from typing import NamedTuple
from zlib import crc32

_HUES = {
    "llm": 225, "agent": 255, "judge": 285, "dialogue": 205, "sampler": 150, "expression": 45, "template": 60,
    "function": 25, "verify": 172, "retrieve": 190, "embed": 215, "execute": 8, "pool": 325, "for_each": 100,
    "subgraph": 85, "image": 310, "speech": 340, "transcribe": 350, "drop": 0, "end": 215,
}  # fmt: skip


class Scheme(NamedTuple):
    """Lightness and saturation of a page's colours, 0 to 1."""

    fill: tuple[float, float]
    line: tuple[float, float]
    text: tuple[float, float]


LIGHT = Scheme((0.955, 0.75), (0.55, 0.6), (0.14, 0.3))
DARK = Scheme((0.17, 0.35), (0.58, 0.55), (0.93, 0.3))


class Look(NamedTuple):
    """Colours as `#rrggbb`."""

    fill: str
    line: str
    text: str


def colours(type_: str, scheme: Scheme) -> Look:
    """How nodes of a type look. The ends of a graph are of the types `end` and `drop`."""
    hue = _HUES.get(type_, crc32(type_.encode()) % 360)
    return Look(*(_hex(hue, light, 0.08 if type_ == "end" else strong) for light, strong in scheme))


def _hex(hue: int, lightness: float, saturation: float) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in hls_to_rgb(hue / 360, lightness, saturation))
