import json

import pytest


@pytest.fixture
def ran(project, seedbed):
    seedbed("run", "p.yaml", "--quiet", "--set", "seed=3", "-n", "6")
    return project


def last(said):
    return json.loads(said.out.splitlines()[-1])


def test_tries_only_what_failed(ran, seedbed):
    ran.write("rules.yaml", '- {json: {text: "second try", sure: true}}')
    said = seedbed("retry", "facts", "--json")
    summary = last(said)
    assert (said.code, summary["failed"], summary["accepted"]) == (0, 0, 5)
    assert summary["models"]["calls"] == 6 + 2
    assert summary["run"] == ran.run_folder().name
    assert [row["text"] for row in ran.rows()] == ["about it", "about it", "second try", "second try", "about it"]


def test_what_still_fails_is_exit_1(ran, seedbed):
    said = seedbed("retry", "facts", "--quiet")
    assert said.code == 1
    assert "2 failed" in said.err
    assert seedbed("retry", "facts", "--quiet", "--max-failed", "40").code == 0


def test_nothing_failed(ran, seedbed):
    ran.write("rules.yaml", '- {json: {text: "second try", sure: true}}')
    seedbed("retry", "facts", "--quiet")
    said = seedbed("retry", "facts")
    assert said.code == 0
    assert "nothing failed" in said.err


def test_from_anywhere_and_by_path(ran, seedbed, monkeypatch):
    monkeypatch.chdir("/")
    said = seedbed("retry", str(ran.run_folder()), "--json")
    assert last(said)["run"] == ran.run_folder().name
    assert last(said)["read"] == 6


def test_a_changed_pipeline_is_explained(ran, seedbed):
    ran.change("p.yaml", "A fact", "Some fact")
    said = seedbed("retry", "facts")
    assert said.code == 2
    assert "`steps`" in said.err
    assert "seedbed run" in said.err


def test_a_file_that_is_gone_is_said(ran, seedbed):
    (ran.folder / "p.yaml").unlink()
    said = seedbed("retry", "facts")
    assert said.code == 2
    assert "p.yaml" in said.err
    assert "pipeline.yaml" in said.err


def test_limits_and_prices_may_change(ran, seedbed):
    ran.change("p.yaml", "price: {input: 1, output: 2}", "price: {input: 9, output: 9}")
    assert seedbed("retry", "facts", "--quiet").code == 1


def test_secrets_given_by_set_are_not_kept(project, seedbed):
    project.change("p.yaml", "models:", "models:\n  other: {provider: openai, model: m, api_key: none}")
    secret = "sk-very-secret-1234567890"
    seedbed("run", "p.yaml", "--quiet", "--set", f"models.other.api_key={secret}", "--set", "seed=4")
    folder = project.run_folder()
    for path in folder.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path.name
    assert seedbed("retry", "facts", "--quiet").code == 1
