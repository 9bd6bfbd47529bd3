"""The `execute` node: runs a program or a query in a sandbox, and writes what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from seedbed.errors import InputError
from seedbed.graph.contracts import Context, Issue, Name, Node, NodeCall, Read, Visit
from seedbed.io.paths import find_files
from seedbed.nodes.sandbox.job import Job, Limits, Result
from seedbed.nodes.sandbox.places import packages
from seedbed.nodes.sandbox.room import Least, open_sandbox
from seedbed.nodes.sandbox.tables import Table, from_file, from_value
from seedbed.template.text import compile_text
from seedbed.template.value import compile_value

__all__ = ["Execute"]

_PYTHON_ONLY = ("stdin", "files", "tests")
_SQL_ONLY = ("setup", "tables")
_DEFAULT = Limits()


def _without(*keys: str) -> dict[str, Any]:
    """The JSON Schema of a mapping in which these keys are not given, or empty."""
    return {"properties": {key: {"enum": [None, {}]} for key in keys}}


_FITTING: Any = {
    "if": {"properties": {"language": {"enum": ["sqlite", "duckdb"]}}, "required": ["language"]},
    "then": _without(*_PYTHON_ONLY),
    "else": _without(*_SQL_ONLY),
}


class Execute(Node):
    """Runs Python or SQL that nobody has read, in a process that reaches no network and no files but its own.

    It writes a map: `ok` (it ended without an error and passed its tests), `stdout`, `stderr`, `error` (null, or
    `type`, `message` and `line`), `tests` (null, or a list of `name`, `passed` and `message`), `passed` (how many of
    them did), and for SQL `columns` and `rows` (a list of values each). A program that fails is a result like any
    other, to be judged or repaired; the node fails only if the sandbox does.

    ```yaml
    run:
      type: execute
      code: "{{ solution }}"
      tests: |
        assert add(2, 3) == 5
        assert add(-1, 1) == 0
      seconds: 5
    answer: {type: execute, language: sqlite, setup: "{{ schema }}", code: "{{ query }}"}
    ```
    """

    model_config = ConfigDict(json_schema_extra=_FITTING)
    asynchronous: ClassVar[bool] = True

    type: Literal["execute"] = "execute"
    """Runs a program or a query in a sandbox."""
    language: Literal["python", "sqlite", "duckdb"] = "python"
    """Python with its standard library, or SQL on a database in memory (`duckdb` needs the extra `sql`)."""
    code: str
    """The program or query, a template."""
    stdin: str | None = None
    """Python: what it reads from standard input, a template."""
    files_: dict[str, str] = Field(default_factory=dict, alias="files")
    """Python: files that are there when it starts: the path of each in the scratch folder, and its text, a template."""
    tests: str | Annotated[list[str], Field(min_length=1)] | None = None
    """Python: statements, `test_…` functions or `unittest` classes, a template or a list of them. They are run in the
    program's namespace after it; what stands under `if __name__ == "__main__":` is then left out."""
    setup: str | None = None
    """SQL: statements that are run first, such as CREATE TABLE and INSERT, a template."""
    tables: dict[Name, str] = Field(default_factory=dict)
    """SQL: tables by name, each a file (CSV, JSONL, …) or a `{{ field }}` that is a list of maps."""
    read_only: bool = True
    """SQL: the code is one statement that only reads. If false, it may be several that write; the rows are those of
    the last one."""
    seconds: float = Field(default=_DEFAULT.seconds, gt=0, le=3600)
    """How long it may run, its start included."""
    memory_mb: float = Field(default=_DEFAULT.memory_mb, ge=64)
    """Address space of each of its processes, in megabytes."""
    output_kb: float = Field(default=_DEFAULT.output_kb, gt=0, le=65536)
    """How much it may write to standard output and to standard error, and how large its rows may be, in kilobytes."""
    processes: int = Field(default=_DEFAULT.processes, ge=1, le=1024)
    """How many processes and threads it may have at one time, its own included."""
    disk_mb: float = Field(default=_DEFAULT.disk_mb, gt=0, le=16384)
    """How large its files may be together, in megabytes."""
    sandbox: Least = "strong"
    """The least protection that will do. `weak` runs it also where this machine can only limit what it uses up, which
    leaves your files and your network open to it."""

    def reads(self) -> Iterator[Read]:
        yield from super().reads()
        for text, path in self._templates():
            yield Read("template", text, path)
        for name, text in self.tables.items():
            if _is_value(text):
                yield Read("value", text, ("tables", name))

    def _templates(self) -> Iterator[tuple[str, tuple[str | int, ...]]]:
        for key in ("code", "stdin", "setup"):
            if (text := getattr(self, key)) is not None:
                yield text, (key,)
        for name, text in self.files_.items():
            yield text, ("files", name)
        if isinstance(self.tests, str):
            yield self.tests, ("tests",)
        for i, text in enumerate(self.tests if isinstance(self.tests, list) else ()):
            yield text, ("tests", i)

    def files(self) -> list[str]:
        found = []
        for path in self.tables.values():
            try:
                found += [] if _is_value(path) else [file.name for file in find_files([path], self.base, None, 0)]
            except InputError:
                found.append(path)  # `check` says what is wrong
        return found

    def check(self, base: Path) -> Iterator[Issue]:
        others, ours = (_SQL_ONLY, "SQL") if self.language == "python" else (_PYTHON_ONLY, "Python")
        for key in others:
            if getattr(self, "files_" if key == "files" else key):
                yield Issue((key,), f"`{key}` is for {ours}", f"leave it out, or change `language: {self.language}`")
        for name in self.files_:
            if problem := _not_inside(name):
                yield Issue(("files", name), problem, "name it by its path in the scratch folder, such as data/in.csv")
        for name, path in self.tables.items():
            if not _is_value(path):
                try:
                    find_files([path], base, None, 0)
                except InputError as error:
                    yield Issue(("tables", name), error.message, error.hint)

    def prepare(self, context: Context) -> NodeCall:
        sandbox = open_sandbox(self.sandbox)
        packages(self.language)
        job = self._job(context.base)

        async def call(visit: Visit) -> dict[str, Any]:
            result = await sandbox(job(visit.scope), context.run_blocking)
            # Not part of the value: the same program would not take as long in the next run.
            visit.notes.append(f"{sandbox.name}: {result.seconds:.2f} s")
            return _value(result)

        return call

    def _job(self, base: Path) -> Callable[[dict[str, Any]], Job]:
        """The function that fills in a job for a record."""
        code, stdin, setup = (compile_text(text or "") for text in (self.code, self.stdin, self.setup))
        files = {name: compile_text(text) for name, text in self.files_.items()}
        written = [self.tests] if isinstance(self.tests, str) else self.tests
        tests = None if written is None else [compile_text(text) for text in written]
        fixed: dict[str, Table] = {}
        drawn = {}
        for name, text in self.tables.items():
            if _is_value(text):
                drawn[name] = compile_value(text)
            else:
                fixed[name] = from_file(text, base)
        limits = Limits(self.seconds, self.memory_mb, self.output_kb, self.processes, self.disk_mb)

        def job(scope: dict[str, Any]) -> Job:
            return Job(
                code.render(scope),
                self.language,
                stdin.render(scope),
                {name: text.render(scope) for name, text in files.items()},
                None if tests is None else [text.render(scope) for text in tests],
                fixed | {name: from_value(value(scope), name) for name, value in drawn.items()},
                setup.render(scope),
                self.read_only,
                limits,
            )

        return job


def _is_value(text: str) -> bool:
    """Whether a table is written as a template, not as a path."""
    return "{{" in text


def _not_inside(name: str) -> str:
    """What is wrong with the path of a file in the scratch folder."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or name.endswith("/") or "\0" in name:
        return f"`{name}` is not a file in the scratch folder"
    return f"`{name}` is the program itself" if str(path) == "program.py" else ""


def _value(result: Result) -> dict[str, Any]:
    return {
        "ok": result.ok,
        "stdout": result.stdout,
        "stderr": result.stderr,
        "error": asdict(result.error) if result.error else None,
        "tests": None if result.tests is None else [asdict(test) for test in result.tests],
        "passed": None if result.tests is None else sum(test.passed for test in result.tests),
        "columns": result.columns,
        "rows": result.rows,
    }
