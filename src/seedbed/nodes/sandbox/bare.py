"""Programs with limits on what they use up, and no other protection: they can read and write what this user can."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seedbed.nodes.sandbox.job import Limits
from seedbed.nodes.sandbox.launch import Launch, environment, python
from seedbed.nodes.sandbox.places import INSIDE, Packages, interpreter
from seedbed.nodes.sandbox.scratch import scratch_folder
from seedbed.nodes.sandbox.users import other_user, own_tasks


class Bare:
    """For machines that have nothing better, where the user accepts that."""

    name = "weak"
    strong = False

    def unfit(self) -> str:
        """Why it cannot be used here."""
        return "" if os.name == "posix" else "limits need a POSIX system"

    @contextmanager
    def launch(self, limits: Limits, packages: Packages | None) -> Iterator[Launch]:
        """Gives a Launch."""
        needed = [interpreter(), str(INSIDE / "main.py"), *(packages.parts if packages else ())]
        user = other_user() if all(map(_is_open, needed)) else None
        with scratch_folder(user) as folder:
            yield Launch(
                python(str(INSIDE / "main.py")),
                {"user": user, "processes": _processes(limits, user)},
                environment(str(folder)),
                folder=folder,
                packages=packages.folder if packages else "",
            )


def _processes(limits: Limits, user: int | None) -> int | None:
    """The limit on the processes of a user; None where what it has already cannot be counted."""
    if user is not None:
        return limits.processes
    return limits.processes + own_tasks() if sys.platform == "linux" else None


def _is_open(path: str) -> bool:
    """Whether any user can get to a file."""
    return all(folder.stat().st_mode & 0o001 for folder in Path(path).parents)
