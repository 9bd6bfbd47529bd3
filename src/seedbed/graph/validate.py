"""From pydantic's errors to ours: a place in the file, what is wrong, what would be right."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from seedbed.errors import Problem
from seedbed.graph.contracts import FILE_NAME, MODEL_NAME, NAME, Spec
from seedbed.graph.yaml import Document, Path

S = TypeVar("S", bound=Spec)

_PATTERNS = {
    MODEL_NAME: "must be a name under `models:`, or `provider/model`",
    NAME: "must be an identifier (letters, digits and `_`)",
    FILE_NAME: "must be letters, digits, `.`, `_` and `-`, beginning with a letter or digit",
}
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
        kind, loc = item["type"], item["loc"]
        if kind == "extra_forbidden":
            place = _place(loc[:-1], raw)
            document.problems.append(_unknown_key(document, (*path, *place), str(loc[-1]), _keys_at(cls, place)))
        elif kind == "missing":
            place = _place(loc[:-1], raw)
            what = f"`{loc[-1]}` is missing" + (f" in `{place[-1]}`" if place else "")
            document.problems.append(document.at((*path, *place), what, f"add `{loc[-1]}:`"))
        elif kind in _TYPE_WORDS or kind == "literal_error":
            word = _TYPE_WORDS.get(kind) or item.get("ctx", {}).get("expected", "")
            wanted.setdefault(_place(loc, raw), []).append((str(word).replace("'", "`"), item["input"]))
        else:
            place = _place(loc, raw)
            what, shown = _plain(item["msg"]), "" if kind == "value_error" else f", not {_show(item['input'])}"
            name = f"`{place[-1]}` " if place and isinstance(place[-1], str) and kind != "value_error" else ""
            document.problems.append(document.at((*path, *place), f"{name}{what}{shown}"))
    for place, words in wanted.items():
        name = f"`{place[-1]}` " if place and isinstance(place[-1], str) else "this "
        expected = " or ".join(dict.fromkeys(word for word, _ in words))
        problem = document.at((*path, *place), f"{name}must be {expected}, not {_show(words[0][1])}")
        document.problems.append(problem)


def _place(loc: tuple[str | int, ...], raw: Any) -> Path:
    """The part of a pydantic location that leads through the data; the rest names branches of unions."""
    place: list[str | int] = []
    value = raw
    for part in loc:
        if isinstance(value, dict):
            if part not in value:
                continue
        elif not (isinstance(value, list) and isinstance(part, int) and part < len(value)):
            continue
        value = value[part]  # type: ignore[index,unused-ignore]
        place.append(part)
    return tuple(place)


def _unknown_key(document: Document, path: Path, key: str, known: list[str]) -> Problem:
    near = get_close_matches(key, known, 1)
    fix = f"did you mean `{near[0]}`?" if near else (f"keys here are: {', '.join(known)}" if known else "remove it")
    return document.at_key((*path, key), f"unknown key `{key}`", fix)


def _keys_at(cls: type[Spec], place: Path) -> list[str]:
    """The keys that the mapping at `place` may have, as far as the types tell."""
    for part in place:
        if isinstance(part, int):
            continue
        field = next((f for n, f in cls.model_fields.items() if (f.alias or n) == part), None)
        inner = _spec_in(field.annotation) if field else None
        if inner is None:
            return []
        cls = inner
    return [f.alias or n for n, f in cls.model_fields.items()]


def _spec_in(annotation: Any) -> type[Spec] | None:
    """The first kind of mapping that an annotation allows, also within a list or a union."""
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        return annotation
    return next((found for option in get_args(annotation) if (found := _spec_in(option))), None)


def _plain(message: str) -> str:
    if message.startswith("Value error, "):
        return message.removeprefix("Value error, ")
    message = message.removeprefix("Input should be ")
    if message.startswith("Input should have "):
        return "should have " + message.removeprefix("Input should have ")
    if message.startswith("String should match pattern"):
        pattern = message.split("pattern", 1)[1].strip().strip("'")
        return _PATTERNS.get(pattern, f"must match {pattern}")
    return "must be " + message if message[:1].islower() or message[:1].isdigit() else message[:1].lower() + message[1:]


def _show(value: Any) -> str:
    text = repr(value) if not isinstance(value, dict | list) else ("a mapping" if isinstance(value, dict) else "a list")
    text = {"True": "true", "False": "false", "None": "nothing"}.get(text, text)
    return text if len(text) <= 60 else text[:57] + "…"
