"""Few-shot examples: rows of a file or a field, shown as turns."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seedbed.errors import NodeError, TemplateError
from seedbed.graph.contracts import Read

ROWS = [{"q": f"{i} + {i}?", "a": 2 * i} for i in range(10)]
ASK: dict[str, Any] = {"prompt": [{"system": "Add."}, {"user": "{{ question }}"}]}
SHOTS = {"from": "./shots.jsonl", "user": "Q: {{ q }}", "assistant": "{{ a }}"}


@pytest.fixture
def shots(scene: Any) -> Any:
    (scene.base / "shots.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    return scene


def test_rows_of_a_file(shots: Any) -> None:
    model = shots.add("m")
    shots.run({"question": "5 + 6?"}, **ASK, examples=SHOTS)
    messages = model.asked[0].messages
    assert len(messages) == 22
    assert [message["role"] for message in messages[:4]] == ["system", "user", "assistant", "user"]
    assert [message["content"] for message in messages[1:3]] == ["Q: 0 + 0?", "0"]
    assert messages[-1] == {"role": "user", "content": "5 + 6?"}
    node = shots.node(**ASK, examples=SHOTS)
    assert node.files() == ["shots.jsonl"]
    assert [read.text for read in node.reads()] == ["Add.", "{{ question }}"], "its fields are the examples' own"


def test_some_are_drawn_for_each_record(shots: Any) -> None:
    model = shots.add("m")
    for record in ("r1", "r2", "r1"):
        shots.run({"question": "?"}, record, **ASK, examples={**SHOTS, "k": 3})
    first, second, again = [request.messages[1:7] for request in model.asked]
    assert first == again != second
    assert len({message["content"] for message in first if message["role"] == "user"}) == 3


def test_rows_of_a_field(scene: Any) -> None:
    model = scene.add("m")
    spec = {**ASK, "examples": {"from": "near", "user": "{{ q }}", "assistant": "{{ a }}", "k": 4}}
    assert Read("field", "near", ("examples", "from")) in list(scene.node(**spec).reads())
    scene.run({"question": "?", "near": ROWS[:2]}, **spec)
    assert len(model.asked[0].messages) == 6, "there are fewer than k"
    scene.run({"question": "?", "near": None}, **spec)
    assert len(model.asked[1].messages) == 2
    with pytest.raises(NodeError, match="`near` is not a list of examples"):
        scene.run({"question": "?", "near": "text"}, **spec)
    with pytest.raises(TemplateError, match="no field `a`"):
        scene.run({"question": "?", "near": [{"q": 1}]}, **spec)


def test_they_stand_before_a_history_and_not_in_it(shots: Any) -> None:
    model = shots.add("m")
    said = [("system", "Old."), ("user", "u"), ("assistant", "v")]
    chat = [{"role": role, "content": text} for role, text in said]
    _, visit = shots.run({"chat": chat}, prompt="Next.", history="chat", examples={**SHOTS, "k": 1})
    roles = [message["role"] for message in model.asked[0].messages]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    assert model.asked[0].messages[1]["content"].startswith("Q: ")
    assert len(visit.extra["chat"]) == 5


@pytest.mark.parametrize(
    ("change", "path", "said"),
    [
        ({"from": "./shot.jsonl"}, "from", "did you mean `shots.jsonl`"),
        ({"k": 11}, "from", "lower `k`"),
        ({"user": "{{ qq }}"}, "user", "did you mean `q`"),
        ({"user": "{{ q"}, "user", ""),
    ],
)
def test_mistakes_are_found_at_load(shots: Any, change: dict[str, Any], path: str, said: str) -> None:
    issues = list(shots.node(**ASK, examples={**SHOTS, **change}).check(shots.base))
    assert [issue.path for issue in issues] == [("examples", path)]
    assert said in issues[0].fix
