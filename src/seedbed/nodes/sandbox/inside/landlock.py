"""Closing files, signals and the network to this process by Landlock, and system calls by seccomp.

Both need no privileges, hold for the rest of the process's life, and are asked of the kernel directly: the standard
library has no functions for them.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""Landlock's system calls, the same on every architecture."""

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_ALL_OF_FILES = [0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1, (1 << 15) - 1, (1 << 16) - 1]
"""The rights over files that each version of Landlock knows; version 6 and later know those of 5."""
_TRUNCATE = 1 << 14
_EXECUTE = 1 << 0
_DEVICES = 1 << 6 | 1 << 11 | 1 << 15
"""Making devices, and `ioctl` on them."""
_NETWORK, _SCOPES = 0b11, 0b11
"""TCP bind and connect; abstract sockets and signals."""

_PDEATHSIG, _KEEPCAPS, _NO_NEW_PRIVS, _SET_SECCOMP = 1, 8, 38, 22
_FILTER = 2
_CAPABILITIES = 0x20080522
"""The version of the capability calls."""
_READ_SEARCH = 1 << 2
"""CAP_DAC_READ_SEARCH."""

_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """The version of Landlock that the kernel has; 0 for none."""
    return max(0, _called(_libc.syscall, _CREATE, None, 0, 1))


def restrict_files(readable: Iterable[str], listable: Iterable[str], writable: Iterable[str]) -> None:
    """From now on only what lies below these paths can be opened; of `listable` ones the folders. Raises OSError."""
    known = version()
    if not known:
        raise OSError("this kernel has no Landlock")
    handled = _ALL_OF_FILES[min(known, len(_ALL_OF_FILES) - 1)]
    attributes = struct.pack("QQQ", handled, _NETWORK if known >= 4 else 0, _SCOPES if known >= 6 else 0)
    size = 8 if known < 4 else 16 if known < 6 else 24
    rules = _checked(_libc.syscall, _CREATE, attributes, size, 0)
    try:
        for path in readable:
            _add(rules, path, handled & (_READ_FILE | _READ_DIR))
        for path in listable:
            _add(rules, path, handled & _READ_DIR)
        for path in writable:
            _add(rules, path, handled & ~(_EXECUTE | _DEVICES))
        _no_new_privileges()
        _checked(_libc.syscall, _RESTRICT, rules, 0)
    finally:
        os.close(rules)


def restrict_calls(program: bytes) -> None:
    """From now on system calls pass this seccomp filter. Raises OSError."""
    _no_new_privileges()
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    _checked(_libc.prctl, _SET_SECCOMP, _FILTER, header, 0, 0)


def become(user: int) -> None:
    """Gives up the superuser's identity, and all it may do but for reading what its own files are made of."""
    _checked(_libc.prctl, _KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    _capabilities(_READ_SEARCH)


def give_up_capabilities() -> None:
    """Gives up all that goes beyond an ordinary user."""
    _capabilities(0)


def end_with_parent(parent: int) -> None:
    """Lets the kernel end this process when the thread that started it ends. Becoming another user undoes it."""
    _checked(_libc.prctl, _PDEATHSIG, 9, 0, 0, 0)
    if os.getppid() != parent:  # it has ended meanwhile
        os._exit(1)


def _capabilities(kept: int) -> None:
    header = struct.pack("Ii", _CAPABILITIES, 0)
    _checked(_libc.capset, header, struct.pack("6I", kept, kept, 0, 0, 0, 0))


def _no_new_privileges() -> None:
    _checked(_libc.prctl, _NO_NEW_PRIVS, 1, 0, 0, 0)


def _add(rules: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _READ_FILE | _WRITE_FILE | _TRUNCATE
        _checked(_libc.syscall, _ADD, rules, 1, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)


def _called(function: Any, *arguments: Any) -> int:
    """A call into the C library; whole numbers go over as longs, as variadic functions want them here."""
    return int(function(*(ctypes.c_long(one) if isinstance(one, int) else one for one in arguments)))


def _checked(function: Any, *arguments: Any) -> int:
    result = _called(function, *arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
