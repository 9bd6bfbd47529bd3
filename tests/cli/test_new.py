import json

import pytest

from seedbed.registry.plugins import names


@pytest.fixture
def made(tmp_path, monkeypatch, seedbed):
    monkeypatch.chdir(tmp_path)
    said = seedbed("new", "my data!")
    assert said.code == 0
    return tmp_path / "my data!", said.out


def test_makes_a_project_and_says_what_is_next(made):
    folder, out = made
    assert sorted(path.name for path in folder.iterdir()) == [
        ".gitignore", "README.md", "hooks.py", "pipeline.yaml", "seeds.jsonl",
    ]  # fmt: skip
    commands = out.split("Next:\n")[1].splitlines()
    assert len(commands) == 3
    assert commands[0] == "cd 'my data!'"
    assert commands[1].startswith("seedbed preview pipeline.yaml")


def test_the_project_is_right_and_runs(made, seedbed, monkeypatch):
    folder, _ = made
    monkeypatch.chdir(folder)
    if "check" in names("command"):
        assert seedbed("check", "pipeline.yaml").code == 0
    said = seedbed("run", "pipeline.yaml", "--set", "models.writer=scripted", "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out.splitlines()[-1])["accepted"] == 6
    rows = [json.loads(line) for line in (folder / "out/sft.jsonl").read_text("utf-8").splitlines()]
    assert [turn["role"] for turn in rows[0]["messages"]] == ["user", "assistant"]
    assert (folder / "runs/my-data").is_dir()


def test_its_hook_throws_out_what_is_no_answer(made, seedbed, monkeypatch):
    folder, _ = made
    monkeypatch.chdir(folder)
    said = seedbed("run", "pipeline.yaml", "--set", "models.writer=scripted", "--set", "params.min_words=100", "--json")
    assert json.loads(said.out.splitlines()[-1])["dropped"] == 6


def test_overwrites_nothing(made, seedbed):
    folder, _ = made
    (folder / "seeds.jsonl").write_text("mine")
    said = seedbed("new", str(folder))
    assert said.code == 2
    assert "seeds.jsonl" in said.err
    assert (folder / "seeds.jsonl").read_text() == "mine"


def test_a_place_that_cannot_be_written(tmp_path, seedbed):
    (tmp_path / "file").write_text("")
    assert seedbed("new", str(tmp_path / "file" / "inner")).code == 2
