"""`seedbed check`: one line when all is well, every problem and exit 2 when not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from seedbed.cli.check import check
from seedbed.errors import SpecError

GOOD = """
name: good
params: {least: 3}
models:
  writer: {provider: scripted}
source: [{question: "Why?", level: 1}, {question: "How?", hint: "…"}]
nodes:
  draft: {type: llm, model: writer, prompt: "{{ question }}"}
  size: {type: expression, expression: "draft | length"}
steps:
  - {type: filter, where: "size > ${params.least}"}
"""

WRONG = """
name: wrong
models:
  writer: {provider: openai, model: x, api_key: "${SEEDBED_TEST_NOT_SET}"}
source: not/there.jsonl
nodes:
  draft: {type: llm, model: writter, prompt: "{{ question }}"}
  other: {type: lmm}
"""


def write(folder: Path, text: str) -> str:
    path = folder / "pipeline.yaml"
    path.write_text(text, "utf-8")
    return str(path)


def test_one_line_when_all_is_well(tmp_path: Path) -> None:
    result = CliRunner().invoke(check, [write(tmp_path, GOOD)], catch_exceptions=False)
    assert result.exit_code == 0
    line = "OK: good · 2 steps · 2 nodes · 1 model · fields of the source: hint, level, question\n"
    assert result.output == line


def test_values_can_be_changed(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="there is no step `fillter`"):
        CliRunner().invoke(check, [write(tmp_path, GOOD), "--set", "steps.0.type=fillter"], catch_exceptions=False)


def test_a_source_that_cannot_be_looked_into(tmp_path: Path) -> None:
    result = CliRunner().invoke(check, [write(tmp_path, 'name: x\nsource: "-"\n')], catch_exceptions=False)
    assert "fields of the source not known beforehand" in result.output


def test_warnings_do_not_fail_it(tmp_path: Path) -> None:
    text = GOOD.replace("{provider: scripted}", "{provider: openai, model: x, api_key: sk-in-the-file}")
    result = CliRunner().invoke(check, [write(tmp_path, text)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "warning: " in result.stderr
    assert "sk-in-the-file" not in result.output


def test_all_problems_and_exit_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "seedbed", "check", write(tmp_path, WRONG)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    for words in ("SEEDBED_TEST_NOT_SET is not set", "not/there.jsonl", "no model `writter`", "no node `lmm`"):
        assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert all(line.startswith(str(tmp_path)) for line in done.stderr.splitlines()[:-1])


def test_a_missing_file_is_exit_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "seedbed", "check", str(tmp_path / "none.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False)
    assert done.returncode == 2
    assert "there is no file" in done.stderr
