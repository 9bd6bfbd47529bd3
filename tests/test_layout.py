"""How the house is built: which room may import which, what a plug-in file looks like, what an import costs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import seedbed

ROOT = Path(seedbed.__file__).parent

ROOMS = [
    ["errors"],
    ["record", "template", "registry"],
    ["graph"],
    ["models", "io"],
    ["testing"],
    ["nodes", "steps", "run"],
    ["quality", "dataset"],
    ["kg", "evals", "review"],
    ["recipes"],
    ["scale", "studio"],
    ["cli"],
]
"""The record's road. A room imports rooms above it, never one beside or below it. `testing` stands beside `models`,
and is for tests and for commands: no other room imports it."""

PLUGINS = ["nodes", "steps", "models/providers", "io/files", "dataset/formats", "cli"]
"""Where a file may be a plug-in."""

LONG = 450
STILL_LONG: dict[str, int] = {}
"""Files that are longer, with their lines. This list may only shrink."""

HEAVY = {
    "aiohttp", "asyncio", "jsonschema_rs", "json_repair", "minijinja", "msgspec", "pyarrow", "pydantic", "pyreqwest",
    "rich", "ruamel", "sqlite3", "uvloop", "xllamacpp",
}  # fmt: skip


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room_of(path: Path) -> str:
    """The first part of a file's place; empty for the shop window and the door."""
    first = path.relative_to(ROOT).parts[0].removesuffix(".py")
    return "" if first.startswith("__") else first


def level(room: str) -> int:
    return next(number for number, rooms in enumerate(ROOMS) if room in rooms)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and room of everything of ours that a file imports, also in functions and under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: a relative import"
            names = [node.module or ""]
            if node.module == "seedbed":
                names = [f"seedbed.{alias.name}" for alias in node.names]
        for name in names:
            if name.split(".")[0] == "seedbed" and "." in name:
                yield node.lineno, name.split(".")[1]


def test_every_room_has_its_place() -> None:
    known = [room for rooms in ROOMS for room in rooms]
    assert {room_of(path) for path in modules()} - {""} <= set(known)


def test_rooms_import_only_what_is_above_them() -> None:
    wrong = []
    for path in modules():
        room = room_of(path)
        for line, other in imports(path):
            if room == other or room in ("", "cli"):
                continue
            if level(other) >= level(room) or other == "testing":
                wrong.append(f"{name_of(path)}:{line}: {room} imports {other}")
    assert wrong == []


def test_inner_packages_hold_a_docstring_and_nothing_else() -> None:
    for path in ROOT.glob("*/**/__init__.py"):
        body = ast.parse(path.read_text("utf-8")).body
        assert len(body) == 1, name_of(path)
        assert isinstance(body[0], ast.Expr), name_of(path)
        assert isinstance(body[0].value, ast.Constant), name_of(path)


def test_every_module_says_what_it_is() -> None:
    silent = [name_of(path) for path in modules() if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert silent == ["__main__.py"] or silent == []


def test_a_plug_in_exports_exactly_one_name_and_others_none() -> None:
    found = 0
    for path in modules():
        exports = re.findall(r"^__all__.*$", path.read_text("utf-8"), re.MULTILINE)
        if not exports or path == ROOT / "__init__.py":
            continue
        found += 1
        place = path.parent.relative_to(ROOT).as_posix()
        assert any(place == room or place.startswith(f"{room}/") for room in PLUGINS), name_of(path)
        assert len(exports) == 1, name_of(path)
        match = re.fullmatch(r'__all__ = \["(\w+)"\]', exports[0])
        assert match, f"{name_of(path)}: {exports[0]}"
        tree = ast.parse(path.read_text("utf-8"))
        defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
        assert match[1] in defined, name_of(path)
    assert found > 20


def test_run_names_no_node_and_no_step() -> None:
    for path in [*(ROOT / "run").rglob("*.py"), *(ROOT / "nodes").rglob("*.py"), *(ROOT / "steps").rglob("*.py")]:
        rooms = {other for _, other in imports(path)}
        assert not rooms & ({"nodes", "steps", "run"} - {room_of(path)}), name_of(path)


def test_no_file_is_too_long() -> None:
    lengths = {name_of(path): path.read_text("utf-8").count("\n") for path in modules()}
    long = {name: lines for name, lines in lengths.items() if lines > LONG}
    assert long.keys() <= STILL_LONG.keys(), "a file over 400 lines wants to be two"
    assert STILL_LONG.keys() <= long.keys(), "it is short now: take it off the list"
    assert all(lines <= STILL_LONG[name] for name, lines in long.items()), "it grew"


@pytest.mark.parametrize(
    "arguments",
    [["-c", "import seedbed"], ["-m", "seedbed", "--help"], ["-m", "seedbed", "--version"]],
    ids=lambda arguments: " ".join(arguments[1:]),
)
def test_what_an_import_costs(arguments: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in ran.stderr.splitlines() if "|" in line}
    assert "seedbed" in loaded
    assert loaded & HEAVY == set()


def test_the_shop_window_shows_what_it_says() -> None:
    for name in getattr(seedbed, "__all__", ()):
        assert getattr(seedbed, name) is not None
