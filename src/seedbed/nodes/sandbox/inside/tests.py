"""Runs tests in a program's namespace and tells how each of them ended.

A test is a statement at top level that asserts or calls something, a function `test…`, a method `test…` of a class
`Test…`, or one of a `unittest.TestCase`. Other statements prepare; one that fails is told like a failed test. Where
tests import pytest and it is not there, they get its commonest words.
"""

from __future__ import annotations

import ast
import sys

from seedbed.nodes.sandbox.inside.program import line_of
from seedbed.nodes.sandbox.inside.reply import Reply, message_of, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

FILE = "tests.py"


class Test:
    """A test that can be run: raises if it fails."""

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self.name = name
        self.run = run


class Skipped(Exception):
    """A test that says of itself that it does not apply here."""


def run_tests(texts: list[str], names: dict[str, Any], reply: Reply) -> None:
    """Runs the tests of each text in turn."""
    number = 0
    for text in texts:
        _offer_pytest(text)
        for test in _tests(text, names):
            passed, message = _outcome(test)
            reply("test", number, test.name[:200], passed, message)
            number += 1


def _tests(text: str, names: dict[str, Any]) -> Iterator[Test]:
    """The tests in a text: its statements as they are executed, then what they defined."""
    try:
        tree = ast.parse(text, FILE)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        yield Test(text.strip().partition("\n")[0], _raiser(error))
        return
    before = dict(names)
    for statement in tree.body:
        run = _statement(statement, names)
        name = (ast.get_source_segment(text, statement) or "").strip()
        if _starts_others(statement):
            continue
        if _is_test(statement):
            yield Test(name, run)
            continue
        try:
            run()
        except BaseException as error:
            yield Test(name.partition("\n")[0], _raiser(error))
    for name, value in list(names.items()):
        if before.get(name) is not value:
            yield from _defined(name, value)


def _statement(statement: ast.stmt, names: dict[str, Any]) -> Callable[[], None]:
    """Executes a statement; a failed comparison tells what its sides were."""
    if isinstance(statement, ast.Assert) and statement.msg is None and isinstance(statement.test, ast.Compare):
        compared = statement.test
        if len(compared.ops) == 1:
            return lambda: _compare(compared, names)
    module = ast.Module([statement], [])
    return lambda: exec(compile(module, FILE, "exec", dont_inherit=True), names)


def _compare(compared: ast.Compare, names: dict[str, Any]) -> None:
    sides = []
    for side in (compared.left, compared.comparators[0]):
        sides.append(eval(compile(ast.Expression(side), FILE, "eval", dont_inherit=True), names))
    operator = ast.Compare(ast.Name("left", ast.Load()), compared.ops, [ast.Name("right", ast.Load())])
    check = ast.fix_missing_locations(ast.Expression(operator))
    if not eval(compile(check, FILE, "eval"), {"left": sides[0], "right": sides[1]}):
        raise AssertionError(f"the left side is {shown(sides[0])}, the right side {shown(sides[1])}")


def _is_test(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return False
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Call)
    return any(isinstance(part, ast.Assert) for part in ast.walk(statement))


def _starts_others(statement: ast.stmt) -> bool:
    """Whether it is `unittest.main()` or `pytest.main()`: what they would run is run anyway."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func) in ("unittest.main", "pytest.main")


def _defined(name: str, value: Any) -> Iterator[Test]:
    """The tests in a function or class that the statements made."""
    if isinstance(value, type):
        unittest = sys.modules.get("unittest")
        if unittest is not None and issubclass(value, unittest.TestCase):
            yield from _unittest(unittest, value)
        elif name.startswith("Test"):
            for method in [each for each in dir(value) if each.startswith("test")]:
                yield from _called(f"{name}.{method}", _on_instance(value, method))
    elif name.startswith("test") and callable(value):
        yield from _called(name, value)


def _on_instance(cls: Any, method: str) -> Callable[..., Any]:
    function = getattr(cls, method)

    def call(*arguments: Any, **named: Any) -> Any:
        instance = cls()
        if hasattr(instance, "setup_method"):
            instance.setup_method()
        return getattr(instance, method)(*arguments, **named)

    call.__dict__.update(getattr(function, "__dict__", {}))
    return call


def _called(name: str, function: Callable[..., Any]) -> Iterator[Test]:
    """A test for each set of arguments that a function is to be called with."""
    for label, arguments in getattr(function, "parametrized", [("", {})]):
        yield Test(f"{name}[{label}]" if label else name, _waited(function, arguments))


def _waited(function: Callable[..., Any], arguments: dict[str, Any]) -> Callable[[], None]:
    def run() -> None:
        result = function(**arguments)
        if hasattr(result, "__await__"):
            import asyncio

            asyncio.run(result)

    return run


def _unittest(unittest: Any, case: Any) -> Iterator[Test]:
    for one in unittest.defaultTestLoader.loadTestsFromTestCase(case):
        yield Test(f"{case.__name__}.{one._testMethodName}", _suite(unittest, one))


def _suite(unittest: Any, one: Any) -> Callable[[], None]:
    def run() -> None:
        result = unittest.TestResult()
        unittest.TestSuite([one]).run(result)
        if result.skipped:
            raise Skipped(result.skipped[0][1])
        for _, told in result.failures + result.errors:
            raise AssertionError(told.strip().rpartition("\n")[2].removeprefix("AssertionError: "))
        if result.unexpectedSuccesses:
            raise AssertionError("it passed, and was expected to fail")

    return run


def _outcome(test: Test) -> tuple[bool, str]:
    """Whether a test passed, and what it said."""
    try:
        test.run()
    except Skipped as skipped:
        return True, f"skipped: {message_of(skipped)}".removesuffix(": ")
    except BaseException as error:
        text, kind = message_of(error), type(error).__name__
        if isinstance(error, AssertionError):
            return False, text or _place("the assertion does not hold", error)
        return False, _place(f"{kind}: {text}" if text else kind, error)
    return True, ""


def _place(text: str, error: BaseException) -> str:
    line = line_of(error, "program.py")
    return f"{text} (program.py:{line})" if line is not None else text


def _raiser(error: BaseException) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


def _offer_pytest(text: str) -> None:
    if "pytest" in text and "pytest" not in sys.modules:
        from seedbed.nodes.sandbox.inside import pytest_words

        sys.modules["pytest"] = pytest_words
