"""What of this machine's files a sandboxed program is let read: the interpreter, its library, shared libraries."""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from seedbed.errors import MissingExtra

INSIDE = Path(__file__).parent / "inside"
"""The modules that run in the sandboxed process."""

_SHARED = (
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/etc/ld.so.cache",
    "/usr/share/zoneinfo",
)
_STORES = ("/nix/store", "/gnu/store", "/home/linuxbrew/.linuxbrew")
"""Where some package managers keep an interpreter's libraries beside it."""


class Packages(NamedTuple):
    """An installed package: the folder to import it from, and the parts of it there."""

    folder: str
    parts: tuple[str, ...]


def interpreter() -> str:
    """The Python itself, not the virtual environment around it."""
    return str(Path(getattr(sys, "_base_executable", None) or sys.executable).resolve())


@cache
def readable() -> tuple[str, ...]:
    """Files and folders, none inside another."""
    python = interpreter()
    wanted = [*_SHARED, python, f"{sys.base_prefix}/lib", f"{sys.base_exec_prefix}/lib"]
    wanted.append(str(Path(os.__file__).parent))
    wanted += [store for store in _STORES if python.startswith(f"{store}/")]
    chosen: list[str] = []
    for path in sorted({os.path.normpath(path) for path in wanted if Path(path).exists()}):
        if not any(path.startswith(f"{other}/") for other in chosen):
            chosen.append(path)
    return tuple(chosen)


@cache
def packages(language: str) -> Packages | None:
    """What a language needs beyond the standard library. Raises MissingExtra."""
    if language != "duckdb":
        return None
    parts = []
    for name in ("duckdb", "_duckdb"):
        spec = find_spec(name)
        if spec is not None:
            places = spec.submodule_search_locations or [spec.origin or ""]
            parts.append(str(next(iter(places))))
        elif name == "duckdb":
            raise MissingExtra("`language: duckdb`", "sql")
    folder = Path(parts[0]).parent
    parts += [str(path) for path in folder.glob("duckdb-*.dist-info")]  # where it reads its own version
    return Packages(str(folder), tuple(parts))
