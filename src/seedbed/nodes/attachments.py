"""Images, sounds and files that go with a prompt: found, read, made sure of, and put into a message.

Reads them anew for each call that needs them, so that no more than what is under way is in memory. Addresses are
fetched here and not by the endpoint: only so is it the content that a call's key stands for.
"""

from __future__ import annotations

import mimetypes
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping
from difflib import get_close_matches
from http.client import HTTPException
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args

from pydantic import WithJsonSchema

from seedbed.errors import InputError, NodeError
from seedbed.graph.contracts import Context, Issue, Read, Visit
from seedbed.io.paths import missing
from seedbed.models.media import Kind, media_type, part, read_data_url
from seedbed.template.syntax import TemplateSyntaxError
from seedbed.template.value import Value, compile_value

MOST_BYTES = 20_000_000
"""Bytes of one attachment where nobody says how many it may have."""
PATIENCE = 60.0
"""Seconds that a server may be silent while an attachment is fetched."""

_KINDS: tuple[str, ...] = get_args(Kind)
_KEYS = (*_KINDS, "name", "detail")
_TEXT = {"type": "string", "minLength": 1}
_ITEM: dict[str, Any] = {
    "anyOf": [
        _TEXT,
        *(
            {
                "type": "object",
                "properties": {kind: _TEXT, "name": _TEXT, "detail": {"enum": ["low", "high", "auto"]}},
                "required": [kind],
                "additionalProperties": False,
            }
            for kind in _KINDS
        ),
    ]
}
WrittenAttach = Annotated[
    Any, WithJsonSchema({"anyOf": [{"type": "null"}, *_ITEM["anyOf"], {"type": "array", "items": _ITEM}]})
]
"""The `attach:` of a node."""


class Attachment(NamedTuple):
    """One thing to attach: where it is, and what it is said to be."""

    source: str
    """A path, an http address, or a data URL."""
    kind: Kind | None = None
    name: str = ""
    detail: str = ""

    def reference(self) -> dict[str, Any]:
        """The part of a message that stands for it in a field: {type: image, image: ./photo.png}."""
        kind = self.kind or "file"
        more = {"name": self.name, "detail": self.detail}
        return {"type": kind, kind: self.source, **{key: value for key, value in more.items() if value}}


def attach_reads(written: Any) -> Iterator[Read]:
    """The templates in it."""
    if written is not None:
        yield Read("value", written, ("attach",))


def attach_issues(written: Any, base: Path) -> Iterator[Issue]:
    """What is wrong with an `attach:` as written."""
    for i, item in enumerate(_items(written)):
        path: tuple[str | int, ...] = ("attach", i) if isinstance(written, list) else ("attach",)
        source: Any = item
        if isinstance(item, Mapping):
            kinds = [kind for kind in _KINDS if kind in item]
            if unknown := [key for key in item if key not in _KEYS]:
                near = get_close_matches(str(unknown[0]), _KEYS, 1)
                fix = f"did you mean `{near[0]}`?" if near else f"keys are {', '.join(_KEYS)}"
                yield Issue((*path, unknown[0]), f"unknown key `{unknown[0]}`", fix)
                continue
            if len(kinds) != 1:
                yield Issue(path, "an attachment is one image, audio or file", "write `image: …`")
                continue
            source, path = item[kinds[0]], (*path, kinds[0])
        if not isinstance(source, str) or not source.strip():
            yield Issue(path, "an attachment is a path, an address, or a template", 'write for instance "{{ photo }}"')
            continue
        yield from _fixed_issues(source, path, base)


def _fixed_issues(source: str, path: tuple[str | int, ...], base: Path) -> Iterator[Issue]:
    """What can be known of an attachment at load: that a path without holes leads to a file."""
    try:
        fixed = compile_value(source).constant
    except TemplateSyntaxError:
        return  # whoever checks the reads says so
    if fixed and not _is_address(source) and not (base / source).is_file():
        error = missing(source, base)
        yield Issue(path, error.message, error.hint)


def attach_files(written: Any) -> list[str]:
    """The files that are named outright: their content belongs to the pipeline."""
    sources = [
        next((item[kind] for kind in _KINDS if kind in item), None) if isinstance(item, Mapping) else item
        for item in _items(written)
    ]
    texts = [source for source in sources if isinstance(source, str) and "{" not in source]
    return [text for text in texts if not _is_address(text)]


class Attaching:
    """The `attach:` of a node at work."""

    def __init__(self, written: Any, most_bytes: int, context: Context) -> None:
        self._items: list[tuple[Value, Mapping[str, Any]]] = []
        for item in _items(written):
            keys = item if isinstance(item, Mapping) else {}
            source = next((keys[kind] for kind in _KINDS if kind in keys), item)
            self._items.append((compile_value(source), {key: compile_value(value) for key, value in keys.items()}))
        self._loader = Loader(most_bytes, context)

    def found(self, visit: Visit) -> list[Attachment]:
        """What is to be attached for a record. Raises TemplateError or NodeError."""
        return [attachment for item in self._items for attachment in self._of(*item, visit)]

    def _of(self, source: Value, keys: Mapping[str, Any], visit: Visit) -> Iterator[Attachment]:
        kind: Any = next((kind for kind in _KINDS if kind in keys), None)
        name, detail = (keys[key](visit.scope) if key in keys else "" for key in ("name", "detail"))
        value = source(visit.scope)
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                yield _attachment(one, kind, str(name or ""), str(detail or ""))

    async def parts(self, found: list[Attachment]) -> list[dict[str, Any]]:
        """The parts of a message that carry them. Raises NodeError."""
        return [await self._loader.part(attachment) for attachment in found]


class Loader:
    """Makes message parts of attachments, and of the references to some in a history."""

    def __init__(self, most_bytes: int, context: Context) -> None:
        self._most_bytes = most_bytes
        self._base = context.base
        self._folder = context.folder
        self._run_blocking: Callable[[Callable[[], Any]], Awaitable[Any]] = context.run_blocking

    async def part(self, attachment: Attachment) -> dict[str, Any]:
        """The part that carries an attachment. Raises NodeError."""
        part: dict[str, Any] = await self._run_blocking(lambda: self._part(attachment))
        return part

    async def message(self, message: dict[str, Any]) -> dict[str, Any]:
        """A message with what it refers to in place of the references."""
        content = message.get("content")
        if not isinstance(content, list) or not any(map(_is_reference, content)):
            return message
        parts = [await self.part(_referred(item)) if _is_reference(item) else item for item in content]
        return {**message, "content": parts}

    def _part(self, attachment: Attachment) -> dict[str, Any]:
        source = attachment.source
        if source.startswith("data:"):
            data, name = read_data_url(source), attachment.name
        elif _is_address(source):
            data, name = _fetched(source, self._most_bytes), source
        else:
            data, name = self._read(source), source
        if len(data) > self._most_bytes:
            raise _too_large(name or "the attachment", len(data), self._most_bytes)
        kind = attachment.kind or _kind_of(data, source)
        shown = attachment.name or (name.rstrip("/").rpartition("/")[2] if kind == "file" else name)
        return part(kind, data, shown, {"detail": attachment.detail} if attachment.detail else None)

    def _read(self, source: str) -> bytes:
        """A file beside the pipeline, or one that another node has written under the run directory."""
        places = [folder / source for folder in (self._base, self._folder)]
        try:
            path = next((place for place in places if place.exists()), None)
            if path is None:
                raise _not_there(source, self._base)
            if not path.is_file():
                raise NodeError(f"the attachment {source} is no file", hint="name an image, a sound or a file")
            size = path.stat().st_size
            if size > self._most_bytes:
                raise _too_large(source, size, self._most_bytes)
            return path.read_bytes()
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else str(error)
            raise NodeError(f"the attachment {source} cannot be read: {said}") from error


def _items(written: Any) -> list[Any]:
    if written is None:
        return []
    return written if isinstance(written, list) else [written]


def _is_address(source: str) -> bool:
    return source.startswith(("http://", "https://", "data:"))


def _attachment(value: Any, kind: Kind | None, name: str, detail: str) -> Attachment:
    """What a field holds: text, or a map as media columns have it: {path} or {url} or {bytes}, with name and type."""
    if isinstance(value, Mapping):
        source = next((value[key] for key in ("path", "url", "bytes", "src") if value.get(key)), None)
        told = str(value.get("type") or "").partition("/")[0]
        kind = kind or (told if told in _KINDS else None)  # type: ignore[assignment]
        name = name or str(value.get("name") or "")
        value = f"data:;base64,{source}" if source is not None and source is value.get("bytes") else source
    if not isinstance(value, str) or not value.strip():
        hint = "an attachment is a path, an http address, a data URL, or {path: …}; null attaches nothing"
        raise NodeError("what is to be attached is no text", hint=hint)
    return Attachment(value.strip(), kind, name, detail)


def _kind_of(data: bytes, source: str) -> Kind:
    """What bytes are; where they do not tell, what their name says they are, so that a broken image is found out."""
    told = source[5:].partition(";")[0] if source.startswith("data:") else mimetypes.guess_type(source)[0] or ""
    found = (media_type(data) or told).partition("/")[0]
    return "image" if found == "image" else "audio" if found == "audio" else "file"


def _is_reference(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") in _KINDS and isinstance(item.get(item["type"]), str)


def _referred(item: dict[str, Any]) -> Attachment:
    kind: Kind = item["type"]
    return Attachment(item[kind], kind, str(item.get("name") or ""), str(item.get("detail") or ""))


def _fetched(url: str, most: int) -> bytes:
    request = urllib.request.Request(url, headers={"User-Agent": "seedbed"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            data: bytes = answer.read(most + 1)
    except urllib.error.HTTPError as error:
        error.close()
        raise NodeError(f"{url} answered {error.code}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise NodeError(f"{url} cannot be fetched: {getattr(error, 'reason', error)}") from error
    if len(data) > most:
        raise _too_large(url, None, most)
    return data


def _too_large(name: str, size: int | None, most: int) -> NodeError:
    has = "more" if size is None else f"{size:,}"
    return NodeError(f"{name} has {has} bytes, {most:,} are allowed", hint="make it smaller, or raise `attach_bytes`")


def _not_there(source: str, base: Path) -> NodeError:
    try:
        error = missing(source, base)
    except (OSError, ValueError):
        error = InputError(f"there is no file {source}")
    return NodeError(f"the attachment {source} is not there: {error.message}", hint=error.hint)
