"""Prompts in files of their own: found, read, part of the pipeline, and named with their lines in errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import SpecError, TemplateError
from seedbed.graph.contracts import Read
from seedbed.graph.load import load_data
from seedbed.graph.prompt import Prompt, check_prompt, prompt_files, read_prompt
from seedbed.run.identity import fingerprint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "ask.md").write_text("# Task\n\nAnswer {{ question }}\n", "utf-8")
    return tmp_path


@pytest.mark.parametrize("written", ["./prompts/ask.md", {"file": "prompts/ask.md"}, [{"user": "./prompts/ask.md"}]])
def test_a_file_stands_for_its_text(folder: Path, written: Any) -> None:
    assert list(check_prompt(written, ("prompt",), folder)) == []
    prompt = Prompt(written, folder)
    assert prompt.turns({"question": "this."}) == [{"role": "user", "content": "# Task\n\nAnswer this."}]
    (read,) = read_prompt(written, ("prompt",), folder)
    assert (read.text, read.file) == ("# Task\n\nAnswer {{ question }}", prompt_files(written)[0])


def test_turns_may_be_mixed(folder: Path) -> None:
    written = [{"system": {"file": "./prompts/ask.md"}}, {"user": "Go to ./prompts/ask.md now."}]
    prompt = Prompt(written, folder)
    assert prompt.instructions({"question": "x"})[0]["content"].endswith("Answer x")
    assert prompt.turns({}) == [{"role": "user", "content": "Go to ./prompts/ask.md now."}]
    assert prompt_files(written) == ["./prompts/ask.md"]


@pytest.mark.parametrize(
    ("written", "path", "said"),
    [
        ("./prompts/asks.md", (), "did you mean ask.md"),
        ([{"system": {"file": "./prompts/none.md"}}], (0, "system", "file"), "did you mean"),
        ([{"system": {"fil": "x"}}], (0, "system"), "{file: ./prompts/ask.md}"),
        ({"file": 3}, (), "{file: ./prompts/ask.md}"),
        ("./prompts/bytes.md", (), "UTF-8"),
        ("./prompts/empty.md", (), "write the prompt"),
    ],
)
def test_files_that_cannot_be_prompts(folder: Path, written: Any, path: tuple[Any, ...], said: str) -> None:
    (folder / "prompts" / "bytes.md").write_bytes(b"caf\xe9")
    (folder / "prompts" / "empty.md").write_text("\n")
    (folder / "prompts" / "none").mkdir()
    (issue,) = check_prompt(written, ("prompt",), folder)
    assert issue.path == ("prompt", *path)
    assert said in issue.fix


def pipeline(prompt: Any) -> dict[str, Any]:
    return {
        "name": "p",
        "models": {"m": "scripted"},
        "source": [{"question": "x"}],
        "nodes": {"draft": {"type": "llm", "model": "m", "prompt": prompt}},
    }


def problems(folder: Path, text: str) -> list[str]:
    (folder / "prompts" / "ask.md").write_text(text)
    with pytest.raises(SpecError) as caught:
        load_data(
            pipeline("./prompts/ask.md"), folder, file="here/p.yaml", peek=lambda sources, base: {"question", "topic"}
        )
    return [str(problem) for problem in caught.value.problems]


def test_errors_name_the_file_and_its_line(folder: Path) -> None:
    (unknown,) = problems(folder, "# Task\n\nAnswer {{ quest }}\n")
    assert unknown.startswith("here/prompts/ask.md:3:11: nothing writes the field `quest`; did you mean `question`?")
    (broken,) = problems(folder, "One\nTwo {{ question }\n")
    assert broken.startswith("here/prompts/ask.md:2:")
    (folder / "prompts" / "ask.md").write_text("One\n{{ question.deep }}\n")
    with pytest.raises(TemplateError, match=r"\./prompts/ask\.md: `question` is null .* \(line 2\)"):
        Prompt("./prompts/ask.md", folder).turns({"question": None})


def test_its_content_belongs_to_the_pipeline(folder: Path) -> None:
    def identity() -> str:
        return fingerprint(load_data(pipeline("./prompts/ask.md"), folder))

    before = identity()
    assert identity() == before
    (folder / "prompts" / "ask.md").write_text("Other {{ question }}")
    assert identity() != before


def test_a_text_is_no_file_unless_it_is_nothing_else() -> None:
    for text in ("./a b.md", "See ./a.md", "./a.md\nand more", "a.md", "/a.md", "{{ file }}"):
        assert prompt_files(text) == []
    assert list(read_prompt("./gone.md", ("prompt",), Path())) == []
    assert list(read_prompt("Hi", ("prompt",))) == [Read("template", "Hi", ("prompt",))]
