"""Programs that try to get out of the sandbox, or to use up the machine, in each kind of sandbox that works here.

docs/sandbox.md names the test of each protection.
"""

from __future__ import annotations

import asyncio
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seedbed.errors import InputError, NodeError
from seedbed.nodes.sandbox import room
from seedbed.nodes.sandbox.bare import Bare
from seedbed.nodes.sandbox.bubblewrap import Bubblewrap
from seedbed.nodes.sandbox.inside import filter as calls
from seedbed.nodes.sandbox.job import Job, Limits, Result
from seedbed.nodes.sandbox.landlock import Landlock
from seedbed.nodes.sandbox.launch import Launcher
from seedbed.nodes.sandbox.room import Sandbox, cores, open_sandbox
from seedbed.registry.plugins import names

KINDS: dict[str, Launcher] = {"bubblewrap": Bubblewrap(), "landlock": Landlock(), "weak": Bare()}
DOCS = Path(__file__).parents[2] / "docs" / "sandbox.md"


def working(name: str) -> Sandbox:
    if reason := room._tried(name):
        pytest.skip(reason)
    return Sandbox(KINDS[name])


@pytest.fixture(params=["bubblewrap", "landlock"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return working(request.param)


@pytest.fixture(params=["bubblewrap", "landlock", "weak"])
def limited(request: pytest.FixtureRequest) -> Sandbox:
    return working(request.param)


def run(sandbox: Sandbox, code: str, **limits: float) -> Result:
    return sandbox.run(Job(code, limits=Limits(**{"seconds": 20, **limits})))  # type: ignore[arg-type]


def refused(sandbox: Sandbox, code: str) -> None:
    """Asserts that each line of the code, run by itself in one program, fails."""
    attempts = [line for line in code.strip().splitlines() if line.strip()]
    tried = "\n".join(
        f"try:\n    {line.strip()}\nexcept OSError as error: print('refused')\nelse: print('got through: ' + {line!r})"
        for line in attempts
    )
    result = run(sandbox, f"import os, socket, signal, shutil, ctypes\n{tried}")
    assert result.error is None, result
    assert result.stdout.splitlines() == ["refused"] * len(attempts)


# --- files --------------------------------------------------------------------------------------------------------


def test_files_outside_cannot_be_read(sandbox: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o755)
    refused(
        sandbox,
        f"""
        open('/etc/passwd').read()
        open('/etc/shadow').read()
        open({str(secret)!r}).read()
        os.listdir({str(tmp_path)!r})
        open({str(Path(__file__))!r}).read()
        open(os.path.expanduser('~root/.bashrc')).read()
        os.listdir({str(Path.home() / ".ssh")!r})
        open('/proc/{os.getpid()}/environ').read()
        open('/proc/kcore', 'rb').read(1)
        os.link('/etc/passwd', 'mine')
        shutil.copy('/etc/passwd', 'mine')
        """,
    )


def test_files_outside_cannot_be_written(sandbox: Sandbox, tmp_path: Path) -> None:
    target = tmp_path / "target.txt"
    target.write_text("as it was")
    target.chmod(0o666)
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o777)
    refused(
        sandbox,
        f"""
        open({str(target)!r}, 'w')
        open({str(tmp_path / "more.txt")!r}, 'w')
        os.mkdir({str(tmp_path / "folder")!r})
        os.remove({str(target)!r})
        os.truncate({str(target)!r}, 0)
        os.rename({str(target)!r}, 'mine')
        os.utime({str(target)!r}, (0, 0))
        os.chmod({str(target)!r}, 0)
        open('/x', 'w')
        open('/usr/lib/x', 'w')
        open(os.__file__, 'r+')
        open('/dev/shm/../x', 'w')
        """,
    )
    assert target.read_text() == "as it was"
    assert target.stat().st_mtime > 0
    assert [path.name for path in tmp_path.iterdir()] == ["target.txt"]


def test_links_in_the_scratch_folder_lead_nowhere(sandbox: Sandbox, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file.txt").write_text("kept")
    refused(
        sandbox,
        f"""
        os.symlink('/etc/passwd', 'a'); open('a').read()
        os.symlink('/', 'b'); open('b/etc/passwd').read()
        os.symlink({str(kept)!r}, 'c'); open('c/file.txt', 'w')
        os.symlink('/proc/self/root/etc', 'd'); open('d/passwd').read()
        open('../../../etc/passwd').read()
        os.mkdir('e'); fd = os.open('e', os.O_RDONLY); os.open('../../../etc/passwd', os.O_RDONLY, dir_fd=fd)
        """,
    )
    run(sandbox, f"import os\nos.symlink({str(kept)!r}, 'link')\nos.symlink({str(kept / 'file.txt')!r}, 'file')")
    assert (kept / "file.txt").read_text() == "kept", "what removes the scratch folder followed a link"


def test_files_take_up_no_more_than_allowed(sandbox: Sandbox) -> None:
    one = run(sandbox, "with open('x', 'wb') as f:\n    while True: f.write(b'x' * 1000000)", disk_mb=8)
    assert one.error is not None
    assert one.error.type in ("OSError", "DiskLimit")
    many = "i = 0\nwhile True:\n    i += 1\n    with open(f'x{i}', 'wb') as f: f.write(b'x' * 1000000)"
    several = run(sandbox, many, disk_mb=8)
    assert several.error is not None
    assert several.error.type in ("OSError", "DiskLimit")
    silent = run(sandbox, f"import os\nos.closerange(0, 100)\n{many}", disk_mb=8)
    assert silent.error is not None
    assert silent.error.type in ("Exit", "DiskLimit"), "closing its pipes does not keep it from being watched"


def test_nothing_stays_of_the_scratch_folder(limited: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o755)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = """
import os
open('x', 'w').write('x')
for i in range(300):
    os.mkdir('d', 0o000 if i == 299 else 0o755)
    i == 299 or os.chdir('d')
"""
    assert run(limited, code).error is None
    assert list(tmp_path.iterdir()) == []
    again = run(limited, "import os\nprint(os.listdir())")
    assert again.stdout == "['program.py']\n"


# --- network ------------------------------------------------------------------------------------------------------


def test_there_is_no_network(sandbox: Sandbox, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        port = server.getsockname()[1]
        path = f"{tmp_path}/s"
        local.bind(path)
        local.listen()
        refused(
            sandbox,
            f"""
            socket.create_connection(('127.0.0.1', {port}), 2)
            socket.create_connection(('192.0.2.1', 80), 2)
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))
            socket.getaddrinfo('example.org', 80)
            socket.create_server(('127.0.0.1', 0))
            socket.socket(socket.AF_UNIX).connect({path!r})
            socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
            socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
            """,
        )
        for listening in (server, local):
            listening.settimeout(0.05)
            with pytest.raises(TimeoutError):
                listening.accept()


# --- processes ----------------------------------------------------------------------------------------------------

BOMB = """
import os, time
started = 0
try:
    while started < 500:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        started += 1
except OSError:
    pass
print(started)
"""


def test_a_fork_bomb_goes_no_further_than_the_limit(sandbox: Sandbox) -> None:
    result = run(sandbox, BOMB, processes=10)
    assert result.error is None
    assert int(result.stdout) < 10
    assert result.seconds < 15, "its children were waited for"


def test_threads_count_as_processes(sandbox: Sandbox) -> None:
    code = """
import os, threading, time
started = 0
try:
    while started < 500:
        threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
        started += 1
except RuntimeError:
    pass
print(started, flush=True)
os._exit(0)
"""
    # Without a user of its own, what else the user runs is counted before, and may end meanwhile.
    assert int(run(sandbox, code, processes=10).stdout) < 30


def test_nothing_goes_on_in_the_background(sandbox: Sandbox) -> None:
    word = f"left-behind-{os.getpid()}-{time.monotonic_ns()}"
    code = f"""
import os, sys
try:
    if os.fork() == 0:
        os.setsid()
        for fd in (0, 1, 2):
            os.close(fd)
        if os.fork() == 0:
            os.execv(sys.executable, [sys.executable, '-S', '-c', 'import time; time.sleep(60)', {word!r}])
        os._exit(0)
except OSError:
    print('refused')
"""
    result = run(sandbox, code)
    assert result.error is None
    assert result.seconds < 15
    assert wait_for(lambda: word not in all_commands(), 2)


def test_nothing_goes_on_when_seedbed_is_killed(sandbox: Sandbox) -> None:
    code = f"""
from seedbed.nodes.sandbox import room
from seedbed.nodes.sandbox.job import Job, Limits
from {type(sandbox._launcher).__module__} import {type(sandbox._launcher).__name__} as Kind
room.Sandbox(Kind()).run(Job("while True: pass", limits=Limits(seconds=15)))
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    try:
        busy = wait_for(lambda: [pid for pid in below(parent.pid) if "main.py" in command(pid) and is_busy(pid)])
        assert busy
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert wait_for(lambda: not [pid for pid in busy if "main.py" in command(pid)])


def test_other_processes_cannot_be_reached(sandbox: Sandbox) -> None:
    me = os.getpid()
    refused(
        sandbox,
        f"""
        os.kill({me}, 0)
        os.kill({me}, signal.SIGKILL)
        os.kill(-1, signal.SIGKILL)
        os.pidfd_open({me})
        open('/proc/{me}/mem', 'rb')
        open('/proc/{me}/cmdline', 'rb').read()
        os.sched_setaffinity({me}, [0])
        os.setpriority(os.PRIO_PROCESS, {me}, 19)
        __import__('resource').prlimit({me}, 7, (1, 1))
        """,
    )
    survived = run(sandbox, "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nprint('went on')")
    assert survived.error is None or survived.error.type == "PermissionError"


def test_nothing_can_be_traced(sandbox: Sandbox) -> None:
    code = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for request, pid in ((16, 1), (0, 0), (0x4206, 1)):
    print(libc.ptrace(request, pid, 0, 0), ctypes.get_errno())
"""
    assert run(sandbox, code).stdout.splitlines() == ["-1 1"] * 3


def test_the_program_is_not_the_superuser(sandbox: Sandbox) -> None:
    code = """
import os
print(os.getuid() != 0, os.geteuid() != 0, os.getgroups())
device = os.makedev(1, 1)
for change, *given in ((os.setuid, 0), (os.setgid, 0), (os.chroot, '.'), (os.mknod, 'n', 0o20666, device)):
    try:
        change(*given)
    except OSError:
        continue
    print('got through')
"""
    told = run(sandbox, code).stdout
    assert told.startswith("True True [" if os.getuid() else "True True []")
    assert "got through" not in told


# --- system calls -------------------------------------------------------------------------------------------------


def test_system_calls_of_the_depths_are_refused(sandbox: Sandbox) -> None:
    column = list(calls.ARCHITECTURES).index(platform.machine())
    closed = dict(calls._NUMBERS) | (calls._ALONE if sandbox.name == "landlock" else {})
    numbers = {name: both[column] for name, both in closed.items() if both[column] is not None}
    code = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for name, number in {numbers!r}.items():
    ctypes.set_errno(0)
    if libc.syscall(ctypes.c_long(number), *[ctypes.c_long(0)] * 6) != -1 or ctypes.get_errno() != 1:
        print(name)
CLONE_NEWUSER = 0x10000000
print(libc.syscall(ctypes.c_long({(56, 220)[column]}), ctypes.c_long(CLONE_NEWUSER | 17), *[ctypes.c_long(0)] * 4))
print(libc.syscall(ctypes.c_long(435), None, ctypes.c_long(0)), ctypes.get_errno())
"""
    result = run(sandbox, code)
    assert result.stdout.splitlines() == ["-1", "-1 38"], result


def test_the_filter_is_known_for_two_machines() -> None:
    for machine in ("x86_64", "aarch64"):
        assert len(calls.seccomp_filter(machine)) % 8 == 0
        assert len(calls.seccomp_filter(machine, 7)) > len(calls.seccomp_filter(machine))
    with pytest.raises(ValueError, match="riscv64"):
        calls.seccomp_filter("riscv64")


# --- what is used up ----------------------------------------------------------------------------------------------


def test_memory_is_limited(limited: Sandbox) -> None:
    result = run(limited, "x = bytearray(10 << 30)")
    assert result.error is not None
    assert (result.error.type, result.error.line) == ("MemoryError", 1)
    piece = run(limited, "x = []\nwhile True: x.append(bytearray(1 << 20))", memory_mb=128)
    assert piece.error is not None
    assert piece.error.type == "MemoryError"


@pytest.mark.parametrize("code", ["while True: pass", "import time\ntime.sleep(1000)"])
def test_time_is_limited(limited: Sandbox, code: str) -> None:
    result = run(limited, f"print('begun', flush=True)\n{code}", seconds=1)
    assert result.stdout == "begun\n"
    assert result.error is not None
    assert (result.error.type, result.error.message) == ("TimeLimit", "it ran longer than 1 seconds")
    assert result.seconds < 10


def test_output_is_limited(limited: Sandbox) -> None:
    for stream in ("stdout", "stderr"):
        result = run(limited, f"import sys\nwhile True: sys.{stream}.write('x' * 1000000)", output_kb=10)
        assert result.error is not None
        assert result.error.type == "OutputLimit"
        assert len(getattr(result, stream)) == 10 * 1024


def test_limits_cannot_be_raised(sandbox: Sandbox) -> None:
    code = """
import resource
for name in ('AS', 'CPU', 'FSIZE', 'NPROC', 'NOFILE', 'CORE'):
    try:
        resource.setrlimit(getattr(resource, 'RLIMIT_' + name), (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (ValueError, OSError):
        continue
    print(name)
"""
    assert run(sandbox, code).stdout == ""


# --- what a program is given --------------------------------------------------------------------------------------


def test_the_environment_is_clean(limited: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "s3cr3t")
    result = run(limited, "import os\nprint(sorted(os.environ), 's3cr3t' in str(os.environ))")
    known = {"HOME", "TMPDIR", "LANG", "PATH", "PYTHONHASHSEED", "MALLOC_ARENA_MAX", "PWD", "LC_CTYPE"}
    found, leaked = result.stdout.rsplit(" ", 1)
    assert set(re.findall(r"'(\w+)'", found)) <= known
    assert leaked == "False\n"


def test_no_open_file_of_ours_is_inherited(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "open.txt"
    file.write_text("ours")
    descriptor = os.open(file, os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    code = """
import os
for fd in range(3, 200):
    try:
        print(os.read(fd, 10))
    except OSError:
        continue
"""
    try:
        assert run(sandbox, code).stdout == ""
    finally:
        os.close(descriptor)


def test_ordinary_programs_run(sandbox: Sandbox) -> None:
    code = """
import asyncio, collections, csv, datetime, decimal, hashlib, itertools, json, math, random, re, sqlite3, statistics
import string, tempfile, textwrap, threading, unittest, uuid, zoneinfo
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

@dataclass
class Point:
    x: int

async def nothing():
    await asyncio.sleep(0)
    return 'awaited'

with tempfile.TemporaryDirectory() as folder, open(folder + '/x', 'w') as file:
    file.write('x')
with ThreadPoolExecutor(4) as pool:
    print(sum(pool.map(abs, [-1, -2])), Point(3), asyncio.run(nothing()), __name__)
print(sqlite3.connect('x.db').execute('select 1').fetchone(), {'b', 'a'})
"""
    result = run(sandbox, code)
    assert result.error is None, result
    assert result.stdout.splitlines()[0] == "3 Point(x=3) awaited __main__"
    assert run(sandbox, code).stdout == result.stdout, "sets are in the same order each time"


def test_processes_can_be_started_within_bubblewrap() -> None:
    sandbox = working("bubblewrap")
    code = """
import subprocess, sys
print(subprocess.run([sys.executable, '-c', 'print(6 * 7)'], capture_output=True, text=True).stdout)
from multiprocessing import Pool
if __name__ == '__main__':
    with Pool(2) as pool:
        print(pool.map(abs, [1, -2]))
"""
    assert run(sandbox, code).stdout == "42\n\n[1, 2]\n"


def test_a_program_cannot_speak_for_the_one_that_runs_it(limited: Sandbox) -> None:
    code = """
import os
for fd in range(3, 64):
    try:
        os.write(fd, b'["test", 0, "x", true, ""]\\n["end", null, null, null]\\n')
    except OSError:
        continue
def f(): return 1
"""
    result = limited.run(Job(code, tests=["assert f() == 2"], limits=Limits(seconds=20)))
    assert result.tests is not None
    assert [(test.name, test.passed) for test in result.tests] == [("assert f() == 2", False)]
    left = limited.run(Job("import os\nos._exit(0)", tests=["assert True"], limits=Limits(seconds=20)))
    assert not left.ok
    assert left.error is not None
    assert left.error.type == "Exit"


# --- which sandbox there is ---------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a sandbox")
def test_this_machine_has_a_sandbox() -> None:
    assert open_sandbox("strong").name in ("bubblewrap", "landlock")
    assert open_sandbox("weak").name == open_sandbox("strong").name, "weak is the least, not what is wanted"


def test_without_protection_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = {"bubblewrap": "bubblewrap is not installed", "landlock": "this kernel has no Landlock", "weak": ""}
    monkeypatch.setattr(room, "_tried", reasons.get)
    with pytest.raises(InputError) as caught:
        open_sandbox("strong")
    told = str(caught.value)
    assert "bubblewrap is not installed; this kernel has no Landlock" in told
    assert "apt-get install bubblewrap" in told
    assert "`sandbox: weak`" in told
    assert open_sandbox("weak").name == "weak"


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert Bubblewrap().unfit() == "bubblewrap is not installed"
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert "riscv64" in Bubblewrap().unfit()
    assert "riscv64" in Landlock().unfit()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert Bubblewrap().unfit() == "bubblewrap is for Linux"
    assert Landlock().unfit() == "Landlock is for Linux"


def test_a_sandbox_that_fails_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(NodeError, match=r"the sandbox failed .* No permissions to create namespace"):
        run(Sandbox(Bubblewrap()), "print(1)")


def test_as_many_at_a_time_as_there_are_cores(limited: Sandbox) -> None:
    at_once = most = 0

    async def blocking(call: object) -> object:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        try:
            return await asyncio.to_thread(call)  # type: ignore[arg-type]
        finally:
            at_once -= 1

    async def all_of_them() -> list[Result]:
        jobs = [Job(f"print({i})", limits=Limits(seconds=30)) for i in range(3 * cores() + 1)]
        return await asyncio.gather(*(limited(job, blocking) for job in jobs))  # type: ignore[arg-type]

    results = asyncio.run(all_of_them())
    assert [result.stdout for result in results] == [f"{i}\n" for i in range(3 * cores() + 1)]
    assert most <= cores()


def test_its_parts_are_no_plug_ins() -> None:
    assert not [name for name in names("node") if "sandbox" in name]
    assert "execute" in names("node")


def test_the_docs_name_tests_that_are_there() -> None:
    here = Path(__file__).read_text("utf-8")
    named = re.findall(r"`(test_\w+)`", DOCS.read_text("utf-8"))
    assert len(named) >= 15
    assert [name for name in named if f"def {name}(" not in here] == []


# --- processes of this machine ------------------------------------------------------------------------------------


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace")
    except OSError:
        return ""


def all_commands() -> str:
    return "\n".join(command(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdecimal())


def below(pid: int) -> list[int]:
    """All processes that a process started, and those that they did."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text("utf-8").rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if parent == pid:
            child = int(path.parent.name)
            found += [child, *below(child)]
    return found


def is_busy(pid: int) -> bool:
    """Whether it has used a tenth of a second of processor time, so that it is at its loop."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return int(fields[11]) >= os.sysconf("SC_CLK_TCK") // 10


def wait_for(look: object, seconds: float = 12) -> object:
    until = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < until:  # type: ignore[operator]
        time.sleep(0.05)
    return found
