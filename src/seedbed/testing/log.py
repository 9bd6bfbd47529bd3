"""What a server was asked and how much of it: the log and the counts that tests assert on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seedbed.models.script.exchange import text_of

SECRET_HEADERS = ("authorization", "api-key", "x-api-key")


@dataclass(slots=True)
class Exchange:
    """One request as it came over the wire, and how it was answered."""

    time: float
    """When it came, in seconds since the epoch."""
    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case; of a key only the last four characters are kept."""
    body: dict[str, Any] | None
    """The JSON object that was sent, None if there was none."""
    status: int | None = None
    """The HTTP status answered; None while none is, or where the connection was closed instead."""
    fault: str = ""
    """`drop`, `half`, `hang` or `garbage` where the rules wanted one; `gone` where the client did not wait."""
    rule: int = 0
    """The number of the rule that answered, from 1; 0 for none."""
    seconds: float | None = None
    """Time until the answer was on its way."""

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The chat messages sent."""
        return list((self.body or {}).get("messages") or ())

    @property
    def prompt(self) -> str:
        """The text of the last message."""
        return text_of(self.messages[-1]) if self.messages else ""


@dataclass(slots=True)
class Counts:
    """What went over the wire so far. Only requests for completions are counted."""

    received: int = 0
    answered: int = 0
    """With status 200 and a whole body."""
    refused: int = 0
    """With 429 because of `max_in_flight`, `max_requests` or `max_tokens`."""
    failed: int = 0
    """With another error, or with a closed connection."""
    gone: int = 0
    """The client did not wait for the answer."""
    input_tokens: int = 0
    output_tokens: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    """The most that were ever under way at once."""


def redacted(headers: dict[str, str]) -> dict[str, str]:
    """`headers` with no more than the last four characters of a key."""
    kept = headers
    for name in SECRET_HEADERS:
        if name in headers:
            kept = {**kept, name: f"…{headers[name][-4:]}"}
    return kept
