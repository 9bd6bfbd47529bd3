"""From pydantic's errors to ours: a place in the file, what is wrong, what would be right."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import ValidationError

from seedbed.graph.contracts import Spec
from seedbed.graph.yaml import Document, Path

S = TypeVar("S", bound=Spec)

_TYPE_WORDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "nothing",
}


def validated(cls: type[S], raw: Any, document: Document, path: Path) -> S | None:
    """`raw` as a `cls`, or None and the problems noted in the document."""
    try:
        return cls.model_validate(raw)
    except ValidationError as error:
        _note(error, cls, raw, document, path)
        return None


def _note(error: ValidationError, cls: type[Spec], raw: Any, document: Document, path: Path) -> None:
    wanted: dict[Path, list[tuple[str, Any]]] = {}
    for item in error.errors(include_url=False):
        place, rest = _place(item["loc"], raw)
        kind = item["type"]
        if kind == "extra_forbidden":
            key = item["loc"][-1]
            document.problems.append(_unknown_key(document, (*path, *place, key), str(key), _keys_at(cls, place)))
        elif kind == "missing":
            key = item["loc"][-1]
            what = f"`{key}` is missing" + (f" in `{place[-1]}`" if place else "")
            document.problems.append(document.at((*path, *place), what, f"add `{key}:`"))
        elif kind in _TYPE_WORDS or kind == "literal_error":
            word = _TYPE_WORDS.get(kind) or item.get("ctx", {}).get("expected", "")
            wanted.setdefault(place, []).append((str(word).replace("'", "`"), item["input"]))
        else:
            what = _plain(item["msg"])
            name = f"`{place[-1]}` " if place and isinstance(place[-1], str) else ""
            document.problems.append(document.at((*path, *place), f"{name}{what}, not {_show(item['input'])}"))
        del rest
    for place, words in wanted.items():
        name = f"`{place[-1]}` " if place and isinstance(place[-1], str) else "this "
        expected = " or ".join(dict.fromkeys(word for word, _ in words))
        problem = document.at((*path, *place), f"{name}must be {expected}, not {_show(words[0][1])}")
        document.problems.append(problem)


def _place(loc: tuple[str | int, ...], raw: Any) -> tuple[Path, tuple[str | int, ...]]:
    """The part of a pydantic location that leads through the data; the rest names branches of unions."""
    place: list[str | int] = []
    value = raw
    for i, part in enumerate(loc):
        if isinstance(value, dict) and part in value and part != "[key]":
            value = value[part]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        elif i + 1 < len(loc):
            continue
        else:
            return tuple(place), loc[i:]
        place.append(part)
    if loc and place and loc[-1] == place[-1] and isinstance(value, Spec):
        return tuple(place[:-1]), ()
    return tuple(place), ()


def _unknown_key(document: Document, path: Path, key: str, known: list[str]) -> Any:
    near = get_close_matches(key, known, 1)
    fix = f"did you mean `{near[0]}`?" if near else (f"keys here are: {', '.join(known)}" if known else "remove it")
    return document.at_key(path, f"unknown key `{key}`", fix)


def _keys_at(cls: type[Spec], place: Path) -> list[str]:
    """The keys that the mapping at `place` may have, as far as the types tell."""
    for part in place:
        field = next((f for n, f in cls.model_fields.items() if (f.alias or n) == part), None)
        annotation = field.annotation if field else None
        options = getattr(annotation, "__args__", None) or (annotation,)
        inner = next((o for o in options if isinstance(o, type) and issubclass(o, Spec)), None)
        if inner is None:
            return []
        cls = inner
    return [f.alias or n for n, f in cls.model_fields.items()]


def _plain(message: str) -> str:
    message = message.removeprefix("Value error, ").removeprefix("Input should be ")
    if message.startswith("Input should have "):
        return "should have " + message.removeprefix("Input should have ")
    if message.startswith("String should match pattern"):
        return "must match " + message.split("pattern", 1)[1].strip().strip("'")
    return "must be " + message if message[:1].islower() or message[:1].isdigit() else message[:1].lower() + message[1:]


def _show(value: Any) -> str:
    text = repr(value) if not isinstance(value, dict | list) else ("a mapping" if isinstance(value, dict) else "a list")
    text = {"True": "true", "False": "false", "None": "nothing"}.get(text, text)
    return text if len(text) <= 60 else text[:57] + "…"
