"""`json_schema`: the answer is JSON that follows a schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from seedbed.errors import InputError
from seedbed.graph.contracts import Issue
from seedbed.graph.json_schema import Checker
from seedbed.graph.shorthand import SchemaSyntaxError, load_schema
from seedbed.nodes.checks.contract import Finding, Findings, Run, Scope, shown

_FENCED = re.compile(r"\A```[ \t]*(?:json)?[ \t]*\n(.*)\n[ \t]*```\Z", re.DOTALL | re.IGNORECASE)


def json_issues(written: Any, base: Path) -> Iterator[Issue]:
    """What is wrong with a schema as written."""
    try:
        load_schema(written, base)
    except SchemaSyntaxError as error:
        yield Issue(error.path, error.what, error.fix)
    except InputError as error:
        yield Issue((), error.message, error.hint)


def json_check(written: Any, base: Path) -> Run:
    """The function that checks. A text must be JSON, maybe in one fenced block; any other value is checked as it is."""
    checker = Checker(load_schema(written, base))

    def run(answer: Any, scope: Scope) -> Findings:
        value = answer
        if isinstance(answer, str):
            try:
                value = decode(answer)
            except ValueError as error:
                return [Finding("json_schema", False, f"{shown(answer)} is not JSON: {error}", "write JSON only")]
        wrong = checker.check(value)
        if wrong is None:
            return [Finding("json_schema", True, "the JSON follows its schema")]
        return [Finding("json_schema", False, f"the JSON does not follow its schema: {wrong}", "mend that")]

    return run


def decode(text: str) -> Any:
    """The JSON value of a text, which may stand in one fenced block. Raises ValueError."""
    text = text.strip()
    fenced = _FENCED.match(text)
    try:
        return msgspec.json.decode(fenced[1] if fenced else text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise ValueError(str(error).removeprefix("JSON is malformed: ")) from error
