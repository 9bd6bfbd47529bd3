"""What is to be run in a sandbox, within which limits, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Language = Literal["python", "sqlite", "duckdb"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a program may use."""

    seconds: float = 10
    """From its start to its end, and as much processor time for each of its processes."""
    memory_mb: float = 512
    """Address space of each process."""
    output_kb: float = 64
    """Standard output, standard error and rows, each."""
    processes: int = 16
    """Processes and threads at one time, its own included."""
    disk_mb: float = 32
    """All files in the scratch folder together."""


@dataclass(frozen=True, slots=True)
class Job:
    """One program or query."""

    code: str
    language: Language = "python"
    stdin: str = ""
    files: dict[str, str] = field(default_factory=dict)
    """Texts by their path in the scratch folder."""
    tests: list[str] | None = None
    """Python: texts with tests, run in the program's namespace after it. None, not an empty list, is no tests."""
    tables: dict[str, tuple[list[str], list[list[Any]]]] = field(default_factory=dict)
    """SQL: columns and rows by table name."""
    setup: str = ""
    """SQL: statements that are run first."""
    read_only: bool = True
    """SQL: the code is one statement that only reads."""
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Error:
    """What ended a program.

    `type` is the exception's, or `TimeLimit`, `OutputLimit`, `DiskLimit`, `Killed` (by a signal), `Exit` (without a
    word), `Refused` (SQL that is not allowed), `SetupError` (SQL that is to run first).
    """

    type: str
    message: str
    line: int | None = None
    """In the program, from 1."""


@dataclass(frozen=True, slots=True)
class Test:
    """How one test ended."""

    name: str
    passed: bool
    message: str = ""


@dataclass(slots=True)
class Result:
    """What came of a job."""

    stdout: str = ""
    stderr: str = ""
    error: Error | None = None
    tests: list[Test] | None = None
    """None where there were none to run."""
    columns: list[str] | None = None
    rows: list[list[Any]] | None = None
    """SQL: what the last statement gave; None if it gives no rows."""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether it ended without an error and passed all its tests."""
        return self.error is None and all(test.passed for test in self.tests or ())
