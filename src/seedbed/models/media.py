"""Images, sounds and files in messages: what bytes are, the parts of a message that carry them, and their short form.

A part carries its bytes as a data URL. What is hashed and kept of a call has the hash of the bytes in their place.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
from hashlib import blake2b
from typing import Any, Literal
from urllib.parse import unquote_to_bytes

from seedbed.errors import NodeError

Kind = Literal["image", "audio", "file"]

_AUDIO_FORMATS = {"audio/wav": "wav", "audio/mpeg": "mp3", "audio/flac": "flac", "audio/ogg": "ogg", "audio/mp4": "m4a"}
_CARRIERS = ("url", "file_data", "data")
"""The keys of a part under which bytes stand."""
_SHORT = 256
"""Characters up to which data in a message are kept as they are."""


def media_type(data: bytes) -> str:
    """What bytes are, by how they begin: image/png, audio/wav, application/pdf, …; "" for what is none of these."""
    head = data[:16]
    for magic, found in (
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"BM", "image/bmp"),
        (b"ID3", "audio/mpeg"),
        (b"fLaC", "audio/flac"),
        (b"OggS", "audio/ogg"),
        (b"%PDF-", "application/pdf"),
    ):
        if head.startswith(magic):
            return found
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return "audio/mp4" if head[8:12] in (b"M4A ", b"M4B ") else ""
    # An MPEG audio frame: eleven set bits, then a version, a layer and a bit rate that exist.
    frame = len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 and head[2] & 0xF0 != 0xF0
    return "audio/mpeg" if frame else ""


def part(kind: Kind, data: bytes, name: str = "", options: dict[str, Any] | None = None) -> dict[str, Any]:
    """The part of a message that carries these bytes, in OpenAI form. Raises NodeError where they are of another kind.

    `options` stand beside the URL of an image: `detail: low`.
    """
    found = media_type(data)
    what = name or "the attachment"
    if not data:
        raise NodeError(f"{what} is empty")
    if kind == "image":
        if not found.startswith("image/"):
            raise NodeError(f"{what} is no image{_is(found)}", hint="attach PNG, JPEG, GIF, WebP or BMP")
        return {"type": "image_url", "image_url": {"url": data_url(data, found), **(options or {})}}
    if kind == "audio":
        if found not in _AUDIO_FORMATS:
            raise NodeError(f"{what} is no sound{_is(found)}", hint="attach WAV, MP3, FLAC, Ogg or M4A")
        encoded = base64.b64encode(data).decode()
        return {"type": "input_audio", "input_audio": {"data": encoded, "format": _AUDIO_FORMATS[found]}}
    guessed = found or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return {"type": "file", "file": {"filename": name or "file", "file_data": data_url(data, guessed)}}


def data_url(data: bytes, kind: str) -> str:
    """Bytes as a data URL."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def read_data_url(url: str) -> bytes:
    """The bytes of a data URL. Raises NodeError."""
    head, comma, body = url.partition(",")
    try:
        if not comma:
            raise ValueError("it has no comma")
        if head.endswith(";base64"):
            return base64.b64decode(body, validate=True)
        return unquote_to_bytes(body)
    except (binascii.Error, ValueError) as error:
        raise NodeError(f"the data URL `{url[:40]}…` cannot be read: {error}") from error


def shortened(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages with the hash of attached bytes in place of the bytes. Without media they are the same list."""
    if not any(isinstance(message.get("content"), list) for message in messages):
        return messages
    return [_shortened(message) for message in messages]


def _is(found: str) -> str:
    return f" but {found}" if found else ""


def _shortened(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    if not isinstance(content, list):
        return message
    return {**message, "content": [_short(item) for item in content]}


def _short(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        key: _hashed(item) if key in _CARRIERS and isinstance(item, str) else _short(item)
        for key, item in value.items()
    }


def _hashed(text: str) -> str:
    head, _, body = text.partition(",") if text.startswith("data:") else ("", "", text)
    if len(body) <= _SHORT or (not head and "://" in text):
        return text
    short = f"blake2b={blake2b(body.encode(), digest_size=16).hexdigest()} ({len(body):,} characters)"
    return f"{head},{short}" if head else short
