"""`seedbed models`: what is configured, what answers, and the embedded models of this machine."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from seedbed.cli.main import seedbed
from seedbed.errors import SpecError
from seedbed.models import weights
from seedbed.models.catalogue import ENTRIES

PIPELINE = """
name: two
models:
  writer: {provider: scripted, rules: [{reply: "Hello there"}]}
  judge: {provider: openai, model: gpt-4o-mini, base_url: "http://127.0.0.1:9/v1", api_key: "${JUDGE_API_KEY}"}
  tiny: local/135m
source: [{topic: tea}]
nodes:
  draft: {type: llm, model: writer, prompt: "About {{ topic }}"}
"""


def models(*arguments: str | Path) -> Result:
    return CliRunner().invoke(seedbed, ["models", *map(str, arguments)], standalone_mode=False)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("JUDGE_API_KEY", raising=False)
    path = tmp_path / "two.yaml"
    path.write_text(PIPELINE)
    return path


def test_the_models_of_a_file_and_whether_their_keys_are_there(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = models(file)
    assert result.exception is None
    writer, judge, tiny = result.output.splitlines()[1:]
    assert writer.split()[:2] == ["writer", "scripted"]
    assert judge.endswith("http://127.0.0.1:9/v1  JUDGE_API_KEY is not set")
    assert tiny.split()[:4] == ["tiny", "local", "135m", "local:135m"]
    monkeypatch.setenv("JUDGE_API_KEY", "sk-very-secret")
    said = models(file).output
    assert "JUDGE_API_KEY is set" in said
    assert "sk-very-secret" not in said


def test_check_asks_each_model(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_API_KEY", "sk-very-secret")
    result = models(file, "--check")
    assert result.exception is None
    assert result.return_value == 1
    writer, judge, tiny = result.output.splitlines()[-3:]
    assert writer.startswith("writer: answers in 0.0")
    assert "Hello there" in writer
    assert judge.startswith("judge: ")
    assert "answers" not in judge
    assert tiny.startswith("tiny: answers in ")


def test_check_needs_what_the_file_needs(file: Path) -> None:
    assert isinstance(models(file, "--check").exception, SpecError)
    assert isinstance(models("--check").exception, click.UsageError)


def test_list_names_what_is_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEDBED_CACHE", str(tmp_path))
    result = models("list")
    rows = result.output.splitlines()[1 : len(ENTRIES) + 1]
    assert [row.split()[0] for row in rows] == [entry.word for entry in ENTRIES]
    assert all(" no " in row for row in rows)
    assert "1.1 GB" in rows[0]
    assert result.output.splitlines()[0] in models().output


def test_get_says_where_the_file_is() -> None:
    result = models("get", "135m")
    assert result.exception is None
    name, path = result.output.split()[0], result.output.split()[-1]
    assert name == "local/135m"
    assert Path(path).expanduser().is_file()


def test_verify_finds_a_changed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = ENTRIES[2]
    assert "as published (sha256)" in models("verify", "135m", "--offline").output
    monkeypatch.setenv("SEEDBED_CACHE", str(tmp_path))
    path = weights.place(entry, entry.files[0])
    path.parent.mkdir(parents=True)
    path.write_bytes(b"GGUF")
    result = models("verify", "135m", "--offline")
    assert result.return_value == 1
    assert "CHANGED" in result.output
    monkeypatch.setenv("SEEDBED_OFFLINE", "1")
    path.unlink()
    assert models("verify", "135m", "--offline").return_value == 0


def test_an_unknown_name_lists_what_there_is() -> None:
    error = models("get", "135").exception
    assert "did you mean `local/135m`?" in str(error)


def test_help_says_how_it_is_called() -> None:
    assert "[FILE] [--check]" in models("--help").output
