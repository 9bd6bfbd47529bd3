"""A full disk, and places that cannot be written: a clear message, exit 3, nothing lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import StorageError
from seedbed.testing.server import ScriptedServer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits on files are POSIX")

LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from seedbed.cli.main import main
main(sys.argv[2:])
"""
"""A process whose files cannot grow beyond so many bytes: what a full disk looks like, without one."""


def write(project: Any, entry: dict[str, Any], records: int = 60, **more: Any) -> None:
    project.seeds(*[{"id": f"s{i}", "topic": f"topic {i} {'x' * 400}"} for i in range(records)])
    node = {"type": "llm", "model": "w", "prompt": "Write on {{ topic }}"}
    project.pipeline(models={"w": entry}, source="seeds.jsonl", nodes={"text": node}, **more)


def limited(project: Any, size: int, *arguments: str) -> Any:
    process = subprocess.Popen(
        [sys.executable, "-c", LIMITED, str(size), "run", "p.yaml", "--quiet", *arguments],
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    project.processes.append(process)
    return project.end(process)


def check_stopped(ran: Any) -> None:
    assert ran.code == 3, ran.err
    assert "Traceback" not in ran.err
    assert "Logging error" not in ran.err
    assert "never retrieved" not in ran.err
    assert ran.err.count("seedbed: ") == 1, ran.err


@pytest.mark.parametrize("kilobytes", [1, 12, 40, 70])
def test_files_that_cannot_grow(project: Any, model: Any, kilobytes: int) -> None:
    with ScriptedServer(latency=0.02) as server:
        write(project, model(server))
        ran = limited(project, kilobytes * 1024)
        check_stopped(ran)
        assert "cannot" in ran.err
        assert not (project.folder / "out.jsonl").exists()
        first = server.counts.received
        summary = project.go()
        assert (summary.exit_code(), summary.accepted) == (0, 60)
        assert first < 60, "it stops before all is asked"
        # Those in flight, and those answered in a commit window of 100 ms.
        assert server.counts.received - 60 <= 8 + 8 * 5
    assert [row["id"] for row in project.rows()] == [f"s{i}" for i in range(60)]


def test_a_step_s_working_memory_that_cannot_grow(project: Any) -> None:
    project.pipeline(
        source={"count": 3000},
        steps=[{"type": "set", "fields": {"text": "{{ id * 40 }}"}}, {"type": "sort", "by": "text"}],
    )
    ran = limited(project, 300 * 1024)
    check_stopped(ran)
    assert project.failed() == [], "no record is to blame"
    summary = project.go()
    assert (summary.exit_code(), summary.accepted) == (0, 3000)


def test_a_list_of_failures_that_cannot_grow(project: Any) -> None:
    project.seeds(*["{broken" + "x" * 500 for _ in range(400)], {"id": "a"})
    project.pipeline(source="seeds.jsonl")
    ran = limited(project, 100 * 1024, "--max-failed", "100")
    check_stopped(ran)
    assert project.go().failed == 400
    assert len(project.failed()) == 400


def test_a_sink_on_a_full_device(project: Any, model: Any) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with ScriptedServer() as server:
        write(project, model(server), 10, sink=["/dev/full", "out.jsonl"])
        summary = project.go()
        assert summary.exit_code() == 3
        assert "/dev/full cannot be written: No space left on device" in str(summary.stop)
        assert not (project.folder / "out.jsonl").exists()
        asked = server.counts.received
        write(project, model(server), 10, sink="out.jsonl")
        assert project.go().accepted == 10
        assert server.counts.received <= 10 + asked
    assert len(project.rows()) == 10


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("this place lets nobody mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("what", ["runs", "sink"])
def test_a_disk_that_is_full_and_then_is_not(project: Any, model: Any, small_disk: Path, what: str) -> None:
    out = [] if what == "sink" else ["--out", str(small_disk / "runs")]
    sink = str(small_disk / "out.jsonl") if what == "sink" else "out.jsonl"
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (440 if what == "sink" else 200) * 1024)
    with ScriptedServer(latency=0.01) as server:
        write(project, model(server), 200, sink=sink)
        ran = project.run(*out)
        check_stopped(ran)
        assert "No space left on device" in ran.err or "disk is full" in ran.err
        assert not (small_disk / "out.jsonl").exists()
        ballast.unlink()
        subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
        ran = project.run(*out)
        assert ran.code == 0, ran.err
        assert server.counts.received <= 200 + 8 + 8 * 10
    rows = project.rows(sink)
    assert [row["id"] for row in rows] == [f"s{i}" for i in range(200)]


def test_a_folder_that_is_a_file_is_said_before_anything_is_asked(project: Any, model: Any) -> None:
    project.file("taken", "")
    with ScriptedServer() as server:
        write(project, model(server), 10, sink="taken/out.jsonl")
        ran = project.run()
        assert ran.code in (2, 3)
        assert "taken/out.jsonl cannot be written: " in ran.err
        assert "Traceback" not in ran.err
        write(project, model(server), 10, sink="out.jsonl")
        ran = project.run("--out", "taken/runs")
        assert ran.code in (2, 3)
        assert "Traceback" not in ran.err
        assert "taken/runs" in ran.err
        assert server.counts.received == 0


def test_a_sink_nobody_may_write(project: Any, model: Any) -> None:
    if not Path("/proc").is_dir():
        pytest.skip("there is no /proc")
    with ScriptedServer() as server:
        write(project, model(server), 10, sink="/proc/out.jsonl")
        try:
            stop = project.go().stop
        except StorageError as error:
            stop = error
        assert "/proc/out.jsonl cannot be written" in str(stop)
        assert server.counts.received == 0
