"""`exact`: the answer is the expected one, up to differences that do not count."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from seedbed.graph.contracts import Context
from seedbed.nodes.checks.contract import (
    AgainstExpected,
    Finding,
    Findings,
    Run,
    Scope,
    as_expected,
    listed,
    shown,
    texted,
)
from seedbed.nodes.checks.extract import Where, extractor, missing

Difference = Literal["case", "space", "punctuation", "articles", "accents"]

_ARTICLES = re.compile(r"\b(?:a|an|the)\b", re.IGNORECASE)


class Exact(AgainstExpected):
    """Equal to the expected answer; `exact: Paris` is short for `exact: {expected: Paris}`.

    Texts are compared as texts; where answer and expected answer are both something else, they must be equal values.
    """

    ignore: list[Difference] = Field(default=["space"], json_schema_extra={"uniqueItems": True})
    """Differences that do not count: `case`, `space` (how much, and at the ends), `punctuation`, `articles` (a, an,
    the), `accents`."""
    extract: Where = "all"
    """Where the answer stands in the text: `all`, `auto`, `boxed`, `last_line`, `{tag: …}` or `{after: …}`."""

    def prepare(self, context: Context) -> Run:
        expected, find, tidy = self.expectation(), extractor(self.extract), normaliser(self.ignore)
        absent = missing(self.extract)

        def run(answer: Any, scope: Scope) -> Findings:
            wanted = expected(scope)
            right = f"it should be {listed(wanted)}"
            if not isinstance(answer, str) and not any(isinstance(one, str) for one in wanted):
                return [Finding("exact", answer in wanted, f"the answer is {shown(answer)}", right, secret=True)]
            found = find(texted(answer))
            if found is None:
                return [Finding("exact", False, *absent)]
            passed = any(tidy(found) == tidy(texted(one)) for one in wanted)
            return [Finding("exact", passed, f"the answer is {shown(found)}", right, secret=True)]

        return run


def normaliser(ignore: list[Difference]) -> Callable[[str], str]:
    """The function that takes away what does not count."""

    def tidy(text: str) -> str:
        text = unicodedata.normalize("NFC", text)
        if "accents" in ignore:
            apart = unicodedata.normalize("NFD", text)
            text = "".join(letter for letter in apart if not unicodedata.combining(letter))
        if "case" in ignore:
            text = text.casefold()
        if "punctuation" in ignore:
            text = "".join(letter for letter in text if unicodedata.category(letter)[0] != "P")
        if "articles" in ignore:
            text = _ARTICLES.sub(" ", text)
        return " ".join(text.split()) if {"space", "articles"} & set(ignore) else text

    return tidy


ExactCheck = Annotated[
    Exact, BeforeValidator(as_expected, json_schema_input_type=str | int | float | list[Any] | Exact)
]
