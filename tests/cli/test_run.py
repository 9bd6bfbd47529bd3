import json
import signal


def test_says_what_came_of_it_and_what_to_do_next(project, seedbed):
    said = seedbed("run", "p.yaml")
    assert said.code == 1
    assert said.out == ""
    assert project.rows() == [{"n": n, "text": "about it"} for n in (0, 1, 5)]
    lines = [" ".join(line.split()) for line in said.err.splitlines()]
    assert "source 7 6 – 1 RowError: 1" in lines
    assert "graph 6 4 – 2 fact: Refused: 1 · fact: BadReply: 1" in lines
    assert "filter 4 3 1 – n != 2: 1" in lines
    assert any(line.startswith("fact writer 6 0 3") and "USD" in line for line in lines)
    assert any(line.startswith("done: 3 records · 1 dropped · 3 failed · 6 calls") for line in lines)
    assert "records out/facts.jsonl" in lines
    run = f"runs/facts/{project.run_folder().name}"
    assert f"failed {run}/failed.jsonl" in lines
    assert any(line.startswith(f"seedbed retry {run} ") for line in lines)
    assert any(line.startswith(f"seedbed trace {run} ") for line in lines)


def test_a_finished_run_has_nothing_to_do(project, seedbed):
    seedbed("run", "p.yaml", "--max-failed", "50")
    said = seedbed("run", "p.yaml", "--max-failed", "50")
    assert said.code == 0
    assert said.err.startswith("nothing to do: 3 records")


def test_quiet_is_one_line(project, seedbed):
    said = seedbed("run", "p.yaml", "--quiet")
    assert said.code == 1
    assert said.out == ""
    assert said.err.startswith("done: 3 records · 1 dropped · 3 failed")
    assert said.err.count("\n") == 1


def test_quiet_still_says_why_it_stopped(project, seedbed):
    project.change("rules.yaml", "fail: 400", "fail: 401")
    said = seedbed("run", "p.yaml", "--quiet")
    assert said.code == 3
    assert "model `writer`" in said.err
    assert "stopped: " in said.err.splitlines()[-1]


def test_json_is_one_object_a_line_and_a_summary(project, seedbed):
    said = seedbed("run", "p.yaml", "--json")
    events = [json.loads(line) for line in said.out.splitlines()]
    assert said.err == ""
    assert events[0]["event"] == "started"
    last = events[-1]
    assert (last["event"], last["exit_code"], last["accepted"], last["failed"]) == ("summary", 1, 3, 3)
    for step in last["steps"]:
        gone = sum(step["dropped"].values()) + sum(step["failed"].values())
        assert step["in"] + step.get("made", 0) == step["out"] + step.get("merged", 0) + gone
    assert last["nodes"][0]["calls"] == 6


def test_json_and_a_sink_on_stdout_do_not_mix(project, seedbed):
    project.change("p.yaml", "sink: out/facts.jsonl", 'sink: "-"')
    said = seedbed("run", "p.yaml", "--json")
    assert said.code == 2
    assert "standard output" in said.err
    assert "--set sink=" in said.err
    assert not (project.folder / "runs").exists()


def test_stdout_holds_records_only(project, process):
    project.change("p.yaml", "sink: out/facts.jsonl", 'sink: "-"')
    with process("run", "p.yaml") as running:
        out, err = running.communicate(timeout=30)
    assert [json.loads(line)["n"] for line in out.splitlines()] == [0, 1, 5]
    assert "done: 3 records" in err


def test_a_json_reader_that_goes_away_does_not_stop_the_run(project, process):
    with process("run", "p.yaml", "--json") as running:
        running.stdout.close()
        running.stderr.read()
        assert running.wait(30) == 1
    assert len(project.rows()) == 3


def test_stopped_by_a_signal_it_drains_and_says_so(project, process):
    project.change("p.yaml", "rules: rules.yaml", "rules: rules.yaml, latency: 0.5, limits: {concurrency: 1}")
    with process("run", "p.yaml", "--json") as running:
        running.stdout.readline()
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=30)
        assert running.returncode == 3
    last = json.loads(out.splitlines()[-1])
    assert (last["status"], last["exit_code"]) == ("stopped", 3)
    graph = last["steps"][1]
    assert graph["in"] == graph["out"] + graph.get("waiting", 0) + sum(graph["failed"].values())
    assert "stopping" in err
