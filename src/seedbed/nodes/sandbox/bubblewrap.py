"""Programs in namespaces of their own, by `bwrap`: another file system, process tree and network."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from seedbed.nodes.sandbox.inside.filter import ARCHITECTURES, seccomp_filter
from seedbed.nodes.sandbox.job import Limits
from seedbed.nodes.sandbox.launch import Launch, environment, python
from seedbed.nodes.sandbox.places import INSIDE, Packages, readable
from seedbed.nodes.sandbox.users import other_user

_SCRATCH, _PACKAGES, _INSIDE = "/scratch", "/packages", "/seedbed"


class Bubblewrap:
    """The scratch folder is memory of the program's own: it has a size, and nothing is left of it."""

    name = "bubblewrap"
    strong = True

    def unfit(self) -> str:
        """Why it cannot be used here."""
        if sys.platform != "linux":
            return "bubblewrap is for Linux"
        if platform.machine() not in ARCHITECTURES:
            return f"the system calls of {platform.machine()} are not known"
        return "" if shutil.which("bwrap") else "bubblewrap is not installed"

    @contextmanager
    def launch(self, limits: Limits, packages: Packages | None) -> Iterator[Launch]:
        """Gives a Launch."""
        calls = os.memfd_create("seccomp")
        try:
            os.write(calls, seccomp_filter(platform.machine()))
            os.lseek(calls, 0, os.SEEK_SET)
            user = other_user()
            command = [shutil.which("bwrap") or "bwrap", *_namespaces(user), *_readable(), *_packages(packages)]
            command += [*_own(int(limits.disk_mb * (1 << 20))), "--seccomp", str(calls), *python(f"{_INSIDE}/main.py")]
            confine = {"user": user, "processes": limits.processes}
            yield Launch(
                command, confine, environment(_SCRATCH), (calls,), packages=_PACKAGES if packages else ""
            )  # fmt: skip
        finally:
            os.close(calls)


def _namespaces(user: int | None) -> list[str]:
    options = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    options += ["--hostname", "sandbox", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    if user is None:
        return [*options, "--unshare-user"]
    # The superuser needs no user namespace, and in one it would still be the superuser to the limit on processes.
    # What becoming another user takes is given up by doing so.
    return [*options, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]


@cache
def _readable() -> tuple[str, ...]:
    """Shows what may be read. The folders above are made first, passable for any user."""
    options: list[str] = []
    for folder in dict.fromkeys(str(above) for path in readable() for above in reversed(Path(path).parents)):
        if folder != "/":
            options += ["--perms", "0755", "--dir", folder]
    for path in readable():
        options += ["--symlink", str(Path(path).readlink()), path] if Path(path).is_symlink() else _bind(path, path)
    return (*options, *_bind(str(INSIDE), _INSIDE))


def _packages(packages: Packages | None) -> list[str]:
    if packages is None:
        return []
    options = ["--perms", "0755", "--dir", _PACKAGES]
    for part in packages.parts:
        options += _bind(part, f"{_PACKAGES}/{Path(part).name}")
    return options


def _own(size: int) -> list[str]:
    """What the program has for itself; all the rest can only be read."""
    options = ["--proc", "/proc", "--dev", "/dev"]
    for folder in ("/dev/shm", _SCRATCH):
        options += ["--perms", "1777", "--size", str(size), "--tmpfs", folder]
    return [*options, "--symlink", "scratch", "/tmp", "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", _SCRATCH]


def _bind(source: str, target: str) -> list[str]:
    return ["--ro-bind", source, target]
