"""`seedbed show`: what it prints and writes, and what need not be there for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from seedbed.cli.show import show
from seedbed.errors import InputError, SpecError

PIPELINE = """
name: small
models:
  writer: {provider: openai, model: tiny, api_key: "${NOT_SET_KEY}"}
source: {path: not/there.jsonl}
nodes:
  draft: {type: llm, model: writer, prompt: "{{ question }} ${NOT_SET}"}
steps:
  - {type: sort, by: draft}
sink: out/data.jsonl
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(PIPELINE, "utf-8")
    return path


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(show, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_the_terminal(file: Path) -> None:
    text = shown(str(file))
    assert "│ draft        │" in text
    assert "│ llm · writer │" in text
    assert "writer  openai/tiny" in text
    assert "needs all rows ┤" in text
    assert "\x1b" not in text


def test_mermaid(file: Path) -> None:
    assert shown(str(file), "--mermaid").startswith("flowchart TD\n")


def test_svg(file: Path) -> None:
    assert ElementTree.fromstring(shown(str(file), "--svg")).tag.endswith("svg")


@pytest.mark.parametrize(
    ("name", "start"), [("a.svg", "<svg"), ("a.mmd", "flowchart"), ("a.txt", "small\n"), ("a.SVG", "<svg")]
)
def test_the_files_name_says_what_it_holds(file: Path, tmp_path: Path, name: str, start: str) -> None:
    out = tmp_path / name
    shown(str(file), "-o", str(out))
    assert out.read_text("utf-8").startswith(start)


def test_an_option_wins_over_the_name(file: Path, tmp_path: Path) -> None:
    shown(str(file), "--mermaid", "-o", str(tmp_path / "a.txt"))
    assert (tmp_path / "a.txt").read_text("utf-8").startswith("flowchart")


def test_a_place_that_cannot_be_written(file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write"):
        shown(str(file), "-o", str(tmp_path / "not" / "there.svg"))


def test_values_can_be_changed(file: Path) -> None:
    assert "by: question" in shown(str(file), "--set", "steps.0.by=question")


def test_what_an_unset_variable_keeps_from_being_drawn_is_said(tmp_path: Path) -> None:
    file = tmp_path / "unset.yaml"
    text = PIPELINE.replace("prompt:", 'n: "${NOT_SET_N}", prompt:')
    file.write_text(text, "utf-8")
    result = CliRunner().invoke(show, [str(file)], catch_exceptions=False)
    assert "`n` must be a whole number, not '${NOT_SET_N}'" in result.stderr


def test_a_wrong_file_is_said_to_be_wrong(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("name: wrong\nsource: a.jsonl\nstepps: []\n", "utf-8")
    with pytest.raises(SpecError, match="did you mean `steps`"):
        shown(str(file))


def test_the_picture_in_the_documentation_is_of_the_quickstart() -> None:
    root = Path(__file__).parents[2]
    kept = (root / "docs/assets/graph.svg").read_text("utf-8")
    again = "run: seedbed show examples/quickstart.yaml -o docs/assets/graph.svg"
    assert shown(str(root / "examples/quickstart.yaml"), "--svg") == kept, again


def run(file: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "seedbed", "show", str(file)]
    return subprocess.run(command, capture_output=True, env={**os.environ, **environment}, timeout=60, check=False)


def test_as_a_command_in_a_narrow_window(file: Path) -> None:
    done = run(file, COLUMNS="50", PYTHONIOENCODING="utf-8")
    assert done.returncode == 0, done.stderr
    framed = [line for line in done.stdout.decode("utf-8").splitlines() if line.startswith(("│", "├", "╭"))]
    assert {len(line) for line in framed} == {50}


def test_as_a_command_where_there_are_no_box_characters(file: Path) -> None:
    done = run(file, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert b"| draft        |" in done.stdout
