"""The embedded model, with the smallest one. `make setup` has fetched it: `seedbed models get 135m`."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from seedbed.errors import InputError, MissingExtra, ModelError, Refused, Unavailable
from seedbed.graph.contracts import Visit
from seedbed.models import embedded
from seedbed.models.catalogue import entry
from seedbed.models.contract import Reply, Request
from seedbed.models.providers.local import Local
from seedbed.models.weights import cached, place

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module", autouse=True)
def loaded() -> Iterator[None]:
    """Keeps the model loaded from test to test."""
    tiny = entry("135m")
    if not cached(tiny):
        pytest.fail("the smallest embedded model is not in the cache: run `make setup`, or `seedbed models get 135m`")
    engine = embedded.acquire(place(tiny, tiny.files[0]), embedded.Shape(context=512, slots=4, threads=1))
    yield
    embedded.release(engine)


def local(**more: Any) -> Local:
    model = Local(provider="local", **{"model": "135m", "context": 512, **more})
    model._name = "tiny"
    return model


def ask(text: str, **params: Any) -> Request:
    return Request([{"role": "user", "content": text}], {"temperature": 0, "max_tokens": 12, **params})


def replies(model: Local, *requests: Request) -> list[Reply]:
    """All at once."""

    async def run() -> list[Reply]:
        await model.open(Path())
        try:
            return await asyncio.gather(*(model.ask(request, None) for request in requests))
        finally:
            await model.close()

    return asyncio.run(run())


def failure(model: Local, request: Request) -> ModelError:
    with pytest.raises(ModelError) as raised:
        replies(model, request)
    return raised.value


def test_a_reply_says_what_it_cost_and_why_it_ended() -> None:
    (cut,) = replies(local(), ask("Tell me a story.", max_tokens=5))
    assert cut.finish_reason == "length"
    assert cut.usage.output == 5
    assert cut.usage.input > 5
    assert cut.text
    assert cut.model == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert cut.seconds > 0
    assert cut.mode == ""


def test_a_schema_is_obeyed() -> None:
    (reply,) = replies(local(), Request([{"role": "user", "content": "Invent a person."}], {"max_tokens": 80}, PERSON))
    person = json.loads(reply.text)
    assert set(person) == {"name", "age"}
    assert isinstance(person["age"], int)
    assert reply.mode == "json_schema"
    assert reply.finish_reason == "stop"


def test_logprobs_are_one_for_each_token() -> None:
    (reply,) = replies(local(), ask("Hello", logprobs=True, top_logprobs=3, max_tokens=4))
    assert reply.logprobs is not None
    assert len(reply.logprobs) == 4
    assert "".join(one["token"] for one in reply.logprobs) == reply.text
    assert len(reply.logprobs[0]["top_logprobs"]) == 3


def test_an_answer_ends_though_nobody_says_where() -> None:
    model = local(slots=1)
    assert model._body(Request([]), None)["max_tokens"] == 512
    assert model._body(Request([], {"max_tokens": 9}), None)["max_tokens"] == 9


def test_one_slot_repeats_itself_whatever_came_before() -> None:
    first, _, again = replies(local(slots=1), ask("Name a fruit."), ask("Name a tool."), ask("Name a fruit."))
    assert first.text == again.text
    assert again.usage.cached_input == 0


def test_draws_follow_the_seed_the_record_and_the_attempt() -> None:
    model = local()

    def seed(request: Request, visit: Visit | None = None) -> int:
        return int(model._body(request, visit)["seed"])

    def visit(record: str, seed: int = 1, number: int = 1) -> Visit:
        return Visit({}, record, "node", number, seed)

    request = ask("Hello", temperature=1)
    assert seed(request) == seed(ask("Hello", temperature=1))
    assert seed(request) != seed(ask("Bye", temperature=1))
    seeds = {seed(request, one) for one in (visit("a"), visit("b"), visit("a", seed=2), visit("a", number=2))}
    assert len(seeds) == 4
    assert seed(request, visit("a")) == seed(request, visit("a"))
    assert seed(Request([], {"seed": 5}), visit("a")) == 5
    assert seed(Request([], draw=7), visit("a")) == seed(Request([], draw=7), visit("b")) == 7


def test_drawn_answers_differ_by_seed_and_repeat_with_it() -> None:
    hot = [ask("Tell me a story.", temperature=1.5, seed=seed) for seed in (1, 2, 1)]
    one, two, again = replies(local(slots=1), *hot)
    assert one.text == again.text != two.text


def test_a_prompt_that_does_not_fit_is_refused_with_both_counts() -> None:
    error = failure(local(), ask("word " * 2000))
    assert isinstance(error, Refused)
    assert "2031 tokens" in error.message
    assert "a context of 512" in error.message
    assert "raise `context:`" in error.hint


@pytest.mark.parametrize(
    "request_",
    [
        ask("x", temperature="hot"),
        Request([{"role": "user"}]),
        Request([{"role": "user", "content": "x"}], {}, {"type": "nonsense"}),
    ],
)
def test_a_wrong_request_is_refused(request_: Request) -> None:
    assert isinstance(failure(local(), request_), Refused)


def test_providers_of_one_file_share_one_model() -> None:
    async def run() -> list[int]:
        one, two, other = local(context=600), local(context=550), local(slots=1)
        counts = []
        for model in (one, two, other):
            await model.open(Path())
            counts.append(len(embedded._engines))
        assert one._engine is two._engine
        for model in (one, two, other):
            await model.close()
            counts.append(len(embedded._engines))
        return [count - before for count in counts]

    before = len(embedded._engines)
    assert asyncio.run(run()) == [1, 1, 2, 2, 1, 0]


def test_slots_are_the_concurrency_and_the_address_the_model() -> None:
    assert local(slots=3).default_concurrency() == 3
    assert Local(provider="local").address() == "local:1.5b"
    assert Local(provider="local").identity() == Local(provider="local", model="1.5b").identity()
    assert local(slots=3, threads=1).identity() == local(slots=3).identity()


def test_a_cancelled_call_stops_and_the_next_is_answered() -> None:
    async def run() -> tuple[float, str]:
        model = local(slots=1, context=4096)
        await model.open(Path())
        long = asyncio.create_task(model.ask(ask("Tell me a long story.", max_tokens=4000), None))
        await asyncio.sleep(0.3)
        long.cancel()
        started = time.monotonic()
        reply = await model.ask(ask("Say hello."), None)
        await model.close()
        return time.monotonic() - started, reply.text

    seconds, text = asyncio.run(run())
    assert text
    assert seconds < 8  # 4,000 tokens would take 25 seconds and more


def test_closing_cuts_short_what_is_being_answered() -> None:
    async def run() -> None:
        model = local(context=4096)
        await model.open(Path())
        long = asyncio.create_task(model.ask(ask("Tell me a long story.", max_tokens=4000), None))
        await asyncio.sleep(0.3)
        await model.close()
        with pytest.raises(Unavailable, match="closed"):
            await long
        with pytest.raises(Unavailable, match="closed"):
            await model.ask(ask("Hello"), None)

    asyncio.run(run())


ENDINGS = """
import asyncio, sys
from pathlib import Path
from seedbed.models.contract import Request
from seedbed.models.providers.local import Local

how = sys.argv[1]
model = Local(provider="local", model="135m", context=4096)

async def main():
    await model.open(Path())
    request = Request([{"role": "user", "content": "Tell me a story."}], {"max_tokens": 4000})
    call = asyncio.create_task(model.ask(request, None))
    await asyncio.sleep(0.3)
    print("asked", flush=True)
    if how == "raise":
        raise RuntimeError("on purpose")
    if how == "close":
        await model.close()
    sys.exit(5)

asyncio.run(main())
"""


@pytest.mark.parametrize(("how", "code"), [("close", 5), ("leave", 5), ("raise", 1)])
def test_the_process_ends_at_once_with_its_own_code(how: str, code: int) -> None:
    done = subprocess.run([sys.executable, "-c", ENDINGS, how], capture_output=True, text=True, timeout=20)
    assert done.stdout == "asked\n"
    assert done.returncode == code
    assert ("on purpose" in done.stderr) == (how == "raise")
    assert "terminate" not in done.stderr


def test_an_attempt_has_its_time() -> None:
    error = failure(local(timeout=0.3), ask("Tell me a long story.", max_tokens=400))
    assert isinstance(error, Unavailable)
    assert "no answer in 0.3 seconds" in error.message


@pytest.mark.parametrize(
    ("model", "said"), [("125m", "did you mean `local/135m`"), ("bge-small", "makes vectors and cannot answer")]
)
def test_a_name_that_is_no_model_is_an_error_of_the_file(model: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        local(model=model)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own.gguf").symlink_to(place(entry("135m"), entry("135m").files[0]))

    async def run() -> Reply:
        model = local(model="./own.gguf")
        await model.open(tmp_path)
        reply = await model.ask(ask("Hello"), None)
        await model.close()
        return reply

    assert asyncio.run(run()).text
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(50))
    with pytest.raises(InputError, match="cannot load"):
        asyncio.run(local(model="./broken.gguf").open(tmp_path))


def test_without_the_extra_its_install_line_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(MissingExtra, match=r"seedbed\[local\]"):
        asyncio.run(local(slots=2).open(Path()))


def test_tools_are_told_in_words_and_called_by_decoding() -> None:
    city = {"type": "object", "properties": {"city": {"enum": ["Paris", "Rome"]}}, "required": ["city"]}
    tool = {"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": city}}
    asked = ask("What is the weather in Paris?", max_tokens=60)
    asked.tools, asked.tool_choice = [tool], "required"
    (reply,) = replies(local(), asked)
    (call,) = reply.tool_calls or []
    assert (call.name, call.id, reply.text, reply.finish_reason) == ("weather", "call_1_0", "", "tool_calls")
    assert json.loads(call.arguments)["city"] in ("Paris", "Rome")
    assert asked.schema is None
