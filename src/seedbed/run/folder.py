"""Run directories: where they lie, what they are called, and who may run in one."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from seedbed.errors import InputError, StorageError
from seedbed.run.store import read_meta


def runs_root(base: Path, out: Path | None) -> Path:
    """The `runs/` folder of a pipeline file in `base`."""
    return out if out is not None else base / "runs"


def new_id() -> str:
    """A run id that sorts by time: 20261120-083012-4f1a; the last part is the fraction of the second."""
    seconds, rest = divmod(time.time_ns(), 10**9)
    return f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(seconds))}-{rest * 0x10000 // 10**9:04x}"


def run_folders(root: Path, name: str | None = None) -> list[Path]:
    """All run directories under `runs/`, oldest first."""
    found = [p.parent for p in root.glob(f"{name or '*'}/*/run.db")]
    return sorted(found, key=lambda folder: (folder.name, folder.parent.name))


def find_run(root: Path, text: str) -> Path:
    """The run directory a user means: a path, a run id, a beginning of one, or a pipeline's name (its latest run)."""
    if (Path(text) / "run.db").is_file():
        return Path(text)
    folders = run_folders(root)
    exact = [f for f in folders if text in (f.name, f"{f.parent.name}/{f.name}")]
    close = exact or [f for f in folders if f.name.startswith(text) or f.parent.name == text]
    if close and (len(close) == 1 or close[-1].parent.name == text or exact):
        return close[-1]
    have = ", ".join(f"{f.parent.name}/{f.name}" for f in reversed(folders[-5:])) or f"none in {root}"
    what = f"several runs begin with {text}" if close else f"there is no run {text}"
    raise InputError(what, hint=f"latest runs: {have}")


def latest_of(root: Path, name: str, print_: str) -> Path | None:
    """The newest run of this pipeline, by its fingerprint."""
    for folder in reversed(run_folders(root, name)):
        if read_meta(folder).get("fingerprint") == print_:
            return folder
    return None


class RunLock:
    """Held by the one process that runs in a run directory; gone when the process is."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lock"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "a+", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise StorageError(
                f"cannot write {folder}: {error.strerror}", hint="choose another place with --out"
            ) from error
        if not _try_lock(self._file):
            self._file.seek(0)
            holder = self._file.read().strip() or "?"
            self._file.close()
            raise InputError(
                f"run {folder.parent.name}/{folder.name} is being run by process {holder}",
                hint="wait for it, stop it with `seedbed runs stop`, or start another with --fresh",
            )
        self._file.seek(0)
        self._file.truncate()
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Lets another process run here."""
        self._file.seek(0)
        self._file.truncate()
        self._file.close()


def holder(folder: Path) -> int | None:
    """The process that runs in a directory now, if any."""
    path = folder / "lock"
    if not path.is_file():
        return None
    with open(path, "r+", encoding="utf-8") as file:
        if _try_lock(file):
            return None
        text = file.read().strip()
        return int(text) if text.isdigit() else None


def _try_lock(file: Any) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
