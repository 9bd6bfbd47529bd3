"""Images, sounds and files that go with a prompt."""

from __future__ import annotations

import base64
import contextlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from seedbed.errors import NodeError
from seedbed.models.media import data_url

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + b"\0" * 30
URL = data_url(PNG, "image/png")
IMAGE = {"type": "image_url", "image_url": {"url": URL}}
ASKED = {"type": "text", "text": "What is it?"}


@pytest.fixture
def files(scene: Any) -> Any:
    (scene.base / "a.png").write_bytes(PNG)
    (scene.base / "a.wav").write_bytes(WAV)
    (scene.base / "notes.txt").write_text("Hello")
    return scene


def sent(scene: Any, scope: dict[str, Any] | None = None, **spec: Any) -> list[Any]:
    model = scene.add("m")
    scene.run(scope, **{"prompt": "What is it?", **spec})
    return list(model.asked[0].messages)


@pytest.mark.parametrize(
    "attach",
    [
        "a.png",
        "./a.png",
        {"image": "a.png"},
        ["a.png"],
        "{{ photo }}",
        {"image": "{{ dir }}/a.png"},
        URL,
        "{{ url }}",
        "{{ asset }}",
        "{{ bytes }}",
    ],
)
def test_an_image_from_everywhere(files: Any, attach: Any) -> None:
    scope = {
        "photo": "a.png",
        "dir": ".",
        "url": URL,
        "asset": {"path": "a.png", "type": "image/png", "hash": "x"},
        "bytes": {"bytes": base64.b64encode(PNG).decode(), "path": None},
    }
    assert sent(files, scope, attach=attach) == [{"role": "user", "content": [IMAGE, ASKED]}]


def test_sounds_files_and_several(files: Any) -> None:
    attach = [{"image": "{{ photos }}", "detail": "low"}, "a.wav", {"file": "notes.txt", "name": "n.txt"}, "{{ none }}"]
    ((message,),) = [sent(files, {"photos": ["a.png", "a.png"], "none": None}, attach=attach)]
    assert [part["type"] for part in message["content"]] == ["image_url", "image_url", "input_audio", "file", "text"]
    assert message["content"][0]["image_url"] == {"url": URL, "detail": "low"}
    sound = message["content"][2]["input_audio"]
    assert sound == {"data": base64.b64encode(WAV).decode(), "format": "wav"}
    assert message["content"][3]["file"] == {"filename": "n.txt", "file_data": data_url(b"Hello", "text/plain")}


def test_they_go_with_the_last_user_message(files: Any) -> None:
    prompt = [{"system": "s"}, {"user": "u1"}, {"assistant": "a"}, {"user": "u2"}, {"assistant": "It is"}]
    messages = sent(files, attach="a.png", prompt=prompt)
    assert [type(message["content"]) for message in messages] == [str, str, str, list, str]
    alone = sent(files, attach="a.png", prompt=None)
    assert alone == [{"role": "user", "content": [IMAGE]}]
    assert sent(files, {"photo": None}, attach="{{ photo }}") == [{"role": "user", "content": "What is it?"}]


@pytest.mark.parametrize(
    ("attach", "said"),
    [
        ("{{ gone }}", r"the attachment b\.png is not there.*did you mean `a\.png`"),
        ({"image": "{{ text }}"}, r"notes\.txt is no image"),
        ({"audio": "{{ photo }}"}, "no sound but image/png"),
        ("{{ folder }}", "is no file"),
        ("{{ device }}", "is no file"),
        ("{{ nul }}", "is not there"),
        ("{{ number }}", "is no text"),
        ("{{ page }}", r"page\.png is no image"),
        ("{{ bad }}", "data URL .* cannot be read"),
        ("{{ large }}", r"large\.png has 5,000 bytes, 4,000 are allowed"),
        ("{{ empty }}", "is empty"),
    ],
)
def test_what_cannot_be_attached_fails_the_record(files: Any, attach: Any, said: str) -> None:
    (files.base / "large.png").write_bytes(PNG.ljust(5000))
    (files.base / "empty.png").write_bytes(b"")
    (files.base / "page.png").write_text("<html>")
    names = {
        "gone": "b.png",
        "text": "notes.txt",
        "photo": "a.png",
        "folder": ".",
        "nul": "a\0b",
        "number": 3,
        "device": "/dev/zero",
    }
    scope = {
        **names,
        "bad": "data:image/png;base64,???",
        "large": "large.png",
        "empty": "empty.png",
        "page": "page.png",
    }
    with pytest.raises(NodeError) as caught:
        files.run(scope, prompt="x", attach=attach, attach_bytes=4000)
    assert re.search(said, str(caught.value)), str(caught.value)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/there":
            self.send_response(302)
            self.send_header("Location", "/a.png")
            self.end_headers()
            return
        body = {"/a.png": PNG, "/page": b"<html>", "/large.png": PNG + b"x" * 9000}.get(self.path)
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body or b"")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def web() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_addresses_are_fetched(files: Any, web: str) -> None:
    assert sent(files, {"u": f"{web}/a.png"}, attach="{{ u }}")[0]["content"] == [IMAGE, ASKED]
    assert sent(files, {"u": f"{web}/there"}, attach={"image": "{{ u }}"})[0]["content"] == [IMAGE, ASKED]
    for path, said in (("gone", "answered 404"), ("page", "is no image"), ("large.png", "more bytes")):
        with pytest.raises(NodeError, match=said):
            files.run({"u": f"{web}/{path}"}, prompt="x", attach={"image": "{{ u }}"}, attach_bytes=4000)
    with pytest.raises(NodeError, match="cannot be fetched"):
        files.run({"u": "http://127.0.0.1:1/a.png"}, prompt="x", attach="{{ u }}")


def test_a_history_keeps_the_path_and_is_sent_the_image(files: Any) -> None:
    model = files.add("m")
    _, visit = files.run({"chat": None}, prompt="What is it?", attach={"image": "a.png"}, history="chat")
    chat = visit.extra["chat"]
    assert chat[0]["content"] == [{"type": "image", "image": "a.png"}, ASKED]
    files.run({"chat": chat}, prompt="And now?", history="chat")
    assert model.asked[-1].messages[0]["content"] == [IMAGE, ASKED]
    assert model.asked[-1].messages[-1] == {"role": "user", "content": "And now?"}


@pytest.mark.parametrize(
    ("attach", "path", "said"),
    [
        ("b.png", ("attach",), "did you mean `a.png`"),
        (["a.png", {"image": "b.png"}], ("attach", 1, "image"), "did you mean `a.png`"),
        ({"imag": "a.png"}, ("attach", "imag"), "did you mean `image`"),
        ({"image": "a.png", "audio": "a.wav"}, ("attach",), "image: …"),
        ([3], ("attach", 0), "photo"),
    ],
)
def test_mistakes_are_found_at_load(files: Any, attach: Any, path: tuple[Any, ...], said: str) -> None:
    issues = list(files.node(prompt="x", attach=attach).check(files.base))
    assert [issue.path for issue in issues] == [path]
    assert said in issues[0].fix


def test_files_named_outright_belong_to_the_pipeline(files: Any) -> None:
    attach = ["a.png", {"file": "notes.txt"}, "{{ photo }}", "https://example.org/a.png", URL]
    assert files.node(prompt="x", attach=attach).files() == ["a.png", "notes.txt"]
