"""How the house is laid out: who may import whom, what a plug-in file looks like, how long files may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "seedbed"

ORDER = [
    {"errors"},
    {"record", "template", "registry"},
    {"graph"},
    {"models", "io"},
    {"testing"},
    {"nodes", "steps", "run"},
    {"dataset"},
    {"cli"},
]
"""A room imports rooms that stand above it, never one beside or below it. `testing` stands beside `models` for all but
itself: only its own files and the command line import it."""

DOORS = {"seedbed", "seedbed.__main__"}
"""The shop window and the way in; they stand outside of the order."""

PLUGINS = ["nodes", "steps", "models/providers", "io/files", "dataset/formats", "cli"]
"""Folders in which a file with `__all__` is a plug-in."""

MOST_LINES = 400
LONGER: dict[str, int] = {}
"""Files that may be longer, and how long. May only shrink."""

FILES = sorted(SOURCE.rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "seedbed" and len(parts) > 1 else None


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every import of a file with its line, those inside functions and for type checkers included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield node.lineno, node.module or ""


def storey(room: str) -> int:
    return next(number for number, rooms in enumerate(ORDER) if room in rooms)


def test_every_room_has_its_place() -> None:
    rooms = {room_of(module_of(path)) for path in FILES if module_of(path) not in DOORS}
    assert rooms <= set().union(*ORDER)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file(path: Path) -> None:
    module, text = module_of(path), path.read_text("utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), f"{path}: a module says what it is"
    most = LONGER.get(path.relative_to(SOURCE).as_posix(), MOST_LINES)
    assert text.count("\n") <= most, f"{path}: over {most} lines; make it two"
    if path.name == "__init__.py" and module != "seedbed":
        assert len(tree.body) == 1, f"{path}: holds a docstring and nothing else"
    if module in DOORS:
        return
    own = room_of(module)
    assert own is not None
    for line, imported in imports(path):
        other = room_of(imported)
        assert imported != "seedbed", f"{path}:{line}: takes names from the files that define them"
        if other is not None and other != own:
            assert storey(other) < storey(own), f"{path}:{line}: {own} must not import {other}"
            assert other != "testing" or own == "cli", f"{path}:{line}: testing is for tests and commands"


@pytest.mark.parametrize("folder", PLUGINS)
def test_plug_ins_export_one_name(folder: str) -> None:
    for path in (SOURCE / folder).rglob("*.py"):
        lines = [line for line in path.read_text("utf-8").splitlines() if line.startswith("__all__")]
        if lines:
            assert len(lines) == 1
            assert len(ast.literal_eval(lines[0].split("=")[1].strip())) == 1, f"{path}: exports one name"
