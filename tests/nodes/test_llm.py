"""The `llm` node, asked through a caller that answers from a list."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from seedbed.errors import AccessDenied, BadReply, NodeError, Refused
from seedbed.graph.contracts import Issue, Read, Visit
from seedbed.models.contract import Answer, Reply, Request, Usage
from seedbed.nodes.llm import LlmNode


class ListCaller:
    """Gives the replies in turn, by sample; an exception is raised. Keeps what it was asked."""

    name = "m"

    def __init__(self, *replies: Any) -> None:
        self.replies = [Reply(reply) if isinstance(reply, str) else reply for reply in replies]
        self.asked: list[Request] = []
        self.answered: list[int] = []

    async def ask(self, request: Request, visit: Visit, sample: int = 0) -> Answer:
        self.asked.append(request)
        reply = self.replies[sample]
        await asyncio.sleep(0 if isinstance(reply, Exception) else 0.01)
        if isinstance(reply, Exception):
            raise reply
        self.answered.append(sample)
        return Answer(reply, request.accept(reply) if request.accept else reply.text)


class Run:
    """A run around one node."""

    def __init__(self, caller: ListCaller, base: Path) -> None:
        self.seed = 0
        self.params: dict[str, Any] = {}
        self.base = self.folder = base
        self.caller = caller

    def model(self, name: str) -> ListCaller:
        assert name == "m"
        return self.caller

    def run_blocking(self, call: Callable[[], Any]) -> Awaitable[Any]:
        return asyncio.to_thread(call)


def make(**spec: Any) -> LlmNode:
    node = LlmNode.model_validate({"type": "llm", "model": "m", **spec})
    node._name = "draft"
    return node


def run(node: LlmNode, caller: ListCaller, scope: dict[str, Any] | None = None) -> tuple[Any, Visit]:
    visit = Visit(scope or {}, "r1", "draft", 1, 0)
    assert list(node.check(Path())) == []
    return asyncio.run(node.prepare(Run(caller, Path()))(visit)), visit


def test_a_text_prompt_is_one_user_message() -> None:
    caller = ListCaller(" Paris.\n")
    value, visit = run(make(prompt="Where is {{ what }}?", params={"top_p": 0.5}), caller, {"what": "the tower"})
    assert value == " Paris.\n"
    assert visit.extra is None
    assert visit.notes == []
    (request,) = caller.asked
    assert request.messages == [{"role": "user", "content": "Where is the tower?"}]
    assert request.params == {"top_p": 0.5}
    assert request.schema is None


def test_turns_become_messages_in_order() -> None:
    caller = ListCaller("ok")
    prompt = [{"system": "Be {{ how }}."}, {"user": "a"}, {"assistant": "b"}, {"user": "{{ x }}"}]
    node = make(prompt=prompt)
    run(node, caller, {"how": "brief", "x": [1, {"a": None}]})
    assert [m["role"] for m in caller.asked[0].messages] == ["system", "user", "assistant", "user"]
    assert caller.asked[0].messages[0]["content"] == "Be brief."
    assert caller.asked[0].messages[3]["content"].replace(" ", "") == '[1,{"a":null}]'
    assert [(read.kind, read.path) for read in node.reads()] == [
        ("template", ("prompt", i, turn)) for i, turn in enumerate(["system", "user", "assistant", "user"])
    ]


def test_a_schema_gives_an_object_and_a_repair_is_noted() -> None:
    caller = ListCaller("{'score': 4, 'reason': 'x',}")
    value, visit = run(make(prompt="Judge.", schema={"score": "int 1..5", "reason": "str"}), caller)
    assert value == {"score": 4, "reason": "x"}
    assert visit.notes[0].startswith("JSON repaired")
    schema = caller.asked[0].schema
    assert schema is not None
    assert schema["required"] == ["score", "reason"]


def test_a_reply_that_does_not_fit_is_a_bad_reply_with_feedback() -> None:
    with pytest.raises(BadReply, match="score: 9 is greater") as caught:
        run(make(prompt="Judge.", schema={"score": "int 1..5"}), ListCaller('{"score": 9}'))
    assert "score: 9" in caught.value.feedback
    with pytest.raises(BadReply, match="cut"):
        run(make(prompt="Go."), ListCaller(Reply("half", finish_reason="length")))


def test_a_pydantic_model_in_a_file_beside_the_pipeline(tmp_path: Path) -> None:
    (tmp_path / "shapes.py").write_text("from pydantic import BaseModel\nclass V(BaseModel):\n    score: int\n")
    node = make(prompt="Judge.", schema="./shapes.py:V")
    assert list(node.check(tmp_path)) == []
    assert node.files() == ["./shapes.py"]
    caller = ListCaller('{"score": 3}')
    call = node.prepare(Run(caller, tmp_path))
    assert asyncio.run(call(Visit({}, "r1", "draft", 1, 0))) == {"score": 3}


def test_parse() -> None:
    assert run(make(prompt="x", parse="list"), ListCaller("1. a\n2. b"))[0] == ["a", "b"]
    assert run(make(prompt="x", parse={"tag": "answer"}), ListCaller("<answer>7</answer>"))[0] == "7"
    assert run(make(prompt="x", parse="json"), ListCaller('{"a": [1]}'))[0] == {"a": [1]}


def test_several_answers_are_a_list_and_what_is_saved_too() -> None:
    caller = ListCaller("a", Reply("b", model="m-1", usage=Usage(3, 2, 1), reasoning="hm"), "c")
    value, visit = run(make(prompt="x", n=3, save=["reasoning", "usage", "model"]), caller)
    assert value == ["a", "b", "c"]
    assert visit.extra is not None
    assert visit.extra["draft_reasoning"] == [None, "hm", None]
    assert visit.extra["draft_usage"][1] == {"input": 3, "output": 2, "cached_input": 1}
    assert visit.extra["draft_model"] == ["", "m-1", ""]


def test_one_failure_of_several_fails_them_all_after_the_others_have_ended() -> None:
    caller = ListCaller(Refused("no"), "b", "c")
    with pytest.raises(Refused):
        run(make(prompt="x", n=3), caller)
    assert caller.answered == [1, 2]


def test_what_stops_the_run_goes_before_other_failures() -> None:
    with pytest.raises(AccessDenied):
        run(make(prompt="x", n=2), ListCaller(Refused("no"), AccessDenied("key")))


def test_saved_fields_and_logprobs_are_asked_for() -> None:
    node = make(prompt="x", output="answer", save=["logprobs", "finish_reason"])
    assert node.writes() == ["answer", "answer_logprobs", "answer_finish_reason"]
    caller = ListCaller(Reply("a", logprobs=[{"token": "a", "logprob": -0.1}]))
    _, visit = run(node, caller)
    assert caller.asked[0].params == {"logprobs": True}
    assert visit.extra == {"answer_logprobs": [{"token": "a", "logprob": -0.1}], "answer_finish_reason": "stop"}
    assert node.params == {}


def test_a_history_goes_on() -> None:
    node = make(prompt=[{"system": "Be kind."}, {"user": "{{ say }}"}], history="chat")
    assert node.writes() == ["draft", "chat"]
    assert node.appends() == ["chat"]
    assert Read("field", "chat", ("history",)) in list(node.reads())
    caller = ListCaller("Hello!")
    _, visit = run(node, caller, {"say": "Hi", "chat": None})
    first = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
    assert visit.extra == {"chat": first}

    before = [{"role": "system", "content": "Old."}, *first]
    before[2] = {**before[2], "reasoning": "thought"}
    _, visit = run(node, caller, {"say": "Bye", "chat": before})
    assert caller.asked[-1].messages == [
        {"role": "system", "content": "Be kind."},
        *first,
        {"role": "user", "content": "Bye"},
    ]
    assert visit.extra is not None
    assert visit.extra["chat"][:3] == before
    assert len(visit.extra["chat"]) == 5
    assert len(before) == 3


def test_a_history_needs_no_prompt() -> None:
    caller = ListCaller("42")
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]
    _, visit = run(make(history="chat"), caller, {"chat": chat})
    assert caller.asked[0].messages == chat
    assert visit.extra == {"chat": [*chat, {"role": "assistant", "content": "42"}]}
    with pytest.raises(NodeError, match="`chat` is not a list of messages"):
        run(make(history="chat"), caller, {"chat": ["q"]})


@pytest.mark.parametrize(
    ("spec", "path", "fix"),
    [
        ({}, (), "add `prompt:`"),
        ({"prompt": " "}, ("prompt",), "write what"),
        ({"prompt": []}, ("prompt",), "- user: …"),
        ({"prompt": {"user": "x"}}, ("prompt",), "below each other"),
        ({"prompt": [{"usr": "x"}]}, ("prompt", 0, "usr"), "did you mean `user`?"),
        ({"prompt": [{"user": "x"}, {"user": ""}]}, ("prompt", 1, "user"), "leave the turn out"),
        ({"prompt": [{"user": 5}]}, ("prompt", 0, "user"), "quotes"),
        ({"prompt": ["x"]}, ("prompt", 0), "- user: …"),
        ({"prompt": [{"role": "user", "content": "x"}]}, ("prompt", 0), "write `- user: …`"),
        ({"prompt": "x", "schema": {"a": "str"}, "parse": "json"}, ("parse",), "leave out"),
        ({"prompt": "x", "schema": {"a": {"b": "strng"}}}, ("schema", "a", "b"), "did you mean `str`?"),
        ({"prompt": "x", "schema": "[str]"}, ("schema",), "{items: [str]}"),
        ({"prompt": "x", "schema": "./nowhere.py:Model"}, ("schema",), "folder"),
        ({"prompt": "x", "parse": {"regex": "("}}, ("parse", "regex"), "mend"),
        ({"prompt": "x", "params": {"n": 3}}, ("params", "n"), "beside `params:`"),
        ({"prompt": "x", "n": 2, "history": "chat"}, ("n",), "leave out"),
        ({"prompt": "x", "save": ["usage", "usage"]}, ("save",), "once"),
        ({"prompt": "x", "history": "draft"}, ("save",), "once"),
    ],
)
def test_mistakes_are_found_at_load(spec: dict[str, Any], path: tuple[str | int, ...], fix: str) -> None:
    issues: list[Issue] = list(make(**spec).check(Path(__file__).parent))
    assert [issue.path for issue in issues] == [path]
    assert fix in issues[0].fix


def test_types_are_exact() -> None:
    for spec in ({"n": 0}, {"n": "2"}, {"save": ["text"]}, {"promt": "x"}, {"history": "a b"}):
        with pytest.raises(ValidationError):
            make(prompt="x", **spec)


def test_its_json_schema_refuses_what_check_refuses() -> None:
    import jsonschema_rs

    validator = jsonschema_rs.validator_for(LlmNode.model_json_schema())
    base = {"type": "llm", "model": "m"}
    for good in ({"prompt": "x"}, {"history": "h"}, {"prompt": [{"user": "x"}], "parse": {"tag": "a"}, "n": 2}):
        assert validator.is_valid({**base, **good})
    bad: list[dict[str, Any]] = [{}, {"prompt": []}, {"prompt": [{"usr": "x"}]}, {"prompt": "x", "parse": "tag"}]
    for spec in bad:
        assert not validator.is_valid({**base, **spec})
