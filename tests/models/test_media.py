"""Attached bytes: what they are taken for, how they are sent, and what of them is kept."""

from __future__ import annotations

import base64
import zlib

import pytest

from seedbed.errors import NodeError
from seedbed.models.media import data_url, media_type, part, read_data_url, shortened

PNG = b"\x89PNG\r\n\x1a\n" + b"rest" * 200
WAV = b"RIFF\x10\x00\x00\x00WAVEfmt " + b"\0" * 20
PDF = b"%PDF-1.7 ..."


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0more", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (WAV, "audio/wav"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (b"fLaC\0", "audio/flac"),
        (b"OggS\0", "audio/ogg"),
        (b"\0\0\0 ftypM4A ", "audio/mp4"),
        (PDF, "application/pdf"),
        (b"<svg>", ""),
        (b"", ""),
        (zlib.compress(b"x"), ""),
    ],
)
def test_bytes_are_known_by_how_they_begin(data: bytes, kind: str) -> None:
    assert media_type(data) == kind


def test_parts_are_in_openai_form() -> None:
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    assert part("image", PNG) == {"type": "image_url", "image_url": {"url": url}}
    assert part("image", PNG, options={"detail": "low"})["image_url"]["detail"] == "low"
    sound = part("audio", WAV)["input_audio"]
    assert (base64.b64decode(sound["data"]), sound["format"]) == (WAV, "wav")
    file = part("file", b"a,b\n", "t.csv")["file"]
    assert file == {"filename": "t.csv", "file_data": data_url(b"a,b\n", "text/csv")}
    assert part("file", PDF)["file"]["file_data"].startswith("data:application/pdf;base64,")


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(NodeError, match=r"cat\.png is no image but application/pdf"):
        part("image", PDF, "cat.png")
    with pytest.raises(NodeError, match=r"x\.png is no image;"):
        part("image", b"<html>", "x.png")
    with pytest.raises(NodeError, match="no sound but image/png"):
        part("audio", PNG, "x.wav")
    with pytest.raises(NodeError, match="is empty"):
        part("image", b"", "x.png")


def test_data_urls() -> None:
    assert read_data_url(data_url(PNG, "image/png")) == PNG
    assert read_data_url("data:,a%20b") == b"a b"
    for wrong in ("data:image/png;base64,%%%", "data:nothing"):
        with pytest.raises(NodeError, match="cannot be read"):
            read_data_url(wrong)


def test_what_is_kept_has_a_hash_in_place_of_the_bytes() -> None:
    text = {"role": "user", "content": "data:text/plain," + "x" * 1000}
    plain = [text]
    assert shortened(plain) is plain
    said = {"type": "text", "text": "?"}
    parts = [
        part("image", PNG),
        part("audio", WAV * 30),
        part("file", PDF * 100, "a.pdf"),
        said,
    ]
    message = {"role": "user", "content": parts}
    (_, short) = shortened([text, message])
    image, sound, file, text_part = short["content"]
    assert image["image_url"]["url"].startswith("data:image/png;base64,blake2b=")
    assert len(str(image)) < 150
    assert sound["input_audio"]["data"].startswith("blake2b=")
    assert sound["input_audio"]["format"] == "wav"
    assert len(file["file"]["file_data"]) < 150
    assert text_part == said
    assert message["content"][0] == part("image", PNG), "what is sent stays as it is"
    other = shortened([{"role": "user", "content": [part("image", PNG + b"!")]}])
    assert other[0]["content"][0] != image
    far = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/" + "x" * 300}}]}
    assert shortened([far]) == [far]
