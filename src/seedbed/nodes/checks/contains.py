"""`contains`: texts that must, or must not, occur in the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from seedbed.errors import NodeError
from seedbed.graph.contracts import Context, Issue, Read, given
from seedbed.nodes.checks.contract import Finding, Findings, Kind, Run, Scope, listed, shown, texted
from seedbed.nodes.checks.exact import Difference, normaliser
from seedbed.template.value import compile_value

Texts = list[str | int | float]
Several = str | Annotated[Texts, Field(min_length=1)]


class Contains(Kind):
    """Texts to look for; `contains: TEXT` and `contains: [TEXT, …]` are short for `all`. Each may be a template."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [given("all"), given("any"), given("none")]})

    all: Several | None = None
    """Texts of which each must occur. A template may give a list."""
    any: Several | None = None
    """Texts of which at least one must occur."""
    none: Several | None = None
    """Texts that must not occur."""
    ignore: list[Difference] = Field(default=["case", "space"], json_schema_extra={"uniqueItems": True})
    """Differences that do not count: `case`, `space`, `punctuation`, `articles`, `accents`."""
    words: bool = False
    """Whether only whole words count, so that `art` does not occur in `party`."""

    def reads(self) -> Iterator[Read]:
        for key in ("all", "any", "none"):
            if getattr(self, key) is not None:
                yield Read("value", getattr(self, key), (key,))

    def issues(self, base: Path) -> Iterator[Issue]:
        if self.all is None and self.any is None and self.none is None:
            yield Issue((), "it names no text", "write `contains: TEXT`, or `all:`, `any:` or `none:`")

    def prepare(self, context: Context) -> Run:
        values = {key: compile_value(getattr(self, key) or []) for key in ("all", "any", "none")}
        tidy, words = normaliser(self.ignore), self.words

        def occurs(part: str, text: str) -> bool:
            wanted = tidy(part)
            return re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", text) is not None if words else wanted in text

        def run(answer: Any, scope: Scope) -> Findings:
            text = tidy(texted(answer))
            parts = {key: _texts(value(scope), key) for key, value in values.items()}
            findings = [
                Finding("contains", True, f"{shown(part)} is there")
                if occurs(part, text)
                else Finding("contains", False, f"{shown(part)} is not there", "write it", secret=True)
                for part in parts["all"]
            ]
            if parts["any"]:
                hits = [part for part in parts["any"] if occurs(part, text)]
                found = f"{shown(hits[0])} is there" if hits else f"none of {listed(parts['any'], 'and')} is there"
                findings.append(Finding("contains", bool(hits), found, "write one of them", secret=True))
            for part in parts["none"]:
                there = occurs(part, text)
                found = f"{shown(part)} is {'' if there else 'not '}there"
                findings.append(Finding("contains", not there, found, "leave it out"))
            return findings

        return run


def _texts(made: Any, key: str) -> list[str]:
    texts = [texted(one) for one in (made if isinstance(made, list) else [made])]
    if not all(text.strip() for text in texts):
        raise NodeError(f"`contains: {{{key}: …}}` names an empty text", hint="an empty text occurs everywhere")
    return texts


def _as_contains(value: Any) -> Any:
    return {"all": value} if isinstance(value, str | int | float | list) else value


ContainsCheck = Annotated[
    Contains, BeforeValidator(_as_contains, json_schema_input_type=str | int | float | Texts | Contains)
]
