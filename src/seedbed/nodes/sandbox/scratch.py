"""A scratch folder on this machine's disk, for programs that have no file system of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST_ENTRIES = 10_000
"""Files and folders that a program may make."""


@contextmanager
def scratch_folder(owner: int | None) -> Iterator[Path]:
    """A folder that is gone afterwards, whatever a program has made of it."""
    folder = Path(tempfile.mkdtemp(prefix="seedbed-")).resolve()
    try:
        if owner is not None:
            os.chown(folder, owner, owner)
        yield folder
    finally:
        try:
            shutil.rmtree(folder)
        except (OSError, RecursionError):  # folders without permissions, or deeper than Python can follow
            subprocess.run(["chmod", "-R", "u+rwX", str(folder)], check=False, capture_output=True)
            subprocess.run(["rm", "-rf", str(folder)], check=False, capture_output=True)


def is_over(folder: Path, most: int) -> bool:
    """Whether the files below a folder take up more bytes than allowed, or are too many. Follows no links."""
    size, entries, folders = 0, 0, [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as found:
                for entry in found:
                    entries += 1
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if size > most or entries > MOST_ENTRIES:
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except OSError:
            continue  # gone meanwhile, or closed to us; its files still count where they were made
    return False
