"""A prompt as written: text for one user message, or a list of turns `- system: …`, `- user: …`.

Any of its texts may stand in a file of its own: `./prompts/ask.md`, or `{file: ./prompts/ask.md}`. Knows no model: it
makes messages in the form {role, content}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Annotated, Any, NamedTuple

from pydantic import WithJsonSchema

from seedbed.errors import InputError, TemplateError
from seedbed.graph.contracts import Issue, Read
from seedbed.template.text import Text, compile_text

ROLES = ("system", "developer", "user", "assistant")

_FILE = re.compile(r"\.{1,2}/\S*\.[A-Za-z0-9]+")
"""A text that is nothing but a path like this names a file."""

_TEXT: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "pattern": "\\S"},
        {
            "type": "object",
            "properties": {"file": {"type": "string", "minLength": 1}},
            "required": ["file"],
            "additionalProperties": False,
        },
    ]
}

Written = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "null"},
                *_TEXT["anyOf"],
                {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "properties": dict.fromkeys(ROLES, _TEXT),
                        "minProperties": 1,
                        "maxProperties": 1,
                        "additionalProperties": False,
                    },
                },
            ]
        }
    ),
]
"""A prompt in a pipeline file."""

Path = tuple[str | int, ...]
Messages = list[dict[str, Any]]


class Prompt:
    """A prompt with its templates compiled. `base` is the folder of the pipeline file. Raises InputError where a file
    of it cannot be read."""

    def __init__(self, written: Any, base: FilePath | None = None) -> None:
        turns = [_Compiled(turn, base) for turn in _turns(written, ())]
        instructions = 0
        while instructions < len(turns) and turns[instructions].role in ("system", "developer"):
            instructions += 1
        self._instructions = turns[:instructions]
        self._turns = turns[instructions:]

    def instructions(self, scope: dict[str, Any]) -> Messages:
        """The system and developer messages at its beginning."""
        return [{"role": turn.role, "content": turn.render(scope)} for turn in self._instructions]

    def turns(self, scope: dict[str, Any]) -> Messages:
        """The messages after them."""
        return [{"role": turn.role, "content": turn.render(scope)} for turn in self._turns]


def read_prompt(written: Any, path: Path, base: FilePath | None = None) -> Iterator[Read]:
    """Its templates, each with the path to it; none of a file that cannot be read."""
    for turn in _turns(written, path):
        try:
            yield Read("template", turn.text(base), turn.path, turn.file)
        except InputError:
            continue  # `check_prompt` says what is wrong


def prompt_files(written: Any) -> list[str]:
    """The files that its texts stand in, as `Node.files` wants them."""
    return list(dict.fromkeys(turn.file for turn in _turns(written, ()) if turn.file))


def check_prompt(written: Any, path: Path, base: FilePath | None = None) -> Iterator[Issue]:
    """What is wrong with the way it is written."""
    if isinstance(written, str):
        if not written.strip():
            yield Issue(path, "the prompt is empty", "write what the model is to do")
    elif isinstance(written, list):
        if not written:
            yield Issue(path, "the prompt is empty", "write at least one turn: `- user: …`")
        for i, turn in enumerate(written):
            yield from _check_turn(turn, (*path, i))
    elif isinstance(written, Mapping):
        if "file" in written:
            yield from _check_file(written, path)
        else:
            fix = "write `- system: …` and `- user: …` below each other"
            yield Issue(path, "a prompt of several turns is a list", fix)
    else:
        yield Issue(path, "a prompt is text or a list of turns", "write text, or `- user: …`")
    for found in _turns(written, path):
        if found.file:
            try:
                empty = not found.text(base).strip()
            except InputError as error:
                yield Issue(found.path, error.message, error.hint)
            else:
                if empty:
                    yield Issue(found.path, f"{found.file} is empty", "write the prompt into it")


def _check_turn(turn: Any, path: Path) -> Iterator[Issue]:
    if isinstance(turn, Mapping) and turn.keys() == {"role", "content"}:
        yield Issue(path, "a turn is written with its role as the key", f"write `- {turn['role']}: …`")
        return
    if not isinstance(turn, Mapping) or len(turn) != 1:
        yield Issue(path, "a turn is a map of one role to its text", "write `- user: …`, one turn an item")
        return
    ((role, text),) = turn.items()
    if role not in ROLES:
        near = get_close_matches(str(role), ROLES, 1)
        fix = f"did you mean `{near[0]}`?" if near else f"roles are {', '.join(ROLES)}"
        yield Issue((*path, role), f"there is no role `{role}`", fix)
    elif isinstance(text, Mapping):
        yield from _check_file(text, (*path, role))
    elif not isinstance(text, str):
        yield Issue((*path, role), f"what the {role} says must be text", "put it in quotes")
    elif not text.strip():
        yield Issue((*path, role), f"the {role}'s turn is empty", "write its text, or leave the turn out")


def _check_file(written: Mapping[Any, Any], path: Path) -> Iterator[Issue]:
    if written.keys() != {"file"} or not isinstance(written["file"], str) or not written["file"].strip():
        yield Issue(path, "a text in a file is a map with `file` alone", "write `{file: ./prompts/ask.md}`")


class _Turn(NamedTuple):
    """One well-written turn."""

    role: str
    said: str
    """Its text, or the path of the file that has it."""
    path: Path
    file: str = ""

    def text(self, base: FilePath | None) -> str:
        """Its text; of a file without the line break at its end. Raises InputError."""
        return _read(self.file, base or FilePath()) if self.file else self.said


class _Compiled:
    """A turn with its template compiled."""

    def __init__(self, turn: _Turn, base: FilePath | None) -> None:
        self.role = turn.role
        self._file = turn.file
        self._text: Text = compile_text(turn.text(base))
        self.render = self._of_file if turn.file else self._text.render

    def _of_file(self, scope: dict[str, Any]) -> str:
        try:
            return self._text.render(scope)
        except TemplateError as error:
            error.message = f"{self._file}: {error.message}"
            raise


def _turns(written: Any, path: Path) -> Iterator[_Turn]:
    """Each turn that is well written."""
    if not isinstance(written, list):
        found = _one("user", written, path)
        if found is not None:
            yield found
        return
    for i, turn in enumerate(written):
        for role, said in turn.items() if isinstance(turn, Mapping) else ():
            if (found := _one(role, said, (*path, i, role))) is not None:
                yield found


def _one(role: str, said: Any, path: Path) -> _Turn | None:
    if isinstance(said, str):
        name = said.strip()
        return _Turn(role, said, path, name if _FILE.fullmatch(name) else "")
    if isinstance(said, Mapping) and said.keys() == {"file"} and isinstance(said["file"], str) and said["file"].strip():
        return _Turn(role, "", (*path, "file"), said["file"].strip())
    return None


def _read(file: str, base: FilePath) -> str:
    path = base / file
    try:
        return path.read_text("utf-8-sig").rstrip("\n")
    except FileNotFoundError:
        names = sorted(entry.name for entry in path.parent.iterdir()) if path.parent.is_dir() else []
        near = get_close_matches(path.name, names, 1)
        hint = f"did you mean {near[0]}?" if near else f"paths start at the pipeline file's folder, {base}"
        raise InputError(f"there is no file {file}", hint=hint) from None
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 at byte {error.start}", hint="save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
