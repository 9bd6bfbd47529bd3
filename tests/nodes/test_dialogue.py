"""The `dialogue` node in whole runs: what each role is shown, who speaks, when it ends, and what is written."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from seedbed.graph.contracts import Issue
from seedbed.graph.messages import check_messages
from seedbed.graph.yaml import read_yaml
from seedbed.nodes.dialogue import DialogueNode
from seedbed.testing.server import ScriptedServer

USER = {"model": "m", "system": "You are Ann.", "goal": "Get {{ wish }} for nothing."}
CLERK = {"model": "m", "system": "You are the clerk.", "goal": "Sell at full price."}
COUNT = {"reply": "line {{ messages|length }} of {{ 'Ann' if 'Ann' in system else 'clerk' }}"}


def chat(**more: Any) -> dict[str, Any]:
    roles = {"user": USER, "assistant": CLERK}
    return {"c": {"type": "dialogue", "roles": roles, "turns": 4, **more}}


def wishes(*names: str) -> list[dict[str, str]]:
    return [{"id": name, "wish": name} for name in names]


def said(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in row["c"]]


def test_each_role_sees_it_from_its_own_side(lab: Any) -> None:
    with ScriptedServer([COUNT]) as server:
        (row,), failed = lab.go(server, wishes("tea"), chat(system="A shop."))
        asked = [seen.messages for seen in server.requests]
    assert failed == {}
    ann, clerk = "line 2 of Ann", "line 2 of clerk"
    assert said(row) == [
        ("system", "A shop."),
        ("user", ann),
        ("assistant", clerk),
        ("user", "line 4 of Ann"),
        ("assistant", "line 4 of clerk"),
    ]
    assert check_messages(row["c"]) is None
    assert [[message["role"] for message in messages] for messages in asked] == [
        ["system", "user"],
        ["system", "user"],
        ["system", "user", "assistant", "user"],
        ["system", "user", "assistant", "user"],
    ]
    assert [message["content"] for message in asked[2][2:]] == [ann, clerk]
    assert [message["content"] for message in asked[3][1:]] == [ann, clerk, "line 4 of Ann"]
    for messages in asked:
        text = str(messages)
        assert ("Get tea for nothing" in text) == ("You are Ann" in text)
        assert ("Sell at full price" in text) == ("You are the clerk" in text)
        assert ("nothing but this person's next message" in text) == ("You are Ann" in text)
    assert [turn["role"] for turn in row["c_turns"]] == ["user", "assistant"] * 2
    assert all(turn["model"] == "m" and turn["tokens"]["output"] > 0 for turn in row["c_turns"])
    assert row["c_end"] == {"by": "turns", "reason": None}


def test_more_than_two_are_told_who_said_what(lab: Any) -> None:
    roles = {
        "ann": {"model": "m", "system": "You are Ann.", "speaks_as": "user"},
        "bob": {"model": "m", "system": "You are Bob.", "speaks_as": "assistant"},
        "cleo": {"model": "m", "system": "You are Cleo.", "speaks_as": "assistant"},
    }
    rules = [{"system": f"You are {name.title()}", "reply": f"{name}: I am {name}."} for name in roles]
    with ScriptedServer(rules) as server:
        (row,), _ = lab.go(server, wishes("tea"), chat(roles=roles, opening="About {{ wish }}.", turns=3))
        asked = [seen.messages for seen in server.requests]
    assert [message["content"] for message in asked[1][1:]] == ["ann: About tea.\n\nbob: I am bob."]
    assert [message["content"] for message in asked[2][2:]] == ["About tea.", "bob: I am bob.\n\ncleo: I am cleo."]
    assert [(message["name"], message["role"]) for message in row["c"]] == [
        ("ann", "user"),
        ("bob", "assistant"),
        ("cleo", "assistant"),
        ("ann", "user"),
    ]
    assert row["c_turns"][0] == {"role": "ann", "model": None, "tokens": None, "tries": 0, "reasons": []}


def test_who_is_next_by_order_and_by_expression(lab: Any) -> None:
    with ScriptedServer([COUNT]) as server:
        (row,), _ = lab.go(server, wishes("tea"), chat(order=["user", "user", "assistant"], turns=5))
        assert [turn["role"] for turn in row["c_turns"]] == ["user", "user", "assistant", "user", "user"]
        assert server.requests[1].messages[-1]["content"] == "(You go on.)"
        chosen = "'assistant' if turn > 0 and role == 'user' else 'user'"
        (row,), _ = lab.go(server, wishes("rice"), chat(next=chosen, turns=3))
        assert [turn["role"] for turn in row["c_turns"]] == ["user", "assistant", "user"]
        _, failed = lab.go(server, wishes("oats"), chat(next="wish"))
    assert "`next` gives 'oats', which is no role" in failed["oats"]


def test_turns_are_drawn_and_it_ends_as_it_should(lab: Any) -> None:
    with ScriptedServer([COUNT]) as server:
        rows, _ = lab.go(
            server, wishes(*(f"w{i}" for i in range(20))), chat(turns={"integer": [2, 5]}, ends_with="assistant")
        )
        _, failed = lab.go(server, wishes("x"), chat(turns={"choices": ["many"]}))
    assert {len(row["c"]) for row in rows} == {2, 4}
    assert all(row["c"][-1]["role"] == "assistant" for row in rows)
    assert all(len(row["c"]) == len(row["c_turns"]) for row in rows)
    assert "`turns` draws 'many'" in failed["x"]


def test_until_an_expression_or_a_judge(lab: Any) -> None:
    judge = {"ask": "Has she got {{ wish }}?", "model": "judge", "after": "user"}
    yes = {"model": "judge", "contains": "line 4 of Ann", "json": {"reason": "She has.", "yes": True}}
    no = {"model": "judge", "json": {"reason": "Not yet.", "yes": False}}
    with ScriptedServer([yes, no, COUNT]) as server:
        (row,), _ = lab.go(server, wishes("tea"), chat(turns=9, until="turn >= 2 and 'clerk' in last"))
        assert len(row["c"]) == 2
        assert row["c_end"] == {"by": "until", "reason": "turn >= 2 and 'clerk' in last"}
        (row,), _ = lab.go(server, wishes("tea"), chat(turns=9, until=judge))
        asked = [seen.messages[1]["content"] for seen in server.requests if seen.body["model"] == "judge"]
    assert (len(row["c"]), row["c_end"]) == (3, {"by": "until", "reason": "She has."})
    assert len(asked) == 2
    assert "user: line 2 of Ann\n\nassistant: line 2 of clerk" in asked[1]
    assert asked[1].endswith("Question: Has she got tea?")


def test_a_turn_that_will_not_do_is_generated_anew(lab: Any) -> None:
    (lab.folder / "hooks.py").write_text(
        "def polite(last, role, wish, least=0):\n    return 'rude' if 'RUDE' in last else len(last) > least\n"
    )
    rude = {"matches": "You are the clerk", "replies": ["RUDE", "Gladly."], "per_prompt": True}
    with ScriptedServer([rude, COUNT]) as server:
        for check in ("role == 'user' or 'RUDE' not in last", {"call": "./hooks.py:polite", "params": {"least": 1}}):
            (row,), _ = lab.go(server, wishes(f"tea{len(str(check))}"), chat(turns=2, check=check))
            assert row["c"][1]["content"] == "Gladly."
            assert [turn["tries"] for turn in row["c_turns"]] == [1, 2]
            assert row["c_turns"][1]["reasons"] == [f"not {check}" if isinstance(check, str) else "rude"]
        server.rules = [{"contains": "never", "reply": "RUDE"}, COUNT]
        _, failed = lab.go(server, wishes("never"), chat(check="'RUDE' not in last", retries=1))
    assert failed["never"] == "turn 1, of `user`, will not do after 2 tries: not 'RUDE' not in last"


def test_a_role_with_tools_keeps_them_to_itself(lab: Any) -> None:
    (lab.folder / "hooks.py").write_text('def price() -> str:\n    """Tells the price."""\n    return "3 coins"\n')
    clerk = {**CLERK, "tools": ["./hooks.py:price"]}
    rules = [
        {"system": "clerk", "contains": "3 coins", "reply": "Not much."},
        {"system": "clerk", "tool_calls": [{"name": "price"}]},
        {"reply": "How much?"},
    ]
    with ScriptedServer(rules) as server:
        (row,), failed = lab.go(server, wishes("tea"), chat(roles={"user": USER, "assistant": clerk}, turns=3))
        asked = list(server.requests)
    assert failed == {}
    assert [message["role"] for message in row["c"]] == ["user", "assistant", "tool", "assistant", "user"]
    assert "3 coins" not in str(asked[3].messages)
    assert [("tools" in seen.body) for seen in asked] == [False, True, True, False]


def test_continuations_are_kept_as_a_tree(lab: Any) -> None:
    clerk = {"system": "clerk", "replies": ["one", "two", "three", "bad", "four", "five"]}
    with ScriptedServer([clerk, COUNT]) as server:
        (row,), failed = lab.go(
            server, wishes("tea"), chat(continuations=3, turns=4, check="'bad' not in last", opening="Hello.")
        )
        asked = [seen.messages for seen in server.requests if "clerk" in str(seen.messages[0])]
    assert failed == {}
    tree = row["c_tree"]
    texts = {node["message_id"]: node["text"] for node in tree}
    assert len(texts) == len(tree) == 1 + 3 + 1 + 3 + 1
    paths = [node for node in tree if "." not in node["message_id"]]
    assert [node["text"] for node in paths] == [message["content"] for message in row["c"]]
    assert [node["parent_id"] for node in paths] == [None, *(node["message_id"] for node in paths[:-1])]
    siblings = [node for node in tree if node["parent_id"] == paths[0]["message_id"]]
    assert {node["text"] for node in siblings} == {"one", "two", "three"}
    assert {node["role"] for node in siblings} == {"assistant"}
    assert siblings[0]["text"] == "one"
    assert "two" not in str(asked[3:]), "the first goes on"
    assert all(node["rank"] is None for node in tree)
    assert (paths[0]["synthetic"], paths[1]["synthetic"]) == (False, True)


def test_a_model_that_says_nothing_fails_its_record_alone(lab: Any) -> None:
    with ScriptedServer([{"contains": "void", "reply": " "}, COUNT]) as server:
        rows, failed = lab.go(server, wishes("tea", "void"), chat())
    assert [row["id"] for row in rows] == ["tea"]
    assert "empty" in failed["void"]


def test_killed_and_resumed_no_turn_is_paid_for_twice(lab: Any) -> None:
    with ScriptedServer([{**COUNT, "latency": 0.05}]) as server:
        lab.write(server, wishes(*(f"w{i}" for i in range(20))), chat())
        lab.kill_when(lambda: len(server.requests) >= 30)
        assert lab.start().wait(60) == 0
        assert 80 <= len(server.requests) <= 80 + 4 + 8, "what was in flight, and what was answered within 100 ms"
    assert len(lab.rows()) == 20


@pytest.mark.parametrize(
    ("spec", "path", "said"),
    [
        ({"roles": {"user": USER, "seller": CLERK}}, ("roles", "seller"), "speaks_as"),
        ({"order": ["user", "clerk"]}, ("order", 1), "user, assistant"),
        ({"order": ["user"], "next": "role"}, ("next",), "leave one"),
        ({"until": {"ask": "?", "model": "m", "after": "bob"}}, ("until", "after"), "user, assistant"),
        ({"check": {"call": "./gone.py:f"}}, ("check", "call"), "folder"),
        ({"turns": {"integer": [5, 2]}}, ("turns", "integer"), "[2, 5]"),
    ],
)
def test_mistakes_are_found_at_load(spec: dict[str, Any], path: tuple[Any, ...], said: str, tmp_path: Path) -> None:
    node = DialogueNode.model_validate(chat(**spec)["c"])
    issues: list[Issue] = list(node.check(tmp_path))
    assert [issue.path for issue in issues] == [path]
    assert said in issues[0].fix


def test_it_reads_fields_and_not_its_own_names() -> None:
    node = DialogueNode.model_validate(chat(until="turn > most and role == 'user'", opening="{{ wish }}")["c"])
    assert {read.text for read in node.reads() if read.kind == "field"} == {"most"}
    assert {read.path for read in node.reads()} >= {("roles", "user", "goal"), ("opening",), ("until",)}


def test_its_json_schema_refuses_what_check_refuses() -> None:
    validator = jsonschema_rs.validator_for(DialogueNode.model_json_schema())
    assert validator.is_valid(chat()["c"])
    for spec in (
        {"roles": {"user": USER, "seller": CLERK}},
        {"roles": {"user": USER}},
        {"next": "x", "order": ["user"]},
    ):
        assert not validator.is_valid(chat(**spec)["c"])
    assert validator.is_valid(chat(roles={"user": USER, "seller": {**CLERK, "speaks_as": "assistant"}})["c"])


def test_its_example_is_accepted(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", inspect.getdoc(DialogueNode) or "", re.DOTALL)
    (example,) = read_yaml(block, "example").data.values()
    assert list(DialogueNode.model_validate(example).check(tmp_path)) == []
