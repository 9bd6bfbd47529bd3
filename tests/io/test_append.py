"""Appending: each run's rows are in the file once, whatever is killed, repeated, extended or interleaved."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedbed.graph.spec_io import SinkSpec
from seedbed.io import append
from seedbed.io.files.jsonl import Jsonl
from seedbed.io.sinks import open_sink


def run(folder: Path, name: str, rows: list[str], path: str = "out.jsonl") -> None:
    with open_sink(SinkSpec(path=path, mode="append"), folder, name) as out:
        for row in rows:
            out.write({"r": row})


def rows(folder: Path, path: str = "out.jsonl") -> list[str]:
    found = list(Jsonl().read(folder / path, path))
    assert all(row.fields for row in found), found
    return [row.fields["r"] for row in found if row.fields]


@pytest.mark.parametrize("path", ["out.jsonl", "out.jsonl.gz", "out.jsonl.zst"])
def test_runs_follow_each_other_and_repeat_without_effect(tmp_path: Path, path: str) -> None:
    run(tmp_path, "a", ["a1", "a2"], path)
    run(tmp_path, "b", ["b1"], path)
    run(tmp_path, "a", ["a1", "a2"], path)
    assert rows(tmp_path, path) == ["a1", "a2", "b1"]
    run(tmp_path, "a", ["a1", "a2", "a3"], path)
    run(tmp_path, "b", ["b1", "b2"], path)
    run(tmp_path, "c", [], path)
    assert rows(tmp_path, path) == ["a1", "a2", "a3", "b1", "b2"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [f".{path}.blocks", path]


def test_what_others_wrote_stays(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text('{"r":"old"}')
    run(tmp_path, "a", ["a1"])
    with (tmp_path / "out.jsonl").open("a") as file:
        file.write('{"r":"by hand"}\n')
    run(tmp_path, "a", ["a1", "a2"])
    assert rows(tmp_path) == ["old", "a1", "a2", "by hand"]


def test_a_file_that_was_changed_or_removed_gets_the_rows_again(tmp_path: Path) -> None:
    run(tmp_path, "a", ["a1"])
    (tmp_path / "out.jsonl").unlink()
    run(tmp_path, "a", ["a1"])
    assert rows(tmp_path) == ["a1"]
    (tmp_path / "out.jsonl").write_text('{"r":"other"}\n')
    run(tmp_path, "a", ["a1"])
    assert rows(tmp_path) == ["other", "a1"]


STEPS = ("_build", "_save", "replace", "_save again")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.sampled_from([*STEPS, None])), max_size=6))
@settings(max_examples=60, deadline=None)
def test_any_order_of_runs_cut_at_any_step(
    tmp_path_factory: pytest.TempPathFactory, joins: list[tuple[str, int, str | None]]
) -> None:
    """After all runs have finished, each one's rows are there once, in the order in which the runs came first."""
    folder = tmp_path_factory.mktemp("append")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        _check(folder, joins)


def _check(folder: Path, joins: list[tuple[str, int, str | None]]) -> None:
    wanted: dict[str, list[str]] = {}
    for name, size, cut in joins:
        wanted[name] = [f"{name}{n}" for n in range(size)]
        _cut_join(folder, name, wanted[name], cut)
    for name, made in wanted.items():
        run(folder, name, made)
    if wanted:
        found = rows(folder)
        assert sorted(found) == sorted(row for made in wanted.values() for row in made)
        for name, made in wanted.items():
            assert [row for row in found if row.startswith(name)] == made


class Killed(BaseException):
    """Stands for the end of the process."""


def _cut_join(folder: Path, name: str, made: list[str], cut: str | None) -> None:
    """Joins, and stops dead after the step `cut`."""
    with pytest.MonkeyPatch.context() as patch:
        saves: list[str] = []

        def die_after(step: str, real):  # type: ignore[no-untyped-def]
            def wrapped(*args):  # type: ignore[no-untyped-def]
                result = real(*args)
                saves.append(step)
                if cut == step or (cut == "_save again" and saves.count("_save") == 2):
                    raise Killed
                return result

            return wrapped

        for step in ("_build", "_save", "replace"):
            patch.setattr(append, step, die_after(step, getattr(append, step)))
        with contextlib.suppress(Killed):
            run(folder, name, made)


CHILD = """
import sys
from pathlib import Path
from seedbed.graph.spec_io import SinkSpec
from seedbed.io.sinks import open_sink
folder, run, size = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
for round in range(10**6):
    with open_sink(SinkSpec(path="out.jsonl", mode="append"), folder, run) as out:
        for n in range(size + round % 3):
            out.write({"r": f"{run}{n}" * 100})
"""


def test_kill_in_the_middle(tmp_path: Path) -> None:
    run(tmp_path, "first", ["x"])
    dice = random.Random(5)
    for turn in range(6):
        name = "ab"[turn % 2]
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path), name, "40"], stdout=subprocess.PIPE)
        assert child.stdout
        child.stdout.readline()
        time.sleep(dice.uniform(0, 0.05))
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        found = rows(tmp_path)
        assert found[0] == "x"
        assert len(found) == len(set(found)), "a row is there twice"
    for name in ("a", "b"):
        run(tmp_path, name, [f"{name}{n}" for n in range(3)])
    assert sorted(rows(tmp_path)) == ["a0", "a1", "a2", "b0", "b1", "b2", "x"]
