"""`unit_tests`: the answer is a program that passes its tests, run in a sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from seedbed.errors import NodeError
from seedbed.graph.contracts import Context, Read
from seedbed.nodes.checks.allowance import Allowance
from seedbed.nodes.checks.contract import Finding, Findings, Kind, Run, Scope, shown, texted
from seedbed.nodes.sandbox.job import Error, Job, Test
from seedbed.nodes.sandbox.room import Least, open_sandbox
from seedbed.template.value import compile_value

_NO_TESTS = "give each record assertions or `test_…` functions, or skip it with `when:`"

TestText = Annotated[str, Field(min_length=1)]
TestTexts = Annotated[list[TestText], Field(min_length=1)]


class UnitTests(Kind):
    """Tests that the program passes; `unit_tests: "{{ tests }}"` is short for `{tests: "{{ tests }}"}`.

    What is checked is the program alone, without a fence around it. Each test is a check of its own, and so is an error
    that ends the program.
    """

    tests: TestText | TestTexts
    """Statements, `test_…` functions or `unittest` classes, run in the program's namespace after it: a template, or a
    list of them. A template may give a list."""
    language: Literal["python"] = "python"
    """What the program is written in: Python with its standard library."""
    limits: Allowance = Field(default_factory=Allowance)
    """How much the program and its tests may use together: `{seconds: 5}`, `memory_mb`, `output_kb`, `processes`,
    `disk_mb`."""
    sandbox: Least = "strong"
    """The least protection that will do. `weak` runs it also where this machine can only limit what it uses up, which
    leaves your files and your network open to it."""

    def reads(self) -> Iterator[Read]:
        yield Read("value", self.tests, ("tests",))

    def prepare(self, context: Context) -> Run:
        sandbox, limits = open_sandbox(self.sandbox), self.limits.limits()
        written = compile_value(self.tests)

        async def run(answer: Any, scope: Scope) -> Findings:
            texts = _texts(written(scope))
            job = Job(texted(answer), self.language, tests=texts, limits=limits)
            result = await sandbox(job, context.run_blocking)
            if not result.tests and result.error is None:
                raise NodeError(f"`tests` holds no test: {shown(texts[0])}", hint=_NO_TESTS)
            ended = [] if result.error is None else [_ended(result.error)]
            return ended + [_tested(number, test) for number, test in enumerate(result.tests or (), 1)]

        return run


def _texts(made: Any) -> list[str]:
    texts = [texted(one) for one in (made if isinstance(made, list) else [made]) if one is not None]
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise NodeError("`tests` is empty", hint=_NO_TESTS)
    return texts


def _ended(error: Error) -> Finding:
    where = f" in line {error.line}" if error.line is not None else ""
    message = error.message.removesuffix(f" (program.py, line {error.line})")
    said = f"{error.type}: {message}" if message else error.type
    return Finding("unit_tests", False, f"the program ends with {said}{where}")


def _tested(number: int, test: Test) -> Finding:
    """The test itself, and what it says, often name the right result."""
    found = f"test {number} {'passes' if test.passed else 'fails'}"
    said = " ".join(test.message.split())
    return Finding("unit_tests", test.passed, found, f"{shown(test.name)}: {said}" if said else shown(test.name), True)


def _as_unit_tests(value: Any) -> Any:
    return {"tests": value} if isinstance(value, str | list) else value


UnitTestsCheck = Annotated[
    UnitTests, BeforeValidator(_as_unit_tests, json_schema_input_type=TestText | TestTexts | UnitTests)
]
