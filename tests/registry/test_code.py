"""Finding the user's functions, and saying what is wrong when they cannot be found."""

import sys
import textwrap

import pytest

from seedbed.errors import InputError
from seedbed.registry.code import file_or_reference, load_function, parameters, source_digest


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), "utf-8")
    return path


def problem(reference, base):
    with pytest.raises(InputError) as caught:
        load_function(reference, base)
    return str(caught.value)


def test_a_function_of_a_file_and_of_a_package(tmp_path):
    write(tmp_path, "hooks.py", "def double(x): return 2 * x\nclass Box:\n  @staticmethod\n  def up(x): return x + 1")
    assert load_function("./hooks.py:double", tmp_path)(4) == 8
    assert load_function("hooks.py:Box.up", tmp_path)(4) == 5
    assert load_function(f"{tmp_path}/hooks.py:double", tmp_path / "elsewhere")(1) == 2
    assert load_function("textwrap:dedent", tmp_path) is textwrap.dedent


def test_a_file_is_run_once_and_again_when_it_has_changed(tmp_path):
    write(tmp_path, "hooks.py", "state = []\ndef a(): return state\ndef b(): return state")
    assert load_function("./hooks.py:a", tmp_path)() is load_function("./hooks.py:b", tmp_path)()
    write(tmp_path, "hooks.py", "state = 'x'\ndef a(): return state")
    assert load_function("./hooks.py:a", tmp_path)() == "x"


def test_siblings_can_be_imported_and_do_not_leak(tmp_path):
    for name in ("one", "two"):
        write(tmp_path, f"{name}/hooks.py", "import helper_of_test\nfrom kit_of_test.part import P\n"
              "def who(): return helper_of_test.NAME + P")  # fmt: skip
        write(tmp_path, f"{name}/helper_of_test.py", f"NAME = '{name}'")
        write(tmp_path, f"{name}/kit_of_test/__init__.py", "")
        write(tmp_path, f"{name}/kit_of_test/part.py", "P = '!'")
    path = list(sys.path)
    assert load_function("./one/hooks.py:who", tmp_path)() == "one!"
    assert load_function("./two/hooks.py:who", tmp_path)() == "two!"
    assert sys.path == path
    assert not {"helper_of_test", "kit_of_test", "kit_of_test.part"} & set(sys.modules)


def test_dataclasses_work_in_a_file(tmp_path):
    write(
        tmp_path,
        "hooks.py",
        """
        from __future__ import annotations
        from dataclasses import dataclass
        @dataclass
        class Pair:
            a: int
        def pair(a): return Pair(a)
        """,
    )
    assert load_function("./hooks.py:pair", tmp_path)(1).a == 1


@pytest.mark.parametrize(
    "reference", ["hooks", "./hooks.py", "./hooks.py:", ":f", "a b:f", "m:1f", "m:class", "./x.txt:f", ""]
)
def test_a_wrong_form_is_told(reference, tmp_path):
    assert problem(reference, tmp_path).endswith(
        "does not name a function; write ./file.py:function or package.module:function"
    )


def test_a_missing_file_names_the_nearest(tmp_path):
    write(tmp_path, "hooks.py", "")
    assert problem("./hoks.py:f", tmp_path) == "there is no file ./hoks.py; did you mean hooks.py?"
    assert str(tmp_path) in problem("./deep/down.py:f", tmp_path)


def test_a_missing_function_names_what_there_is(tmp_path):
    write(
        tmp_path,
        "hooks.py",
        "from textwrap import dedent\ndef judge(a): ...\ndef score(a): ...\ndef _own(): ...\nN = 3",
    )
    expected = "there is no function `juge` in ./hooks.py; did you mean `judge`? it defines judge, score"
    assert problem("./hooks.py:juge", tmp_path) == expected
    assert "`N` in ./hooks.py is not a function" in problem("./hooks.py:N", tmp_path)


def test_an_import_error_says_the_line(tmp_path):
    write(tmp_path, "hooks.py", "x = 1\nimport no_such_module_at_all\n")
    assert "ModuleNotFoundError: No module named 'no_such_module_at_all' (hooks.py:2)" in problem(
        "./hooks.py:f", tmp_path
    )
    write(tmp_path, "hooks.py", "def f(:\n  pass\n")
    assert "SyntaxError: " in problem("./hooks.py:f", tmp_path)
    assert "(hooks.py:1)" in problem("./hooks.py:f", tmp_path)
    write(tmp_path, "hooks.py", "import helper_with_error\n")
    write(tmp_path, "helper_with_error.py", "\n\nraise ValueError('not today')\n")
    assert "ValueError: not today (hooks.py:1)" in problem("./hooks.py:f", tmp_path)
    assert not [name for name in sys.modules if "helper_with_error" in name]


def test_a_missing_module_is_told_apart_from_one_that_breaks(tmp_path, monkeypatch):
    assert "there is no module nowhere.at.all" in problem("nowhere.at.all:f", tmp_path)
    write(tmp_path, "mine/hooks.py", "")
    assert problem("mine.hooks:f", tmp_path).endswith("for a file beside the pipeline write ./mine/hooks.py:…")
    write(tmp_path, "path/breaks_of_test.py", "import gone_of_test")
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    assert "breaks_of_test cannot be imported: ModuleNotFoundError" in problem("breaks_of_test:f", tmp_path)


def test_an_exit_at_import_is_not_swallowed(tmp_path):
    write(tmp_path, "hooks.py", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_function("./hooks.py:f", tmp_path)


def test_parameters():
    def function(a, b=1, *args, c, d=2, **more): ...

    assert parameters(function) == (["a", "c"], ["b", "d"], True)
    assert parameters(lambda: 0) == ([], [], False)
    with pytest.raises(InputError, match="by position only"):
        parameters(len)


def test_the_digest_follows_the_content(tmp_path):
    write(tmp_path, "hooks.py", "def f(): return 1\nraise RuntimeError('never run')")
    before = source_digest("./hooks.py:f", tmp_path)
    assert source_digest("./hooks.py:g", tmp_path) == before == source_digest("hooks.py", tmp_path)
    write(tmp_path, "hooks.py", "def f(): return 2")
    assert source_digest("./hooks.py:f", tmp_path) != before
    assert source_digest("textwrap:dedent", tmp_path) != source_digest("math:sqrt", tmp_path)
    with pytest.raises(InputError, match="there is no module"):
        source_digest("nowhere.at.all:f", tmp_path)
    with pytest.raises(InputError, match="there is no file"):
        source_digest("./gone.py:f", tmp_path)


def test_what_counts_as_a_file():
    assert file_or_reference("./hooks.py:f") == "./hooks.py"
    assert file_or_reference("package.module:f") == "package.module:f"
