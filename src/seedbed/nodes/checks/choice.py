"""`choice`: the answer picks the right option of a multiple-choice question."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from string import ascii_uppercase
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from seedbed.errors import NodeError
from seedbed.graph.contracts import Context, Read
from seedbed.models.structured import without_thinking
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
from seedbed.nodes.checks.exact import normaliser
from seedbed.nodes.checks.extract import announced, last_line
from seedbed.template.value import compile_value

_tidy = normaliser(["case", "space", "punctuation", "articles"])


class Choice(AgainstExpected):
    """One option of several; `choice: "{{ key }}"` is short for `choice: {expected: "{{ key }}"}`.

    The expected answer is a letter, or the text of an option where `options` are given. The letter is looked for in a
    box or tag, after "the answer is", as the whole text, and at the beginning of the text or of its last line: `B`,
    `(B)`, `B.`, `**B**`. A letter within a sentence does not count.
    """

    options: Any = None
    """The options' texts: a list, a map from letter to text, or a template that gives one. With them an answer may also
    repeat an option's text."""
    letters: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{2,}$")] = "ABCDEFGHIJ"
    """The letters (or digits) of the options, in their order; case does not count."""

    def reads(self) -> Iterator[Read]:
        yield from super().reads()
        if self.options is not None:
            yield Read("value", self.options, ("options",))

    def prepare(self, context: Context) -> Run:
        expected, options = self.expectation(), compile_value(self.options)
        letters = self.letters.upper()

        def run(answer: Any, scope: Scope) -> Findings:
            texts = _options(options(scope), letters)
            wanted = [_letter_of(one, texts, letters) for one in expected(scope)]
            right = f"it should be {listed([_named(letter, texts) for letter in wanted])}"
            known = "".join(texts) if texts else letters
            found = picked(texted(answer), known, texts)
            if found is None:
                example = f"end with `Answer: {known[0]}`, with one of the letters {', '.join(known)}"
                return [Finding("choice", False, f"no option is picked in {shown(texted(answer))}", example)]
            said = f"the answer is {_named(found, texts)}"
            return [Finding("choice", found in wanted, said, right, secret=True)]

        return run


def picked(text: str, letters: str, texts: Mapping[str, str]) -> str | None:
    """The letter of the option that a text picks, None where it picks none or several."""
    text = without_thinking(text).strip()
    one = rf"[({{\[*_`\s]*(?P<letter>[{letters}{letters.lower()}])"
    marked = re.compile(rf"{one}[)}}\]*_`]*(?:[.:,;)]|\s*$|\s+[(—–-])", re.MULTILINE)
    for part in (announced(text), text, last_line(text)):
        if not part:
            continue
        match = marked.match(part)
        if match:
            return match["letter"].upper()
        same = [letter for letter, option in texts.items() if _tidy(option) == _tidy(part)]
        if len(same) == 1:
            return same[0]
    return None


def _options(made: Any, letters: str) -> dict[str, str]:
    if made is None:
        return {}
    if isinstance(made, Mapping):
        return {str(letter).upper(): texted(text) for letter, text in made.items()}
    if not isinstance(made, list) or not 2 <= len(made) <= len(letters):
        hint = f"give a list of 2 to {len(letters)} texts, or a map from letter to text"
        raise NodeError(f"`options` is {shown(made)}", hint=hint)
    return {letter: texted(text) for letter, text in zip(letters, made, strict=False)}


def _letter_of(expected: Any, texts: Mapping[str, str], letters: str) -> str:
    written = texted(expected).strip()
    letter = written.strip("().").upper()
    if len(letter) == 1 and letter in (texts or letters):
        return letter
    same = [key for key, option in texts.items() if _tidy(option) == _tidy(written)]
    if len(same) != 1:
        hint = f"give one of {', '.join(texts or letters or ascii_uppercase)}"
        raise NodeError(f"`expected` is {shown(expected)}, which is no option", hint=hint)
    return same[0]


def _named(letter: str, texts: Mapping[str, str]) -> str:
    return f"{letter} ({texts[letter]})" if letter in texts else letter


ChoiceCheck = Annotated[
    Choice, BeforeValidator(as_expected, json_schema_input_type=str | int | float | list[Any] | Choice)
]
