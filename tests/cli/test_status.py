import json
import signal
import time


def test_of_an_ended_run(project, seedbed):
    seedbed("run", "p.yaml", "--quiet")
    said = seedbed("status", "facts")
    assert said.code == 0
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert lines[0] == f"facts/{project.run_folder().name} finished"
    assert lines[1].startswith("3 records · 1 dropped · 3 failed · 6 calls")
    assert "graph 6 4 – 2 fact: Refused: 1 · fact: BadReply: 1" in lines
    assert any(line.startswith("1 fact Refused: HTTP 400") for line in lines)
    assert any(line.endswith(" started") for line in lines)
    assert any(line.startswith("seedbed retry ") for line in lines)


def test_json(project, seedbed):
    seedbed("run", "p.yaml", "--quiet", "--set", "seed=2", "-n", "4")
    found = json.loads(seedbed("status", project.run_folder().name[:15], "--json").out)
    assert (found["status"], found["accepted"], found["failed"], found["dropped"]) == ("finished", 2, 1, 1)
    assert found["failures"][0]["error"] == "Refused"
    assert found["failures"][0]["count"] == 1
    assert [event["event"] for event in found["events"]] == ["started", "finished"]
    assert found["nodes"][0]["node"] == "fact"


def test_of_a_running_and_of_a_killed_run(project, process, seedbed):
    project.change("p.yaml", "rules: rules.yaml", "rules: rules.yaml, latency: 1, limits: {concurrency: 1}")
    with process("run", "p.yaml", "--json", "--set", "seed=3") as running:
        running.stdout.readline()
        found = {}
        give_up = time.monotonic() + 20
        while not found.get("steps") and time.monotonic() < give_up:
            found = json.loads(seedbed("status", "facts", "--json").out)
        assert (found["status"], found["pid"]) == ("running", running.pid)
        assert found["steps"][1]["waiting"] > 0
        running.send_signal(signal.SIGKILL)
        running.wait(10)
    said = seedbed("status", "facts")
    assert "killed" in said.out.splitlines()[0]
    assert "seedbed run p.yaml --set seed=3" in said.out


def test_a_run_that_is_not_there(project, seedbed):
    seedbed("run", "p.yaml", "--quiet")
    said = seedbed("status", "nothing")
    assert said.code == 2
    assert f"latest runs: facts/{project.run_folder().name}" in said.err


def test_messages_cannot_play_tricks(project, seedbed):
    project.change("rules.yaml", "fail: 400", r'fail: {status: 400, message: "\u001b[2J\u202eevil"}')
    seedbed("run", "p.yaml", "--quiet")
    out = seedbed("status", "facts").out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "evil" in out
