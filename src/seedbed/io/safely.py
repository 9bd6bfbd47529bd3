"""Changes on disk that are there whole or not at all, also after a power cut."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path


def replace(part: Path, target: Path) -> None:
    """Puts a file that is already on the disk in the place of another, whose permissions it takes over."""
    with suppress(FileNotFoundError):
        shutil.copymode(target, part)
    part.replace(target)
    sync_folder(target.parent)


def write_whole(target: Path, data: bytes) -> None:
    """Replaces a small file."""
    part = target.with_name(target.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    replace(part, target)


def sync_folder(folder: Path) -> None:
    """Brings a folder's list of names to the disk, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
