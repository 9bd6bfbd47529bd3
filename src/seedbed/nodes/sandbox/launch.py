"""Ways to start a sandboxed process. What each protects from stands in docs/sandbox.md."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from seedbed.nodes.sandbox.inside.filter import ARCHITECTURES, seccomp_filter
from seedbed.nodes.sandbox.job import Limits
from seedbed.nodes.sandbox.places import INSIDE, Packages, interpreter, readable

_PYTHON = ["-s", "-S", "-P", "-B"]
"""No packages, no user's folder, no folder of the script, no bytecode written."""
_USERS = range(60706, 61184)
"""User ids that no account has by convention: one for each program that runs at one time."""
_started = count(os.getpid())


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start one process."""

    command: list[str]
    confine: dict[str, Any]
    """What the process is to do to itself before it begins (see `inside/confine.py`)."""
    environment: dict[str, str]
    keep: tuple[int, ...] = ()
    """File descriptors that it is to have."""
    folder: Path | None = None
    """Its scratch folder, where that is one of this machine's."""
    packages: str = ""
    """Where it finds packages."""
    entries: dict[str, str] = field(default_factory=dict)


class Launcher(Protocol):
    """One way to start a process."""

    name: str
    strong: bool
    """Whether it keeps a program from files, network and processes, or only limits what it uses up."""

    def unfit(self) -> str:
        """Why it cannot be used here; "" if nothing is known against it."""

    def launch(self, limits: Limits, packages: Packages | None) -> Any:
        """A context manager that gives a Launch and cleans up after it."""


class Bubblewrap:
    """Namespaces by `bwrap`: a file system, process tree and network of its own."""

    name = "bubblewrap"
    strong = True

    def unfit(self) -> str:
        if sys.platform != "linux":
            return "bubblewrap is for Linux"
        if platform.machine() not in ARCHITECTURES:
            return f"no list of system calls for {platform.machine()}"
        return "" if shutil.which("bwrap") else "bubblewrap is not installed"

    @contextmanager
    def launch(self, limits: Limits, packages: Packages | None) -> Iterator[Launch]:
        calls = os.memfd_create("seccomp")
        try:
            os.write(calls, seccomp_filter(platform.machine()))
            os.lseek(calls, 0, os.SEEK_SET)
            user = _other_user()
            command = [shutil.which("bwrap") or "bwrap", *_namespaces(user)]
            command += [*_file_system(packages, limits), "--seccomp", str(calls)]
            command += [interpreter(), *_PYTHON, "/seedbed/main.py"]
            confine = {"user": user, "processes": limits.processes}
            yield Launch(
                command, confine, _environment("/scratch"), (calls,), None, "/packages" if packages else ""
            )
        finally:
            os.close(calls)


class Landlock:
    """Landlock and seccomp: files and system calls closed to the process by itself. It cannot start another."""

    name = "landlock"
    strong = True

    def unfit(self) -> str:
        if sys.platform != "linux":
            return "Landlock is for Linux"
        if platform.machine() not in ARCHITECTURES:
            return f"no list of system calls for {platform.machine()}"
        from seedbed.nodes.sandbox.inside.landlock import version

        return "" if version() else "this kernel has no Landlock"

    @contextmanager
    def launch(self, limits: Limits, packages: Packages | None) -> Iterator[Launch]:
        with _scratch() as folder:
            user = _other_user()
            if user is not None:
                os.chown(folder, user, user)
            paths = [*readable(), str(INSIDE), *(packages.parts if packages else ())]
            confine = {
                "user": user,
                "processes": limits.processes + (0 if user is not None else _own_tasks()),
                "readable": paths,
                "machine": platform.machine(),
            }
            command = [interpreter(), *_PYTHON, str(INSIDE / "main.py")]
            yield Launch(
                command, confine, _environment(str(folder)), (), folder, packages.folder if packages else ""
            )


class Bare:
    """Limits only: for machines that have nothing better, where the user accepts it."""

    name = "weak"
    strong = False

    def unfit(self) -> str:
        return "" if os.name == "posix" else "it needs a POSIX system"

    @contextmanager
    def launch(self, limits: Limits, packages: Packages | None) -> Iterator[Launch]:
        with _scratch() as folder:
            user = _other_user() if os.access(interpreter(), os.X_OK) and _for_all(interpreter()) else None
            if user is not None:
                os.chown(folder, user, user)
            confine = {"user": user, "processes": limits.processes if user is not None else None}
            command = [interpreter(), *_PYTHON, str(INSIDE / "main.py")]
            yield Launch(
                command, confine, _environment(str(folder)), (), folder, packages.folder if packages else ""
            )


def _namespaces(user: int | None) -> list[str]:
    options = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    options += ["--hostname", "sandbox", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    if user is None:
        return [*options, "--unshare-user"]
    # The superuser needs no user namespace. In its own the limit on processes would not hold for it; as another user
    # it does, and what this takes is given up by the change itself.
    return [*options, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]


def _file_system(packages: Packages | None, limits: Limits) -> list[str]:
    size = str(int(limits.disk_mb * (1 << 20)))
    options = _bound()
    options += ["--ro-bind", str(INSIDE), "/seedbed"]
    for part in packages.parts if packages else ():
        options += ["--ro-bind", part, f"/packages/{Path(part).name}"]
    options += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", size, "--tmpfs", "/dev/shm"]
    options += ["--perms", "1777", "--size", size, "--tmpfs", "/scratch", "--symlink", "scratch", "/tmp"]
    return [*options, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/scratch"]


@cache
def _bound_once() -> tuple[str, ...]:
    options: list[str] = []
    made: set[str] = set()
    for path in ("/packages", *readable()):
        folders = list(reversed(Path(path).parents)) + ([Path(path)] if path == "/packages" else [])
        for folder in map(str, folders[1:]):
            if folder not in made:
                made.add(folder)
                options += ["--perms", "0755", "--dir", folder]
        if path != "/packages":
            options += ["--symlink", os.readlink(path), path] if Path(path).is_symlink() else ["--ro-bind", path, path]
    return tuple(options)


def _bound() -> list[str]:
    """Options that show what may be read; folders above it are to be passable for any user."""
    return list(_bound_once())


def _environment(home: str) -> dict[str, str]:
    """All environment variables of a program: none of ours. The order of sets is the same in every run."""
    return {
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
        "PYTHONHASHSEED": "0",
        "MALLOC_ARENA_MAX": "2",
    }


def _other_user() -> int | None:
    """Who to become where this is the superuser; None where it is not, or has no other users to become."""
    if os.geteuid() != 0 or not _has_users():
        return None
    return _USERS[next(_started) % len(_USERS)]


@cache
def _has_users() -> bool:
    try:
        rows = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text("ascii").splitlines()]
    except OSError:
        return True
    return any(first <= _USERS[0] and _USERS[-1] < first + size for first, _, size in rows)


def _for_all(path: str) -> bool:
    """Whether any user can get to a file."""
    return all(folder.stat().st_mode & 0o001 for folder in Path(path).parents)


def _own_tasks() -> int:
    """How many processes and threads of this user there are: the kernel's limit counts them all."""
    mine, total = os.geteuid(), 0
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                if entry.stat().st_uid == mine:
                    total += len(os.listdir(f"/proc/{entry.name}/task"))
            except OSError:
                continue
    return total


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder that is gone afterwards, whatever a program has made of it."""
    folder = Path(tempfile.mkdtemp(prefix="seedbed-")).resolve()
    try:
        yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except (OSError, RecursionError):
        # Folders without permissions, or deeper than Python can follow.
        subprocess.run(["chmod", "-R", "u+rwX", str(folder)], check=False, capture_output=True)
        subprocess.run(["rm", "-rf", str(folder)], check=False, capture_output=True)


Watch = Callable[[], str]
