"""Text for a terminal: numbers as people read them, columns that line up, and data that cannot play tricks.

What models and files say is data: control characters, terminal escapes and marks that turn the reading direction are
shown as codes, never sent.
"""

from __future__ import annotations

import math
import os
import re
import time
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

_TRICKS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
"""Control characters but tab and newline, invisible marks, reading directions, halves of characters."""


def clean(text: str) -> str:
    """The text with all that a terminal would obey, or a reader could not see, written as codes."""
    return _TRICKS.sub(_code, text.replace("\r\n", "\n"))


def _code(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def one_line(text: str, most: int = 100) -> str:
    """A text on one line, cut with an ellipsis."""
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def fold(text: str, lines: int = 14, letters: int = 1200) -> str:
    """The beginning of a long text and how much more there is; short ones as they are."""
    if len(text) <= letters and text.count("\n") < lines:
        return text
    kept = "\n".join(text.split("\n", lines)[:lines])[:letters].rstrip()
    return f"{kept}\n… {len(text) - len(kept):,} more characters"


def width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)


def columns(rows: Sequence[Sequence[str]], align: str, *, indent: str = "  ", gap: str = "  ") -> list[str]:
    """Rows of cells as lines that line up. `align` has a letter for each column: `<` left, `>` right."""
    if not rows:
        return []
    widths = [max(width(row[i]) for row in rows) for i in range(len(align))]
    lines = []
    for row in rows:
        cells = []
        for cell, side, room in zip(row, align, widths, strict=True):
            space = " " * (room - width(cell))
            cells.append(space + cell if side == ">" else cell + space)
        lines.append((indent + gap.join(cells)).rstrip())
    return lines


def tint(text: str, **style: Any) -> str:
    """The text in colour, unless the user wants none; `click.echo` takes colours out where there is no terminal."""
    return text if "NO_COLOR" in os.environ else click.style(text, **style)


def some(count: float, noun: str) -> str:
    """`1 record`, `1,200 records`."""
    return f"{count:,.0f} {noun}" if count == 1 else f"{count:,.0f} {noun}s"


def money(usd: float) -> str:
    """Dollars, with as many digits as tell something: 12.34, 0.0567, 0.000042."""
    if usd >= 1 or usd <= 0:
        return f"{usd:,.2f} USD" if usd else "0 USD"
    digits = max(4, 1 - math.floor(math.log10(usd)))
    return f"{usd:.{digits}f} USD"


def duration(seconds: float) -> str:
    """`20 ms`, `0.4 s`, `42 s`, `3:07`, `1:02:03`, `2 d 03:00`."""
    if seconds < 0.1:
        return f"{max(seconds, 0.0) * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, left = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24:02}:{minutes:02}"
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def rate(value: float) -> str:
    """A number per second: `0.25`, `3.4`, `120`, `1,500`."""
    return f"{value:.2f}" if 0 < value < 1 else f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def size(count: float) -> str:
    """Bytes as `512 B`, `3.4 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def moment(seconds: float | None) -> str:
    """A point in time as a local date and time, to the minute."""
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def near(path: Path | str, base: Path | None = None) -> str:
    """A path as one would type it here: relative to this folder where that is shorter. `base` is where it starts."""
    full = os.path.normpath((base or Path()).absolute() / Path(path).expanduser())
    try:
        short = os.path.relpath(full)
    except ValueError:
        return clean(full)
    return clean(short if len(short) < len(full) and not short.startswith(os.path.join("..", "..")) else full)  # noqa: PTH118
