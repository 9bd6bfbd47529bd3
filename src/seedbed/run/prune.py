"""Taking runs away, and the kept answers that no run uses any more."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from seedbed.errors import InputError, StorageError
from seedbed.run.calls import connect
from seedbed.run.folder import RunLock, holder, run_folders
from seedbed.run.way import CALLS


def remove_run(folder: Path) -> None:
    """Removes a run directory. Raises InputError if a process runs in it."""
    RunLock(folder).release()
    try:
        for name in ("run.db", "run.db-wal", "run.db-shm"):
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder)
    except OSError as error:
        raise StorageError(f"cannot remove {folder}: {error.strerror}") from error
    with suppress(OSError):
        folder.parent.rmdir()


def size_of(folder: Path) -> int:
    """Bytes of all files in a run directory."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            if path.is_file():
                total += path.stat().st_size
    return total


def drop_unused_calls(root: Path) -> tuple[int, int]:
    """Forgets the answers in `calls.db` that no run below `root` made or used. Returns how many, and bytes freed.

    Raises InputError while a process runs there.
    """
    path = root / CALLS
    if not path.is_file():
        return 0, 0
    folders = run_folders(root)
    busy = next((folder for folder in folders if holder(folder) is not None), None)
    if busy is not None:
        raise InputError(f"run {busy.parent.name}/{busy.name} goes on", hint="wait until it is over, or stop it")
    before = path.stat().st_size
    db = connect(path)
    try:
        db.execute("CREATE TEMP TABLE used (key BLOB PRIMARY KEY) WITHOUT ROWID")
        db.execute("BEGIN")
        for folder in folders:
            db.executemany("INSERT OR IGNORE INTO used VALUES (?)", _keys_of(folder))
        names = [folder.name for folder in folders]
        own = f"SELECT number FROM runs WHERE id IN ({', '.join('?' * len(names))})"
        dropped = db.execute(f"DELETE FROM calls WHERE run NOT IN ({own}) AND key NOT IN used", names).rowcount
        db.execute("COMMIT")
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise StorageError(f"cannot write {path}: {error}") from error
    finally:
        db.close()
    return dropped, max(before - path.stat().st_size, 0)


def _keys_of(folder: Path) -> Iterator[tuple[bytes]]:
    """The keys of all calls that a run's records used."""
    db = connect(folder / "run.db", read_only=True)
    try:
        for (trail,) in db.execute("SELECT trail FROM outcomes WHERE trail IS NOT NULL"):
            for event in msgspec.json.decode(trail):
                for call in event.get("calls") or ():
                    yield (bytes.fromhex(call["key"]),)
    finally:
        db.close()
