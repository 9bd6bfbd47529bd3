import json

import pytest


@pytest.fixture
def ran(project, seedbed):
    seedbed("run", "p.yaml", "--quiet")
    return project


def trace(seedbed, record, *options):
    said = seedbed("trace", "facts", record, *options)
    assert said.code == 0, said.err
    return said.out


def test_a_record_that_got_through(ran, seedbed):
    out = trace(seedbed, "seeds.jsonl:1")
    assert "seeds.jsonl:1 · done" in out.splitlines()[0]
    assert "A fact about the number 0." in out
    assert '{"text":"about it","sure":true}' in out
    assert "n: 0" in out


def test_by_id_and_by_its_beginning(ran, seedbed):
    id = json.loads(trace(seedbed, "seeds.jsonl:2", "--json"))["id"]
    assert trace(seedbed, id) == trace(seedbed, id[:9])


def test_a_record_that_a_cheap_step_dropped(ran, seedbed):
    out = trace(seedbed, "seeds.jsonl:3")
    assert "dropped by filter: n != 2" in out
    assert "A fact about the number 2." in out


def test_a_call_that_was_refused_shows_what_was_asked(ran, seedbed):
    out = trace(seedbed, "seeds.jsonl:4")
    assert "A fact about the number 3." in out
    assert "HTTP 400" in out


def test_bad_replies_with_reasons(ran, seedbed):
    out = trace(seedbed, "seeds.jsonl:5")
    assert "2 attempts" in out
    assert "no answer, 2 times: the reply is not JSON" in out
    way = json.loads(trace(seedbed, "seeds.jsonl:5", "--json"))
    (node,) = way["steps"][0]["nodes"]
    assert [bad["reply"] for bad in node["calls"][0]["bad"]] == ["not json", "not json"]
    assert way["usd"] > 0
    assert way["steps"][0]["error"] == "BadReply"


def test_a_row_that_could_not_be_read(ran, seedbed):
    out = trace(seedbed, "seeds.jsonl:7")
    assert "failed at source: RowError" in out
    assert "{bad" in out


def test_an_answer_of_another_run_is_shown_and_costs_nothing(ran, seedbed):
    ran.change("p.yaml", "n != 2", "n != 1")
    seedbed("run", "p.yaml", "--quiet")
    way = json.loads(trace(seedbed, "seeds.jsonl:1", "--json"))
    (call,) = way["steps"][0]["nodes"][0]["calls"]
    assert call["cached"]
    assert call["reply"] == '{"text":"about it","sure":true}'
    assert way["usd"] == 0


def test_nearest_ids(ran, seedbed):
    id = json.loads(trace(seedbed, "seeds.jsonl:1", "--json"))["id"]
    said = seedbed("trace", "facts", id[:10] + "zzz")
    assert said.code == 2
    assert id in said.err
    assert "near it" in seedbed("trace", "facts", "zzz").err


def test_loops_show_each_visit_and_families_their_members(project, seedbed):
    project.write("more.py", "def parts(n):\n    return [{'n': n}, {'n': n + 10}]\n")
    project.write(
        "p.yaml",
        """\
name: facts
models: {writer: {provider: scripted, rules: rules.yaml}}
source: seeds.jsonl
steps:
  - {type: function, call: "./more.py:parts"}
  - type: graph
    nodes:
      fact: {type: llm, model: writer, prompt: "Fact {{ visits.fact }} about the number {{ n }}."}
    edges: [start -> fact, fact -> fact when visits.fact < 2, fact -> end]
""",
    )
    seedbed("run", "p.yaml", "--quiet")
    parent = json.loads(trace(seedbed, "seeds.jsonl:1", "--json"))
    assert [child["id"] for child in parent["children"]] == [f"{parent['id']}.0", f"{parent['id']}.1"]
    child = json.loads(trace(seedbed, f"{parent['id']}.1", "--json"))
    assert child["from"] == [parent["id"]]
    visits = child["steps"][0]["nodes"]
    assert [visit["visit"] for visit in visits] == [1, 2]
    assert visits[1]["calls"][0]["messages"][0]["content"] == "Fact 2 about the number 10."
    out = trace(seedbed, parent["id"])
    assert f"{parent['id']}.0" in out
    assert "function made 2 records" in out
