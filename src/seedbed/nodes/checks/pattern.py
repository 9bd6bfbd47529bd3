"""`regex`: the text matches patterns, in time that grows with its length and no faster, whatever the pattern.

Python's own engine takes exponential time on some patterns and cannot be stopped. The patterns here are run by the
linear engine that JSON Schema validation brings along (Rust's `regex`), so there is no look-around and there are no
back references: `all:`, `any:` and `none:` stand for what look-ahead is mostly used for. `\\w` and `\\d` are ASCII, as
in ECMAScript; `\\p{L}` is any letter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import jsonschema_rs
from pydantic import BeforeValidator, ConfigDict, Field

from seedbed.errors import InputError
from seedbed.graph.contracts import Context, Issue, given
from seedbed.nodes.checks.contract import Finding, Findings, Kind, Run, Scope, shown, texted

_LARGEST = 1 << 22
"""Bytes of a compiled pattern; `(a{900}){900}` is more."""

Pattern = Annotated[str, Field(min_length=1)]
Patterns = list[Pattern]


class Regex(Kind):
    """Patterns that the text must, or must not, contain; `regex: PATTERN` or a list of them is short for `all`.

    ECMAScript's syntax without look-around and back references: `^` and `$` are the ends of the text, `(?i)` ignores
    case, `\\p{L}` is any letter.
    """

    model_config = ConfigDict(json_schema_extra={"anyOf": [given("all"), given("any"), given("none")]})

    all: Patterns | None = None
    """Patterns of which each must be found."""
    any: Patterns | None = None
    """Patterns of which at least one must be found."""
    none: Patterns | None = None
    """Patterns that must not be found."""
    whole: bool = False
    """Whether a pattern must match the text from end to end, white space around it aside."""

    def issues(self, base: Path) -> Iterator[Issue]:
        if self.all is None and self.any is None and self.none is None:
            yield Issue((), "it names no pattern", "write `regex: PATTERN`, or `all:`, `any:` or `none:`")
        for key in ("all", "any", "none"):
            for i, pattern in enumerate(getattr(self, key) or ()):
                try:
                    matcher(pattern)
                except InputError as error:
                    yield Issue((key, i), error.message, error.hint)

    def prepare(self, context: Context) -> Run:
        matchers = {key: self._matchers(key) for key in ("all", "any", "none")}
        verb = "matches" if self.whole else "contains"

        def run(answer: Any, scope: Scope) -> Findings:
            text = texted(answer)
            text = text.strip() if self.whole else text
            findings: Findings = []
            for pattern, match in matchers["all"]:
                hits = match(text)
                found = f"the text {verb} /{pattern}/" if hits else f"nothing in {shown(text)} matches /{pattern}/"
                findings.append(Finding("regex", hits, found, "write it so that it does"))
            if matchers["any"]:
                hit = next((pattern for pattern, match in matchers["any"] if match(text)), None)
                every = ", ".join(f"/{pattern}/" for pattern, _ in matchers["any"])
                findings.append(
                    Finding("regex", True, f"the text {verb} /{hit}/")
                    if hit is not None
                    else Finding("regex", False, f"{shown(text)} matches none of {every}", "write it so that one does")
                )
            for pattern, match in matchers["none"]:
                hits = match(text)
                found = f"the text {verb} /{pattern}/" if hits else f"nothing matches /{pattern}/"
                findings.append(Finding("regex", not hits, found, "leave that out"))
            return findings

        return run

    def _matchers(self, key: str) -> list[tuple[str, Callable[[str], bool]]]:
        return [(pattern, matcher(pattern, whole=self.whole)) for pattern in getattr(self, key) or ()]


def matcher(pattern: str, *, whole: bool = False) -> Callable[[str], bool]:
    """The function that says whether a text holds a pattern. Raises InputError for what is no pattern."""
    try:
        compiled = jsonschema_rs.validator_for(
            {"pattern": rf"^(?:{pattern})$" if whole else pattern},
            pattern_options=jsonschema_rs.RegexOptions(size_limit=_LARGEST),
        )
    except jsonschema_rs.ValidationError as error:
        hint = "ECMAScript's syntax is meant, without look-around, back references and very large repetitions"
        raise InputError(f"/{pattern}/ is not a regular expression here", hint=hint) from error
    match: Callable[[str], bool] = compiled.is_valid
    return match


def _as_regex(value: Any) -> Any:
    if isinstance(value, str):
        return {"all": [value]}
    return {"all": value} if isinstance(value, list) else value


RegexCheck = Annotated[Regex, BeforeValidator(_as_regex, json_schema_input_type=Pattern | Patterns | Regex)]
