"""Programs that close files and system calls to themselves before they begin, by Landlock and seccomp.

This needs neither privileges nor namespaces, so it works in containers that refuse both. In exchange a program
cannot start another.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from seedbed.nodes.sandbox.inside.filter import ARCHITECTURES
from seedbed.nodes.sandbox.job import Limits
from seedbed.nodes.sandbox.launch import Launch, environment, python
from seedbed.nodes.sandbox.places import INSIDE, Packages, readable
from seedbed.nodes.sandbox.scratch import scratch_folder
from seedbed.nodes.sandbox.users import other_user, own_tasks

_CGROUPS = ("/proc/self/cgroup", "/sys/fs/cgroup")
"""Control groups and their limits; DuckDB crashes where they are there and closed."""


class Landlock:
    """The scratch folder lies on this machine's disk."""

    name = "landlock"
    strong = True

    def unfit(self) -> str:
        """Why it cannot be used here."""
        if sys.platform != "linux":
            return "Landlock is for Linux"
        if platform.machine() not in ARCHITECTURES:
            return f"the system calls of {platform.machine()} are not known"
        # ctypes, which it takes, is slow to import, and not everywhere.
        from seedbed.nodes.sandbox.inside.landlock import version

        return "" if version() else "this kernel has no Landlock"

    @contextmanager
    def launch(self, limits: Limits, packages: Packages | None) -> Iterator[Launch]:
        """Gives a Launch."""
        user = other_user()
        with scratch_folder(user) as folder:
            confine = {
                "user": user,
                "processes": limits.processes + (own_tasks() if user is None else 0),
                "readable": [*readable(), str(INSIDE), *((*packages.parts, *_CGROUPS) if packages else ())],
                "listable": [packages.folder] if packages else [],
                "machine": platform.machine(),
                "parent": os.getpid(),
            }
            yield Launch(
                python(str(INSIDE / "main.py")),
                confine,
                environment(str(folder)),
                folder=folder,
                packages=packages.folder if packages else "",
            )
