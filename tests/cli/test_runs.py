import json
import signal
import sqlite3

import pytest

from seedbed.run.store import open_db


@pytest.fixture
def two(project, seedbed):
    """Two finished runs of one pipeline, and one of another."""
    seedbed("run", "p.yaml", "--quiet")
    project.change("p.yaml", "A fact", "Some fact")
    seedbed("run", "p.yaml", "--quiet")
    project.change("p.yaml", "name: facts", "name: other")
    seedbed("run", "p.yaml", "--quiet", "-n", "2")
    return project


def listed(seedbed, *arguments):
    return [json.loads(line) for line in seedbed("runs", "--json", *arguments).out.splitlines()]


def age(folder, days):
    db = open_db(folder / "run.db")
    db.execute("UPDATE meta SET value = value - ? WHERE key IN ('ended', 'started')", (86400 * days,))
    db.close()


def test_lists_all_runs_the_latest_last(two, seedbed):
    said = seedbed("runs")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].split() == ["name", "run", "status", "started", "records", "failed", "cost", "size"]
    assert [line.split()[0] for line in lines[1:]] == ["facts", "facts", "other"]
    assert lines[1].split()[2] == "finished"
    rows = listed(seedbed)
    assert [(row["name"], row["records"], row["failed"]) for row in rows] == [
        ("facts", 3, 3), ("facts", 3, 3), ("other", 2, 0),
    ]  # fmt: skip
    assert all(row["bytes"] > 1000 for row in rows)


def test_no_runs_is_said(project, seedbed):
    said = seedbed("runs")
    assert (said.code, said.out) == (0, "")
    assert "no runs in runs" in said.err


def test_out_names_another_place(two, seedbed, monkeypatch):
    monkeypatch.chdir("/")
    assert len(listed(seedbed, "--out", str(two.folder / "runs"))) == 3
    assert seedbed("runs", "rm", "other", "--yes", "--out", str(two.folder / "runs")).code == 0
    assert len(listed(seedbed, "--out", str(two.folder / "runs"))) == 2


def test_rm_asks_unless_told_not_to(two, seedbed):
    said = seedbed("runs", "rm", "other")
    assert said.code == 2
    assert "--yes" in said.err
    assert len(listed(seedbed)) == 3
    name = listed(seedbed)[0]["run"]
    assert seedbed("runs", "rm", name, "other", "--yes").code == 0
    assert [row["name"] for row in listed(seedbed)] == ["facts"]
    assert not (two.folder / "runs/other").exists()
    assert (two.folder / "out/facts.jsonl").exists()


def test_rm_asked_and_declined_keeps_it(two, terminal, seedbed):
    import os

    with terminal("runs", "rm", "other") as shown:
        shown.read("[y/N]")
        os.write(shown.master, b"n\n")
        assert shown.process.wait(20) == 0
    assert len(listed(seedbed)) == 3


def test_prune_keeps_the_latest_of_each(two, seedbed):
    names = [row["run"] for row in listed(seedbed)]
    assert seedbed("runs", "prune", "--keep", "1", "--yes").code == 0
    assert [row["run"] for row in listed(seedbed)] == names[1:]


def test_prune_by_age(two, seedbed):
    age(two.run_folder("other"), 10)
    assert seedbed("runs", "prune", "--older-than", "11", "--yes").code == 0
    assert len(listed(seedbed)) == 3
    assert seedbed("runs", "prune", "--older-than", "9", "--yes").code == 0
    assert [row["name"] for row in listed(seedbed)] == ["facts", "facts"]


def test_prune_wants_to_know_which(two, seedbed):
    said = seedbed("runs", "prune")
    assert said.code == 2
    assert "--keep" in said.err


def test_prune_leaves_what_could_go_on(two, seedbed):
    folder = two.run_folder("other")
    db = open_db(folder / "run.db")
    db.execute("UPDATE meta SET value = '\"stopped\"' WHERE key = 'status'")
    db.close()
    seedbed("runs", "prune", "--keep", "0", "--yes")
    assert [row["status"] for row in listed(seedbed)] == ["stopped"]
    seedbed("runs", "prune", "--keep", "0", "--all", "--yes")
    assert listed(seedbed) == []


def test_answers_stay_unless_told_and_those_in_use_always(two, seedbed):
    def kept():
        db = sqlite3.connect(two.folder / "runs/calls.db")
        found = db.execute("SELECT count(*) FROM calls").fetchone()[0]
        db.close()
        return found

    # 7 calls each for the first two, and the third used two answers of the second
    every = kept()
    seedbed("runs", "rm", *(row["run"] for row in listed(seedbed) if row["name"] == "facts"), "--yes")
    assert kept() == every
    said = seedbed("runs", "prune", "--calls", "--yes")
    assert said.code == 0
    assert f"forgot {every - 2} calls" in said.err
    assert kept() == 2
    two.change("p.yaml", "name: other", "name: third")
    assert "2 answered before" in seedbed("run", "p.yaml", "--quiet", "-n", "2").err


@pytest.fixture
def running(project, process):
    project.change("p.yaml", "rules: rules.yaml", "rules: rules.yaml, latency: 1.5, limits: {concurrency: 1}")
    with process("run", "p.yaml", "--json") as started:
        started.stdout.readline()
        yield started
        started.kill()


def test_a_running_run_is_left_alone_and_can_be_stopped(project, running, seedbed):
    (row,) = listed(seedbed)
    assert (row["status"], row["pid"]) == ("running", running.pid)
    said = seedbed("runs", "rm", "facts", "--yes")
    assert said.code == 2
    assert f"process {running.pid}" in said.err
    assert seedbed("runs", "prune", "--calls", "--yes").code == 2
    assert "stopped" in seedbed("runs", "stop", "facts").out
    assert running.wait(10) == 3
    assert listed(seedbed)[0]["status"] == "stopped"
    assert seedbed("runs", "stop", "facts").code == 2


def test_stop_now_does_not_wait(project, running, seedbed):
    assert seedbed("runs", "stop", "facts", "--now").code == 0
    assert running.wait(1) == 3


def test_a_killed_run_is_called_killed(project, running, seedbed):
    running.send_signal(signal.SIGKILL)
    running.wait(10)
    assert listed(seedbed)[0]["status"] == "killed"
