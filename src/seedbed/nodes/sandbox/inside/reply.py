"""What the sandboxed process says to the one that started it: lines over a pipe, each a JSON list.

Each begins with a word that only the two know, so that a program cannot speak for the one that runs it by merely
writing to the pipe. Texts are quoted by the C function behind `json`, whose own import would cost a third of the time
that a short program takes.
"""

from __future__ import annotations

import os
from _json import encode_basestring_ascii as _quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST = 4000
"""Characters of a message that are told."""


class Reply:
    """Tells events: `reply("test", 0, True, "")`."""

    def __init__(self, pipe: int, word: str) -> None:
        self._pipe = pipe
        self._word = word

    def __call__(self, event: str, *values: str | int | bool | None) -> None:
        """One event of simple values."""
        self.encoded(event, ",".join(_encoded(value) for value in values))

    def encoded(self, event: str, body: str) -> None:
        """One event whose values are JSON already, with commas between them."""
        line = f"{self._word}[{_quoted(event)}{',' if body else ''}{body}]\n".encode()
        while line:
            line = line[os.write(self._pipe, line) :]


def message_of(error: BaseException) -> str:
    """An error's text; a program's own errors may fail at that, too."""
    try:
        return str(error)[:LONGEST]
    except BaseException:
        return ""


def _encoded(value: str | int | bool | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else _quoted(value)


def shown(value: Any, most: int = 200) -> str:
    """A value as a message shows it."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose repr fails: {type(error).__name__}>"
    return text if len(text) <= most else f"{text[:most]}…"
