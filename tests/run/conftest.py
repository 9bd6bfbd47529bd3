"""A project in a temporary folder: a pipeline file, `seedbed` as a process or in this one, and what came of it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seedbed.run.prepare import prepare
from seedbed.run.session import Options, Session
from seedbed.run.summary import Summary
from seedbed.testing.server import ScriptedServer


@dataclass
class Ran:
    """How a process ended."""

    code: int
    out: str
    err: str


class Project:
    """A folder with `p.yaml` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment: dict[str, str] = {}
        self.processes: list[subprocess.Popen[str]] = []

    def pipeline(self, **keys: Any) -> None:
        """Writes the pipeline; JSON is YAML."""
        whole = {"name": "p", "sink": "out.jsonl", **keys}
        (self.folder / "p.yaml").write_text(json.dumps(whole, indent=1), "utf-8")

    def seeds(self, *rows: Any, name: str = "seeds.jsonl") -> None:
        """Writes rows as JSON lines; text is a line as it is."""
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        (self.folder / name).write_text("\n".join(lines) + "\n", "utf-8")

    def file(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, "utf-8")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """`seedbed ARGUMENTS` in the folder, as a process of its own."""
        process = subprocess.Popen(
            [sys.executable, "-m", "seedbed", *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def end(self, process: subprocess.Popen[str], timeout: float = 60) -> Ran:
        """Waits for a process."""
        out, err = process.communicate(timeout=timeout)
        return Ran(process.returncode, out, err)

    def run(self, *arguments: str) -> Ran:
        """`seedbed run p.yaml --quiet ARGUMENTS`, to its end."""
        return self.end(self.start("run", "p.yaml", "--quiet", *arguments))

    def go(self, *sets: str, **options: Any) -> Summary:
        """The same in this process. Raises UserError."""
        return asyncio.run(Session(prepare(self.folder / "p.yaml", sets), Options(**options)).run())

    def rows(self, name: str = "out.jsonl") -> list[Any]:
        return lines_of(self.folder / name)

    @property
    def runs(self) -> list[Path]:
        """The run directories, oldest first."""
        return sorted(path.parent for path in self.folder.glob("runs/*/*/run.db"))

    def failed(self) -> list[Any]:
        return lines_of(self.runs[-1] / "failed.jsonl")

    def dropped(self) -> list[Any]:
        return lines_of(self.runs[-1] / "dropped.jsonl")


def lines_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    yield made
    for process in made.processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def project_in() -> Callable[[Path], Project]:
    """Makes a project in a folder."""
    return Project


@pytest.fixture(scope="session")
def model() -> Callable[..., dict[str, Any]]:
    """The entry of a model at a scripted server."""

    def entry(server: ScriptedServer | str, **more: Any) -> dict[str, Any]:
        url = server if isinstance(server, str) else server.url
        return {"provider": "openai", "model": "m", "base_url": url, "limits": {"concurrency": 8}, **more}

    return entry


@pytest.fixture(scope="session")
def until() -> Callable[..., None]:
    """Waits until something holds."""

    def wait(holds: Callable[[], bool], seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, "it never came to be"
            time.sleep(0.01)

    return wait
