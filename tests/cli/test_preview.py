import json
import re
import sqlite3


def calls(project):
    with sqlite3.connect(project.folder / "runs/calls.db") as db:
        found = db.execute("SELECT count(*) FROM calls").fetchone()[0]
    db.close()
    return found


def test_shows_each_record_with_prompts_replies_and_ends(project, seedbed):
    said = seedbed("preview", "p.yaml", "-n", "7")
    assert said.code == 1
    parts = re.split(r"^== ", said.out, flags=re.MULTILINE)[1:]
    assert [re.search(r"seeds\.jsonl:\d · \w+", part)[0] for part in parts] == [
        "seeds.jsonl:1 · done", "seeds.jsonl:2 · done", "seeds.jsonl:3 · dropped", "seeds.jsonl:4 · failed",
        "seeds.jsonl:5 · failed", "seeds.jsonl:6 · done", "seeds.jsonl:7 · failed",
    ]  # fmt: skip
    assert "A fact about the number 0." in parts[0]
    assert '{"text":"about it","sure":true}' in parts[0]
    assert parts[0].rstrip().endswith("-- record\n   n: 0\n   text: about it")
    assert "dropped by filter: n != 2" in parts[2]
    assert "A fact about the number 3." in parts[3]
    assert "HTTP 400" in parts[3]
    assert "no answer" in parts[4]
    assert "not json" in parts[4]
    assert "{bad" in parts[6]
    assert "done: 3 records" in said.err


def test_leaves_sinks_and_runs_alone_and_pays_once(project, seedbed):
    (project.folder / "out").mkdir()
    project.write("out/facts.jsonl", "mine\n")
    said = seedbed("preview", "p.yaml", "-n", "2")
    assert said.code == 0
    assert "these answers are kept; all records: seedbed run p.yaml" in said.err
    assert (project.folder / "out/facts.jsonl").read_text() == "mine\n"
    assert [path.name for path in (project.folder / "runs").iterdir() if path.is_dir()] == []
    before = calls(project)
    assert before == 2
    again = seedbed("preview", "p.yaml", "-n", "2")
    assert "answered before" in again.out
    assert calls(project) == before
    summary = json.loads(seedbed("run", "p.yaml", "--json").out.splitlines()[-1])
    assert (summary["models"]["cached"], summary["models"]["calls"]) == (2, 4)


def test_takes_values_and_no_target(project, seedbed):
    project.change("p.yaml", "output: {n", "target: {accepted: 50}\noutput: {n")
    said = seedbed("preview", "p.yaml", "-n", "1", "--set", "seed=5")
    assert said.code == 0
    assert "seedbed run p.yaml --set seed=5" in said.err


def test_long_texts_are_folded(project, seedbed):
    project.write("rules.yaml", f"- {{json: {{text: '{'long ' * 900}', sure: true}}}}")
    folded = seedbed("preview", "p.yaml", "-n", "1").out
    assert "more characters" in folded
    assert len(folded) < 4000
    assert "more characters" not in seedbed("preview", "p.yaml", "-n", "1", "--full").out


def test_nodes_that_ask_no_model_show_what_they_wrote(project, seedbed):
    project.change(
        "p.yaml", "  - {type: filter", "      twice: {type: expression, expression: n * 2}\n  - {type: filter"
    )
    out = seedbed("preview", "p.yaml", "-n", "6").out
    assert re.search(r"-- twice .*\n   10\n", out)


def test_terminal_escapes_and_markup_in_replies_are_data(project, terminal):
    evil = r"\u001b]0;owned\u0007 [red]\u202e[/red] \u009b31m"
    project.write("rules.yaml", f'- {{json: {{text: "{evil}", sure: true}}}}')
    with terminal("preview", "p.yaml", "-n", "1") as shown:
        text = shown.read()
        assert shown.process.wait(30) == 0
    for trick in ("\x1b]0", "\x07", "\u202e", "\x9b"):
        assert trick not in text
    assert r"\x1b]0;owned\x07 [red]\u202e[/red] \x9b31m" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert "╭─ fact" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_records_made_on_the_way_stand_with_their_source_row(project, seedbed):
    project.write("more.py", "def twice(n):\n    return [{'n': n}, {'n': n + 100}]\n")
    project.change("p.yaml", "steps:\n", "steps:\n  - {type: function, call: './more.py:twice'}\n")
    out = seedbed("preview", "p.yaml", "-n", "1").out
    assert "function made 2 records" in out
    assert "A fact about the number 100." in out


def test_a_wrong_file_is_exit_2(project, seedbed):
    project.change("p.yaml", "{{ n }}.", "{{ m }}.")
    said = seedbed("preview", "p.yaml")
    assert said.code == 2
    assert "p.yaml:" in said.err
    assert not (project.folder / "runs").exists()
