"""A small project, and the command line: in this process where that is enough, in one of its own where it is not."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

PIPELINE = """\
name: facts
models:
  writer: {provider: scripted, rules: rules.yaml, price: {input: 1, output: 2}, retries: 1}
source: seeds.jsonl
steps:
  - type: graph
    nodes:
      fact:
        type: llm
        model: writer
        prompt: A fact about the number {{ n }}.
        schema: {text: str, sure: bool}
  - {type: filter, where: "n != 2"}
output: {n: "{{ n }}", text: "{{ fact.text }}"}
sink: out/facts.jsonl
"""

RULES = """\
- {contains: number 3, fail: 400}
- {contains: number 4, reply: not json}
- {json: {text: "about it", sure: true}}
"""


@dataclass
class Project:
    """A folder with a pipeline of 6 rows: 0, 1 and 5 get through, 2 is dropped, 3 and 4 fail, and one is no JSON."""

    folder: Path

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, "utf-8")

    def change(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text("utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def run_folder(self, name: str = "facts") -> Path:
        return sorted((self.folder / "runs" / name).iterdir())[-1]

    def rows(self) -> list[dict]:
        return [json.loads(line) for line in (self.folder / "out/facts.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(tmp_path)
    made.write("p.yaml", PIPELINE)
    made.write("rules.yaml", RULES)
    made.write("seeds.jsonl", "".join(f'{{"n": {n}}}\n' for n in range(6)) + "{bad\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return made


@dataclass
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str


class _Left(BaseException):
    pass


@pytest.fixture
def seedbed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs the command in this process, exit code and messages included."""
    from seedbed.cli import main

    def leave(code: int) -> None:
        raise _Left(code)

    def call(*arguments: str) -> Said:
        capsys.readouterr()
        monkeypatch.setattr(main, "leave", leave)
        with pytest.raises(_Left) as left:
            main.main(list(arguments))
        return Said(left.value.args[0], *capsys.readouterr())

    return call


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TTY_COMPATIBLE")}
    return {**kept, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40", "PYTHONUNBUFFERED": "1", **more}


@dataclass
class Terminal:
    """A command on a terminal of its own; `text` is all it wrote so far."""

    process: "subprocess.Popen[bytes]"
    master: int
    text: str = ""

    def read(self, until: str = "") -> str:
        """Reads until a text was seen, or to the end."""
        while not until or until not in self.text:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if not data:
                assert not until, f"{until!r} was never written:\n{self.text}"
                break
            self.text += data.decode("utf-8", "replace")
        return self.text


@contextmanager
def on_terminal(*arguments: str, cwd: Path) -> Iterator[Terminal]:
    import pty

    master, slave = pty.openpty()
    command = [sys.executable, "-m", "seedbed", *arguments]
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, cwd=cwd, env=environment()) as process:
        os.close(slave)
        try:
            yield Terminal(process, master)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()
            os.close(master)


@pytest.fixture
def terminal(project: Project) -> Callable[..., object]:
    return lambda *arguments: on_terminal(*arguments, cwd=project.folder)


@pytest.fixture
def process(project: Project) -> Callable[..., "subprocess.Popen[str]"]:
    """Starts the command in a process of its own, without a terminal."""

    def start(*arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "seedbed", *arguments], cwd=project.folder, text=True, env=environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    return start
