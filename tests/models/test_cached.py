"""What was answered is not asked again, and what is another question is not taken for the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import PrivateAttr

from seedbed.errors import BadReply, Interrupted, Refused
from seedbed.graph.contracts import Visit
from seedbed.models.cached import Cached
from seedbed.models.contract import Answer, Provider, Reply, Request
from seedbed.models.gate import Gate
from seedbed.models.ledger import Call, Ledger
from seedbed.models.retry import Retrying


class Store:
    """Remembers answers as a run store does."""

    def __init__(self) -> None:
        self.answers: dict[bytes, Reply] = {}
        self.modes: list[str] = []

    def find(self, key: bytes, mode: str) -> Reply | None:
        self.modes.append(mode)
        return self.answers.get(key)

    def keep(self, call: Call) -> None:
        if call.ok:
            self.answers[call.key] = call.reply


class Counting(Provider):
    """Answers with a number of its own for each call."""

    _asked: list[Request] = PrivateAttr(default_factory=list)

    async def ask(self, request: Request, visit: Visit | None) -> Reply:
        self._asked.append(request)
        number = len(self._asked)
        await asyncio.sleep(0.001)
        if request.messages[0]["content"] == "no":
            raise Refused("no")
        return Reply(str(number))


class Scene:
    """A cached model over a store that may be shared with another."""

    def __init__(self, store: Store | None = None, fallback: Scene | None = None, **model: Any) -> None:
        self.store = store or Store()
        self.provider = Counting(provider="counting", **{"model": "m", **model})
        self.provider._name = "writer"
        self.ledger = Ledger(self.store)
        retrying = Retrying(self.provider, Gate(64), self.ledger)
        self.cached = Cached(self.provider, retrying, self.ledger, fallback and fallback.cached)

    @property
    def asked(self) -> list[Request]:
        return self.provider._asked

    async def ask(
        self, text: str = "hi", record: str = "r1", number: int = 1, sample: int = 0, node: str = "draft", **more: Any
    ) -> Answer:
        visit = Visit({}, record, node, number, 0)
        answer = await self.cached.ask(Request([{"role": "user", "content": text}], **more), visit, sample)
        self.calls = visit.calls
        return answer

    def all(self, *questions: dict[str, Any]) -> list[str]:
        async def run() -> list[str]:
            return [answer.reply.text for answer in await asyncio.gather(*[self.ask(**q) for q in questions])]

        return asyncio.run(run())


def test_the_same_question_is_asked_once() -> None:
    scene = Scene()
    assert scene.all({}) == scene.all({}) == ["1"]
    assert len(scene.asked) == 1
    assert scene.calls == [{"key": scene.calls[0]["key"], "model": "writer", "cached": True}]
    assert (scene.ledger.total.calls, scene.ledger.total.cached) == (1, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"text": "ho"},
        {"record": "r2"},
        {"number": 2},
        {"sample": 1},
        {"params": {"temperature": 0.5}},
        {"schema": {"type": "object"}},
    ],
)
def test_what_makes_another_question(other: dict[str, Any]) -> None:
    scene = Scene()
    assert scene.all({}, other) == ["1", "2"]


def test_the_node_s_name_does_not() -> None:
    scene = Scene()
    scene.all({"node": "draft"})
    assert scene.all({"node": "renamed"}) == ["1"]


@pytest.mark.parametrize("other", [{"model": "n"}, {"cache_key": "other server"}, {"params": {"top_p": 0.5}}])
def test_another_model_is_another_question(other: dict[str, Any]) -> None:
    store = Store()
    Scene(store).all({})
    again, another = Scene(store), Scene(store, **other)
    again.all({})
    another.all({})
    assert (len(again.asked), len(another.asked)) == (0, 1)


def test_params_of_the_model_and_of_the_node_are_the_same_to_the_endpoint() -> None:
    store = Store()
    Scene(store, params={"top_p": 0.5}).all({})
    scene = Scene(store)
    scene.all({"params": {"top_p": 0.5}})
    assert scene.asked == []
    other = Scene(store, params={"top_p": 0.9, "max_tokens": 5})
    other.all({"params": {"top_p": 0.5}})
    assert other.asked[0].params == {"top_p": 0.5, "max_tokens": 5}


def test_at_temperature_0_equal_prompts_share_one_call_also_under_way() -> None:
    scene = Scene(params={"temperature": 0})
    questions = [{"record": f"r{i}", "number": i, "sample": i} for i in range(50)]
    assert scene.all(*questions) == ["1"] * 50
    assert len(scene.asked) == 1


def test_a_hundred_records_that_ask_the_same_get_a_hundred_answers() -> None:
    scene = Scene()
    assert len(set(scene.all(*[{"record": f"r{i}"} for i in range(100)]))) == 100


def test_one_that_fails_lets_the_next_one_try() -> None:
    scene = Scene(params={"temperature": 0})

    async def run() -> list[Any]:
        return await asyncio.gather(*[scene.ask("no", record=f"r{i}") for i in range(3)], return_exceptions=True)

    assert [type(error) for error in asyncio.run(run())] == [Refused] * 3
    assert len(scene.asked) == 3


def test_cache_off_asks_each_time_and_all_at_once() -> None:
    scene = Scene(cache="off", params={"temperature": 0})
    assert sorted(scene.all(*[{}] * 5)) == ["1", "2", "3", "4", "5"]
    assert scene.store.modes == []


@pytest.mark.parametrize("mode", ["project", "user", "run"])
def test_the_store_is_told_whose_answers_will_do(mode: str) -> None:
    scene = Scene(cache=mode)
    scene.all({})
    assert scene.store.modes == [mode]


def test_a_kept_answer_that_will_not_do_is_asked_again() -> None:
    def no_ones(reply: Reply) -> str:
        if reply.text == "1":
            raise BadReply("a one")
        return reply.text

    scene = Scene()
    scene.all({})
    assert scene.all({"accept": no_ones}) == ["2"]
    assert scene.all({"accept": no_ones}) == ["2"]
    assert len(scene.asked) == 2


def test_a_fallback_answers_for_one_that_cannot() -> None:
    other = Scene()
    scene = Scene(fallback=other)

    class Refusing(Counting):
        async def ask(self, request: Request, visit: Visit | None) -> Reply:
            raise Refused("no")

    scene.cached.retrying.provider = Refusing(provider="refusing", model="m")
    assert scene.all({}) == ["1"]
    assert len(other.asked) == 1
    assert [call.get("error") for call in scene.calls] == ["Refused", None]


def test_a_stopped_run_still_has_what_was_answered() -> None:
    scene = Scene()
    scene.all({})
    scene.ledger.stop(Interrupted("stop"))
    assert scene.all({}) == ["1"]
    with pytest.raises(Interrupted):
        scene.all({"record": "r2"})


def test_keys_stay_what_they_are_and_tools_make_another() -> None:
    scene = Scene()
    visit = Visit({}, "r1", "draft", 1, 0)
    messages = [{"role": "user", "content": "hi"}]

    def key(**more: Any) -> str:
        request = Request(messages, {"top_p": 0.5}, **more)
        return scene.cached._key(request, scene.cached.asked(request), visit, 2).hex()

    assert key() == "d8b2607bf2561b35dc283886f33aecc2", "answers that users have paid for would be lost"
    assert key(accept=lambda reply: reply.text, draw=7) == key()
    tool = {"type": "function", "function": {"name": "add"}}
    keys = {key(), key(tools=[tool]), key(tools=[tool, tool]), key(tools=[tool], tool_choice="required")}
    assert len(keys) == 4


def test_the_bytes_of_an_image_are_in_the_key_but_not_in_the_store() -> None:
    def image(data: str) -> list[dict[str, Any]]:
        url = f"data:image/png;base64,{data * 1000}"
        return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]

    kept: list[Call] = []

    class Keeping(Store):
        def keep(self, call: Call) -> None:
            kept.append(call)
            super().keep(call)

    scene = Scene(Keeping())

    async def run() -> list[str]:
        visit = Visit({}, "r1", "draft", 1, 0)
        return [(await scene.cached.ask(Request(image(data)), visit)).reply.text for data in "aba"]

    assert asyncio.run(run()) == ["1", "2", "1"]
    assert all(len(call.asked) < 200 for call in kept)
    assert len(scene.asked[0].messages[0]["content"][0]["image_url"]["url"]) > 1000, "but all of it is sent"


def test_whether_an_answer_is_known() -> None:
    scene = Scene(params={"top_p": 0.5})
    request, visit = Request([{"role": "user", "content": "hi"}]), Visit({}, "r1", "draft", 1, 0)
    assert not scene.cached.knows(request, visit)
    scene.all({})
    assert scene.cached.knows(request, visit)
    assert not scene.cached.knows(request, visit, 1)
    off = Scene(scene.store, cache="off", params={"top_p": 0.5})
    assert not off.cached.knows(request, visit)
    assert scene.cached.load == 0
