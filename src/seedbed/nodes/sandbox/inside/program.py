"""Runs a Python program, then its tests in the same namespace.

Without tests it runs as the main program; with tests it is a module named `program`, so that what stands under
`if __name__ == "__main__":` stays out of the way.
"""

from __future__ import annotations

import sys
from types import CodeType, ModuleType

from seedbed.nodes.sandbox.inside.reply import Reply, message_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILE = "program.py"


def run(job: dict[str, Any], reply: Reply) -> None:
    """Tells `test` events, and `end` with the error that ended the program, if any."""
    tests: list[str] | None = job["tests"]
    names = _module(tested=tests is not None)
    error = _executed(job["code"], names)
    if tests is not None and error is None:
        from seedbed.nodes.sandbox.inside.tests import run_tests

        run_tests(tests, names, reply)
    _flush()
    reply("end", *(error or (None, None, None)))


def _module(tested: bool) -> dict[str, Any]:
    """The namespace of the program; nothing of what runs it is left to be imported by chance."""
    module = ModuleType("program" if tested else "__main__")
    module.__dict__["__file__"] = FILE
    sys.modules["__main__"] = module
    if tested:
        sys.modules["program"] = module
    sys.argv = [FILE]
    sys.path.insert(0, "")
    return module.__dict__


def _executed(source: str, names: dict[str, Any]) -> tuple[str, str, int | None] | None:
    """Runs the program. Returns the type, text and line of what ended it, or None."""
    try:
        # The file is there for tracebacks, which show its lines.
        with open(FILE, "w", encoding="utf-8", errors="replace", newline="") as file:
            file.write(source)
        code: CodeType = compile(source, FILE, "exec", dont_inherit=True)
        exec(code, names)
    except SystemExit as error:
        if error.code is None or error.code == 0:
            return None
        if isinstance(error.code, int):
            return "SystemExit", f"exit code {error.code}", line_of(error, FILE)
        print(error.code, file=sys.stderr)
        return "SystemExit", message_of(error), line_of(error, FILE)
    except BaseException as error:
        _show(error)
        return type(error).__name__, message_of(error), line_of(error, FILE)
    return None


def line_of(error: BaseException, file: str) -> int | None:
    """The innermost line of a file on an error's way, from 1."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _show(error: BaseException) -> None:
    """Prints a traceback as Python would, without the frame that ran the program."""
    try:
        trace = error.__traceback__.tb_next if error.__traceback__ else None
        sys.excepthook(type(error), error.with_traceback(trace), trace)
    except BaseException:
        return


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            continue
