"""What it takes to start one sandboxed process, and what all ways of doing so have in common."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from seedbed.nodes.sandbox.job import Limits
from seedbed.nodes.sandbox.places import Packages, interpreter


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start one process."""

    command: list[str]
    confine: dict[str, Any]
    """What the process is to do to itself before it begins (see `inside/confine.py`)."""
    environment: dict[str, str]
    keep: tuple[int, ...] = ()
    """File descriptors that it is to have."""
    folder: Path | None = None
    """Its scratch folder, where that is one of this machine's."""
    packages: str = ""
    """The folder in which it finds packages."""


class Launcher(Protocol):
    """One way to start a process. What each protects from stands in docs/sandbox.md."""

    name: str
    strong: bool
    """Whether it keeps a program from files, network and processes, or only limits what it uses up."""

    def unfit(self) -> str:
        """Why it cannot be used here; "" if nothing is known against it."""

    def launch(self, limits: Limits, packages: Packages | None) -> AbstractContextManager[Launch]:
        """Gives all that starting a process takes, and cleans up after it."""


def python(main: str) -> list[str]:
    """The command that runs a file: no packages, no user's folder, no folder of the file, no bytecode written."""
    return [interpreter(), "-s", "-S", "-P", "-B", main]


def environment(home: str) -> dict[str, str]:
    """All environment variables of a program: none of ours. The order of sets is the same in every run."""
    return {
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
        "PYTHONHASHSEED": "0",
        "MALLOC_ARENA_MAX": "2",
    }
