"""Functions of this process: what they are called, and that no two are taken for each other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import InputError
from seedbed.registry import own
from seedbed.registry.code import load_function, source_digest
from seedbed.registry.decorators import node, step
from seedbed.registry.own import reference_of
from seedbed.registry.plugins import find, names


@pytest.fixture(autouse=True)
def _forget_types() -> Iterator[None]:
    yield
    own._types.clear()


def adder(n: int) -> Callable[[int], int]:
    return lambda x: x + n


def test_what_can_be_imported_goes_by_its_module() -> None:
    assert reference_of(Path.exists) == "pathlib:Path.exists"
    assert load_function("pathlib:Path.exists", Path()) is Path.exists


def test_what_cannot_is_found_in_this_process() -> None:
    function = adder(1)
    reference = reference_of(function, "more")
    assert reference.startswith("<python>:more-")
    assert load_function(reference, Path()) is function
    assert source_digest(reference, Path()) == reference


def test_a_reference_of_another_process_says_what_to_do() -> None:
    with pytest.raises(InputError, match=r"`check` is a Python function of another process; .*\./hooks\.py:check"):
        load_function("<python>:check-00000000", Path())


def test_closures_over_other_values_are_other_functions() -> None:
    assert reference_of(adder(1)) == reference_of(adder(1))
    assert reference_of(adder(1)) != reference_of(adder(2))


def test_other_code_defaults_or_constants_are_other_functions() -> None:
    def make(text: str) -> Any:
        space: dict[str, Any] = {"__name__": "__main__"}
        exec(text, space)
        return space["f"]

    same = "K = 1\ndef g(): return K\ndef f(x, y=2): return g() + x + y"
    others = [same.replace("K = 1", "K = 2"), same.replace("y=2", "y=3"), same.replace("+ x", "- x")]
    references = {reference_of(make(text)) for text in [same, "# moved\n" + same, *others]}
    assert len(references) == 4


def test_a_name_is_the_same_in_every_process(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from seedbed.registry.own import reference_of\n"
        "WORDS = {'a', 'b', 'c'}\n"
        "def f(x):\n    return x in {'one', 'two', 'three'} and x in WORDS or f(x)\n"
        "print(reference_of(f))\n"
    )
    said = {
        subprocess.run(
            [sys.executable, script], env={"PYTHONHASHSEED": str(seed)}, capture_output=True, text=True, check=True
        ).stdout
        for seed in (1, 2, 3)
    }
    assert len(said) == 1


def test_registered_types_are_found_by_name() -> None:
    @node
    def shout(text: str, mark: str = "!") -> str:
        """Says it loudly."""
        return text.upper() + mark

    @step(name="twice.over")
    def twice(**fields: Any) -> list[Any]:
        return [fields, fields]

    assert "shout" in names("node")
    assert "twice.over" in names("step")
    made = find("node", "shout")
    assert made.__doc__ == "Says it loudly."
    spec = made.model_validate({"type": "shout", "params": {"mark": "?"}})
    assert spec.params == {"mark": "?"}
    with pytest.raises(ValueError, match="call"):
        made.model_validate({"type": "shout", "call": "os:getcwd"})
    assert find("step", "twice.over").model_validate({"type": "twice.over"}).type == "twice.over"


def test_a_type_registered_again_gives_way() -> None:
    for answer in (1, 2):

        @node
        def same(answer: int = answer) -> int:
            return answer

        assert find("node", "same")(type="same").call == reference_of(same)


def test_names_that_are_taken_or_no_names_are_refused() -> None:
    with pytest.raises(InputError, match="there is a node `llm` already"):
        node(name="llm")(print)
    with pytest.raises(InputError, match="`Shout` cannot be a step type"):
        step(name="Shout")(print)
