"""A pipeline file as it is written: read, added to by `--set` and by what is shared beside it, and filled in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from seedbed.errors import InputError, Problem, SpecError
from seedbed.graph.fill import Filler, is_secret_place
from seedbed.graph.yaml import Document, Path, read_yaml, scalar

SHARED = "seedbed.yaml"
"""Beside or above a pipeline file: shared `models`, and defaults for `params` and `budget`."""


def read_pipeline(path: str | FilePath) -> Document:
    """Reads a pipeline file as it is written. Raises InputError or SpecError."""
    file = FilePath(path)
    if not file.is_file():
        near = [p.name for p in sorted(file.parent.glob("*.y*ml"))][:5] if file.parent.is_dir() else []
        raise InputError(f"there is no file {path}", hint=f"pipelines there: {', '.join(near)}" if near else "")
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = Problem(str(path), 1, 1, f"not UTF-8 at byte {error.start}", "save the file as UTF-8")
        raise SpecError([problem]) from error
    return read_yaml(text, str(path))


@dataclass(slots=True)
class Written:
    """One file. What is wrong with it is noted in its document."""

    document: Document
    base: FilePath
    """The folder that its relative paths start from."""
    environment: Mapping[str, str]
    strict: bool
    """Whether a variable that is not set is a problem; else it is left as it is."""

    @property
    def raw(self) -> dict[str, Any]:
        """The mapping that it is."""
        raw: dict[str, Any] = self.document.data
        return raw

    def change(self, text: str) -> None:
        """Changes a value, by `KEY=VALUE` as of `--set`."""
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise InputError(f"--set {text} is not KEY=VALUE", hint="write for instance --set params.topic=chemistry")
        *parents, last = key.split(".")
        place: Any = self.raw
        for depth, part in enumerate(parents):
            if isinstance(place, list) and part.isdigit() and int(part) < len(place):
                place = place[int(part)]
            elif isinstance(place, dict):
                place = place.setdefault(part, {})
                if depth == 1 and parents[0] == "models" and isinstance(place, str):
                    place = self.raw["models"][part] = long_form(place)
            else:
                place = None
            if not isinstance(place, dict | list):
                raise InputError(f"--set {key}: `{part}` is not a mapping in {self.document.file}")
        if parents == ["params"] and last not in place:
            have = ", ".join(place) or "none"
            raise InputError(f"--set {key}: there is no param `{last}`", hint=f"params of this file: {have}")
        inline = read_yaml(value, "--set")
        new = inline.data if value[:1] in "[{\"'" and not inline.problems else scalar(value)
        if isinstance(place, list):
            if not (last.isdigit() and int(last) < len(place)):
                raise InputError(f"--set {key}: there is no item `{last}`")
            place[int(last)] = new
        else:
            place[last] = new

    def take_shared(self) -> None:
        """Adds what a `seedbed.yaml` beside or above the file holds and the file does not."""
        for folder in (self.base, *self.base.parents):
            file = folder / SHARED
            if not file.is_file() or str(file) == str(FilePath(self.document.file).resolve()):
                continue
            shared = read_yaml(file.read_text("utf-8-sig"), str(file))
            self.document.problems += shared.problems
            if shared.problems:
                return
            for key, value in (shared.data or {}).items():
                if key not in ("models", "params", "budget") or not isinstance(value, dict):
                    fix = f"{SHARED} may hold the mappings models, params, budget"
                    self.document.problems.append(shared.at_key((key,), f"`{key}` does not belong here", fix))
                    continue
                mine = self.raw.setdefault(key, {})
                for name, item in value.items() if isinstance(mine, dict) else ():
                    if name not in mine:
                        mine[name] = item
                        self.document.adopt(shared, (key, name))
            return

    def fill(self, only: Collection[str] | None = None) -> tuple[dict[str, Any], Filler]:
        """Its content filled in, its params among it, and what filled it. `only` are the keys wanted beside params."""
        params = self.raw.get("params")
        filler = Filler(self.document, self.environment, {}, self.strict)
        filler.params = filler.fill(params, ("params",)) if isinstance(params, dict) else {}
        wanted = [key for key in self.raw if key != "params" and (only is None or key in only)]
        filled = {key: filler.fill(self.raw[key], (key,)) for key in wanted}
        filled["params"] = filler.params if isinstance(params, dict) or params is None else params
        return filled, filler

    def literal_secrets(self, warnings: list[str]) -> set[str]:
        """The secrets that stand in it; a warning is added for each."""
        found: set[str] = set()

        def walk(value: Any, path: Path) -> None:
            if isinstance(value, dict):
                for key, item in value.items():
                    walk(item, (*path, key))
            elif isinstance(value, str) and value and is_secret_place(path) and "${" not in value:
                found.add(value)
                problem = self.document.at(
                    path, "a secret stands in the file", f"write ${{{str(path[1]).upper()}_KEY}}"
                )
                warnings.append(str(problem))

        walk({"models": self.raw.get("models")}, ())
        return found


def long_form(short: str) -> dict[str, Any]:
    """`local/0.5b` as the mapping it stands for."""
    provider, _, model = short.partition("/")
    return {"provider": provider, **({"model": model} if model else {})}
