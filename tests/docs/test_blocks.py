"""Every code block of the README and of docs/ is right: YAML loads, Python runs, commands exist and say what is shown.

YAML and Python of a page that has a test file of its own are left to that.

- `yaml` with `name` and `source` is a pipeline; its side files are made up and it is loaded. What begins with
  `# NAME.yaml` is also written, for the commands that follow. Any other is held against the JSON Schema of a file, as
  its top, its nodes or its steps, or is rules of the scripted model.
- `python` of a page runs in order in one folder; what begins with `# NAME.py` is written and not run.
- `console`: each `$ seedbed …` is parsed. Below `<!-- run -->` it is run, in order through the page, with scripted
  models, and must say what is shown: the lines in their order, `…` standing for anything, runs of blanks for one.
"""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import jsonschema_rs
import pytest

from seedbed.cli import main as command_line
from seedbed.graph.schema import pipeline_schema
from seedbed.graph.spec import Frame
from seedbed.graph.yaml import read_yaml
from seedbed.models.script.rules import load_rules
from seedbed.registry import own
from seedbed.registry.plugins import names
from seedbed.run.prepare import prepare

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^(<!-- run -->\n)?(?P<indent> *)```(\w*)[^\n]*\n(.*?)^(?P=indent)```", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"# (\S+\.\w+)\s*\n")
LANGUAGES = {"yaml", "python", "console", "text", "json", "toml", "make"}
SHELL = ("cat", "head", "ls")
"""Other commands that are run as they are."""


@dataclass(frozen=True)
class Block:
    """A block of a page."""

    page: Path
    line: int
    language: str
    text: str
    run: bool

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file that it is the content of, if it says so."""
        named = NAMED.match(self.text)
        return named[1] if named else None


def blocks(page: Path) -> list[Block]:
    """All blocks of a page."""
    text = page.read_text("utf-8")
    return [
        Block(page, text.count("\n", 0, found.start(4)), found[3], found[4], bool(found[1]))
        for found in FENCE.finditer(text)
    ]


def of(*languages: str) -> list[Block]:
    """All blocks in these languages."""
    return [block for page in PAGES for block in blocks(page) if block.language in languages]


def has_own_test(block: Block) -> bool:
    """Whether a test file of the page's own runs its YAML and Python."""
    return Path(__file__).with_name(f"test_{block.page.stem.replace('-', '_')}.py").exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_block_says_its_language(page: Path) -> None:
    assert page.read_text("utf-8").count("```") == 2 * len(blocks(page))
    assert {block.language for block in blocks(page)} <= LANGUAGES


# --- YAML ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema() -> Any:
    return jsonschema_rs.validator_for(pipeline_schema())


@pytest.mark.parametrize("block", [block for block in of("yaml") if not has_own_test(block)], ids=str)
def test_yaml(block: Block, schema: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = read_yaml(block.text, str(block))
    assert not document.problems
    data = document.data
    if isinstance(data, dict) and {"name", "source"} <= data.keys():
        monkeypatch.setenv("OPENAI_API_KEY", "a key of a test")
        make_side_files(block, data, tmp_path)
        (tmp_path / "pipeline.yaml").write_text(block.text, "utf-8")
        prepare(tmp_path / "pipeline.yaml")
    elif is_rules(data):
        (tmp_path / "rules.yaml").write_text(block.text, "utf-8")
        load_rules("rules.yaml", tmp_path)
    else:
        whole = completed(data)
        assert not [str(error) for error in schema.iter_errors(whole)], f"{block}: {whole}"


def completed(data: Any) -> dict[str, Any]:
    """The smallest file that a part of one can stand in."""
    whole: dict[str, Any] = {"name": "part", "source": {"count": 1}}
    if isinstance(data, list):
        return {**whole, "steps": data}
    if data.keys() <= {field.alias or key for key, field in Frame.model_fields.items()}:
        return {**whole, "nodes": {"a": {"type": "template", "template": "a"}}, **data}
    return {**whole, "nodes": data}


def is_rules(data: Any) -> bool:
    """Whether this is rules of the scripted model and not steps."""
    if isinstance(data, dict):
        return bool(data.keys() & {"rules"})
    return not all(isinstance(item, dict) and item.get("type") in names("step") for item in data)


def make_side_files(block: Block, data: dict[str, Any], folder: Path) -> None:
    """The sources and functions that a pipeline names: what the page shows, else what it must be."""
    written = {other.file: other.text for other in blocks(block.page) if other.file}
    for reference in re.findall(r"\./[\w/]+\.py(?=:)", block.text):
        (folder / reference).write_text(written[Path(reference).name], "utf-8")
    for path in re.findall(r"[\w/*-]+\.(?:jsonl|csv)", str(data["source"])):
        fields = sorted(set(re.findall(r"{{ (\w+)", block.text)))
        file = folder / path.replace("*", "a")
        file.parent.mkdir(parents=True, exist_ok=True)
        text = "{" + ", ".join(f'"{field}": "x"' for field in fields) + "}\n"
        file.write_text(text if path.endswith("jsonl") else ",".join(fields) + "\n", "utf-8")


# --- Python -------------------------------------------------------------------------------------------------------


WITH_PYTHON = sorted({block.page for block in of("python") if not has_own_test(block)})


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.name)
def test_python(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(own, "_types", {})
    space: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.file:
            (tmp_path / block.file).write_text(block.text.replace("writer: local", "writer: scripted"), "utf-8")
        elif block.language == "python":
            code = block.text.replace('"local"', '"scripted"')
            exec(compile("\n" * block.line + code, page.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), space)


# --- commands -----------------------------------------------------------------------------------------------------


def commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    """The commands of a block, comments left out, and the lines shown below each."""
    shown: list[str] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            shown = []
            yield re.sub(r"\s+# .*", "", line[2:]), shown
        else:
            shown.append(line)


@pytest.mark.parametrize("block", of("console"), ids=str)
def test_commands_exist(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seen = 0
    for line, _ in commands(block):
        seen += 1
        if line.startswith("seedbed "):
            parse(command_line.seedbed, shlex.split(line.split(" > ")[0])[1:], None)
    assert seen, "a console block has at least one line with `$ `"


def parse(command: click.Command, arguments: list[str], parent: click.Context | None) -> None:
    """Parses as if to run, and runs nothing. Raises UsageError."""
    context = command.make_context(command.name, list(arguments), parent)
    if isinstance(command, click.Group) and context._protected_args:
        name = context._protected_args[0]
        below = command.get_command(context, name)
        assert below is not None, f"there is no command {name}"
        parse(below, context.args, context)


class Left(BaseException):
    """The command would end the process."""


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """Runs a command line and gives what it said."""

    def leave(code: int) -> None:
        raise Left(code)

    def run(line: str) -> str:
        words = shlex.split(line)
        if words[0] in SHELL:
            return subprocess.run(line, shell=True, check=True, capture_output=True, text=True).stdout
        assert words[0] == "seedbed", f"not run: {line}"
        monkeypatch.setattr(command_line, "leave", leave)
        capfd.readouterr()
        with pytest.raises(Left) as left:
            command_line.main([*words[1:], *scripted(words)])
        captured = capfd.readouterr()
        assert left.value.args[0] in (0, 1), captured.err
        return captured.out + captured.err

    return run


def scripted(words: list[str]) -> list[str]:
    """What makes the pipeline's models scripted, where the line does not say itself which they are."""
    if words[1] not in ("run", "preview") or any("models." in word for word in words):
        return []
    return ["--set", "models.writer=scripted"]


RUN = sorted({block.page for block in of("console") if block.run})


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_commands_say_what_is_shown(
    page: Path, say: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    for block in blocks(page):
        if block.file and block.language in ("yaml", "python", "json"):
            Path(block.file).write_text(block.text, "utf-8")
        elif block.language == "console" and block.run:
            for line, shown in commands(block):
                if line.startswith("cd "):
                    monkeypatch.chdir(line[3:])
                else:
                    compare(block, line, say(line), shown)


def compare(block: Block, line: str, said: str, shown: list[str]) -> None:
    """Every line shown was said, in this order."""
    lines = iter([" ".join(text.split()) for text in said.splitlines()])
    for wanted in shown:
        pattern = re.escape(" ".join(wanted.split())).replace("…", ".*")
        if wanted.strip() not in ("", "…"):
            assert any(re.fullmatch(pattern, text) for text in lines), (
                f"{block}: $ {line}\n{wanted!r} is not in:\n{said}"
            )
