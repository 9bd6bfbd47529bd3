"""Which system calls a sandboxed program may make, as a seccomp filter: a program for the kernel's packet filter.

Everything is allowed but what reaches other processes, the network or rarely used depths of the kernel. A refused
call fails like one for want of permission, so that a program can go on; a call in the convention of another
architecture, for which the numbers below would mean nothing, ends it.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Instruction = tuple[int, int, int, int]
    """Code, jump if true, jump if false, value."""

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Machines whose numbers are known, each with the name that the kernel gives its calls (AUDIT_ARCH_…)."""

_NUMBERS: dict[str, tuple[int | None, int | None]] = {
    # name: (x86_64, aarch64)
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "migrate_pages": (256, 238),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "socket": (41, 198),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
"""Calls that are refused always. `socket` is among them: without it there is no network, not even to this machine."""

_ALONE: dict[str, tuple[int | None, int | None]] = {
    "chmod": (90, None),
    "chown": (92, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "fchownat": (260, 54),
    "fork": (57, None),
    "futimesat": (261, None),
    "inotify_add_watch": (254, 27),
    "ioprio_set": (251, 30),
    "lchown": (94, None),
    "lremovexattr": (198, 15),
    "lsetxattr": (189, 6),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "msgctl": (71, 187),
    "msgget": (68, 186),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "removexattr": (197, 14),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "semctl": (66, 191),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "setpriority": (141, 140),
    "setxattr": (188, 5),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmget": (29, 194),
    "tkill": (200, 130),
    "truncate": (76, 45),
    "utime": (132, None),
    "utimensat": (280, 88),
    "utimes": (235, None),
    "vfork": (58, None),
}
"""Calls that are refused where no namespaces keep the program apart: those that start processes, act on others of the
same user, share memory with them, or change what Landlock does not guard in files."""

_CHECKED: dict[str, tuple[int, int]] = {
    "clone": (56, 220),
    "clone3": (435, 435),
    "ioctl": (16, 29),
    "kill": (62, 129),
    "prlimit64": (302, 261),
    "socketpair": (53, 199),
    "tgkill": (234, 131),
}
"""Calls of which the first or second argument decides."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _EACCES, _ENOSYS = 1, 13, 38
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24
"""Where a call's number, architecture and (low halves of) arguments stand."""

_NEW_NAMESPACES, _THREAD, _UNIX = 0x7E020000, 0x00010000, 1
_TYPED_INPUT = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX, which type into a terminal."""


def seccomp_filter(machine: str, alone: int | None = None) -> bytes:
    """The filter for a machine (`x86_64`, `aarch64`).

    `alone` is the process id of a program that no namespaces keep apart: it may start threads but no processes, and
    send signals to itself only. Raises ValueError for another machine.
    """
    column = list(ARCHITECTURES).index(machine)
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":  # the same calls once more with 32-bit pointers
        program += [(_AT_LEAST, 0, 1, 0x40000000), _refused(_ENOSYS)]
    for name, block in _blocks(alone):
        program += [(_EQUAL, 0, len(block), _CHECKED[name][column]), *block]
    for numbers in [*_NUMBERS.values(), *(_ALONE.values() if alone else ())]:
        if (number := numbers[column]) is not None:
            program += [(_EQUAL, 0, 1, number), _refused(_EPERM)]
    program.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def _blocks(alone: int | None) -> Iterator[tuple[str, list[Instruction]]]:
    """What decides about a call of each name."""
    yield "clone3", [_refused(_ENOSYS)]  # its flags cannot be read, and the C library falls back to `clone`
    yield "socketpair", _allowed(_EQUAL, _FIRST, [_UNIX], _EACCES)
    yield "prlimit64", _allowed(_EQUAL, _FIRST, [0, *([alone] if alone else [])], _EPERM)
    yield "ioctl", _forbidden(_EQUAL, _SECOND, _TYPED_INPUT)
    if alone:
        yield "clone", [*_forbidden(_ANY_BIT, _FIRST, [_NEW_NAMESPACES])[:-1], *_allowed(_ANY_BIT, None, [_THREAD])]
        yield "kill", _allowed(_EQUAL, _FIRST, [alone])
        yield "tgkill", _allowed(_EQUAL, _FIRST, [alone])
    else:
        yield "clone", _forbidden(_ANY_BIT, _FIRST, [_NEW_NAMESPACES])


def _allowed(test: int, place: int | None, values: Iterable[int], error: int = _EPERM) -> list[Instruction]:
    """Allows a call if the test holds for one of the values; else it fails."""
    load = [] if place is None else [(_LOAD, 0, 0, place)]
    tests: list[Instruction] = [one for value in values for one in ((test, 0, 1, value), (_RETURN, 0, 0, _ALLOW))]
    return [*load, *tests, _refused(error)]


def _forbidden(test: int, place: int, values: Iterable[int]) -> list[Instruction]:
    """Refuses a call if the test holds for one of the values; else it is allowed."""
    tests: list[Instruction] = [one for value in values for one in ((test, 0, 1, value), _refused(_EPERM))]
    return [(_LOAD, 0, 0, place), *tests, (_RETURN, 0, 0, _ALLOW)]


def _refused(error: int) -> Instruction:
    return (_RETURN, 0, 0, _ERRNO | error)
