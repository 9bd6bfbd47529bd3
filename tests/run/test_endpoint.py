"""Endpoints that are not there, go away, refuse, throttle and break: nothing is lost, and the message is one."""

from __future__ import annotations

import socket
from collections import Counter
from typing import Any

import pytest

from seedbed.errors import AccessDenied, EndpointDown
from seedbed.testing.server import ScriptedServer

PROMPT = "Write on {{ topic }}."


def write(project: Any, entry: dict[str, Any], records: int = 20, prompt: str = PROMPT, **node: Any) -> None:
    project.seeds(*[{"id": f"s{i}", "topic": f"topic {i:03}"} for i in range(records)])
    project.pipeline(
        models={"w": entry},
        source="seeds.jsonl",
        nodes={"text": {"type": "llm", "model": "w", "prompt": prompt, **node}},
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


# no endpoint


def test_dead_from_the_start_then_there(project: Any, model: Any) -> None:
    port = free_port()
    write(project, model(f"http://127.0.0.1:{port}/v1", retries=1))
    ran = project.run()
    assert ran.code == 3
    assert ran.err.count("cannot reach") == 1
    assert "model `w`: cannot reach" in ran.err
    assert "Connection refused" in ran.err
    assert "Traceback" not in ran.err
    assert (project.failed(), project.dropped()) == ([], [])
    assert not (project.folder / "out.jsonl").exists()
    with ScriptedServer(port=port) as server:
        summary = project.go()
        assert (summary.exit_code(), summary.accepted, server.counts.received) == (0, 20, 20)
    assert len(project.runs) == 1


def test_goes_away_in_the_middle_and_comes_back(project: Any, model: Any, until: Any) -> None:
    with ScriptedServer(latency=0.03) as server:
        write(project, model(server, retries=1), 60)
        process = project.start("run", "p.yaml", "--quiet")
        until(lambda: server.counts.answered >= 20)
        server.stop()
        ran = project.end(process)
        assert ran.code == 3, ran.err
        assert ran.err.count("the same command goes on") == 1
        assert project.failed() == []
        answered = server.counts.answered
    port = int(server.url.split(":")[2].split("/")[0])
    with ScriptedServer(port=port) as again:
        summary = project.go()
        assert (summary.exit_code(), summary.accepted) == (0, 60)
        assert 60 - answered <= again.counts.received <= 60 - answered + 16
    assert [row["id"] for row in project.rows()] == [f"s{i}" for i in range(60)]


@pytest.mark.parametrize(
    ("rule", "said"), [([], "this key is not known"), ([{"fail": 403}], "scripted failure")], ids=["401", "403"]
)
def test_a_key_that_is_not_accepted(project: Any, model: Any, rule: list[Any], said: str) -> None:
    key = {"api_key": None if rule else "right"}
    with ScriptedServer(rule, latency=0.01, **key) as server:
        write(project, model(server, api_key="wrong-key"), 200)
        ran = project.run()
        assert ran.code == 3
        assert ran.err.count(said) == 1
        assert "check the model's `api_key`" in ran.err
        assert server.counts.received <= 8
        assert project.failed() == []
        server.rules = []
        project.pipeline(
            models={"w": model(server, api_key="right")},
            source="seeds.jsonl",
            nodes={"text": {"type": "llm", "model": "w", "prompt": PROMPT}},
        )
        assert project.go().accepted == 200
    assert len(project.runs) == 1


def test_a_message_is_not_told_again_by_each_record(project: Any, model: Any) -> None:
    with ScriptedServer([{"fail": 401}]) as server:
        write(project, model(server, limits={"concurrency": 4, "rpm": 6000}), 50)
        stop = project.go().stop
    assert isinstance(stop, AccessDenied)
    assert str(stop).count("model `w`") == 1


def test_a_wrong_path_fails_clearly_and_is_asked_once(project: Any, model: Any) -> None:
    with ScriptedServer([{"fail": 404}]) as server:
        write(project, model(server), 5)
        summary = project.go()
        assert (summary.exit_code(), summary.failed) == (1, 5)
        assert server.counts.received == 5
    assert all("check the model's `base_url` and `model`" in line["message"] for line in project.failed())


@pytest.mark.parametrize("url", ["http://nowhere.invalid/v1", "https://127.0.0.1:PORT/v1"], ids=["name", "tls"])
def test_one_that_cannot_be_talked_to(project: Any, model: Any, url: str) -> None:
    with ScriptedServer() as server:
        port = server.url.split(":")[2].split("/")[0]
        write(project, model(url.replace("PORT", port), retries=0, timeout=1))
        summary = project.go()
    assert isinstance(summary.stop, EndpointDown)
    assert summary.exit_code() == 3
    assert url.split("/")[2].split(":")[0] in str(summary.stop)
    assert project.failed() == []


# throttled


def test_a_storm_of_429_with_fractions_of_a_second(project: Any, model: Any) -> None:
    with ScriptedServer([{"fail": {"status": 429, "retry_after": 0.15, "times": 20}}], latency=0.005) as server:
        write(project, model(server), 30)
        summary = project.go()
        assert (summary.exit_code(), summary.accepted) == (0, 30)
        refused = [seen.time for seen in server.requests if seen.status == 429]
        burst = [seen.time for seen in server.requests if seen.time < refused[0] + 0.14]
        assert len(refused) == 20
        assert len(burst) <= 8, "nobody comes before the time that was asked for"


@pytest.mark.parametrize("concurrency", [32, "auto"])
def test_an_endpoint_that_takes_far_fewer_at_once(project: Any, model: Any, concurrency: Any) -> None:
    with ScriptedServer(latency=0.02, max_in_flight=3) as server:
        write(project, model(server, limits={"concurrency": concurrency}), 60)
        summary = project.go()
        assert (summary.exit_code(), summary.accepted) == (0, 60)
        assert server.counts.refused > 0
        assert server.counts.answered == 60
        assert server.counts.refused < 120, "it learns"


def test_a_window_of_requests(project: Any, model: Any) -> None:
    with ScriptedServer(max_requests=15, window=0.5) as server:
        write(project, model(server), 40)
        assert project.go().accepted == 40
        assert server.counts.answered == 40


# broken


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "every": 4},
        {"status": 503, "every": 4, "retry_after": 0.05},
        {"kind": "drop", "every": 4},
        {"kind": "half", "every": 4},
        {"kind": "garbage", "every": 4},
        {"kind": "empty", "every": 4},
        {"kind": "cut", "every": 4},
        {"kind": "hang", "after": 3, "times": 2},
    ],
    ids=lambda fault: str(fault.get("status") or fault["kind"]),
)
def test_a_fault_now_and_then_costs_an_attempt_and_no_record(project: Any, model: Any, fault: dict[str, Any]) -> None:
    with ScriptedServer([{"fail": fault}]) as server:
        write(project, model(server, timeout=0.5 if fault.get("kind") == "hang" else 20))
        summary = project.go()
        assert (summary.exit_code(), summary.accepted) == (0, 20)
        assert server.counts.received > 20
        assert summary.total.retries == server.counts.received - 20
    assert len({row["text"] for row in project.rows()}) == 20


@pytest.mark.parametrize("retries", [0, 2])
@pytest.mark.parametrize("kind", [{"status": 503, "retry_after": 0.01}, "empty", "cut"], ids=str)
def test_one_bad_record_is_asked_so_often_and_hurts_no_other(project: Any, model: Any, retries: int, kind: Any) -> None:
    with ScriptedServer([{"contains": "topic 003", "reply": "much too long", "fail": kind}]) as server:
        write(project, model(server, retries=retries), 10)
        summary = project.go()
        assert (summary.exit_code(), summary.accepted, summary.failed) == (1, 9, 1)
        asked = Counter(seen.prompt for seen in server.requests)
    assert asked.pop("Write on topic 003.") == retries + 1
    assert set(asked.values()) == {1}
    (line,) = project.failed()
    assert (line["id"], line["source"], line["line"], line["where"]) == ("s3", "seeds.jsonl", 4, "text")
    assert line["attempts"] == retries + 1
    if kind == "cut":
        assert (line["error"], line["reply"]) == ("BadReply", "much t")
        assert "cut at its token limit; raise `max_tokens`" in line["message"]
    elif kind == "empty":
        assert (line["error"], line["reply"], line["message"]) == ("BadReply", "", "the reply is empty")
    else:
        assert (line["error"], "503" in line["message"]) == ("Unavailable", True)


def test_a_record_that_hangs_hurts_no_other(project: Any, model: Any) -> None:
    with ScriptedServer([{"contains": "topic 003", "fail": "hang"}]) as server:
        write(project, model(server, retries=0, timeout=0.4), 10)
        summary = project.go()
    assert (summary.accepted, summary.failed) == (9, 1)
    assert "did not answer within 0.4 s" in project.failed()[0]["message"]


# structured


SCHEMA = {"score": "int 1..5"}


def test_a_reply_that_is_not_json_is_sent_back_with_what_is_wrong(project: Any, model: Any) -> None:
    rules = [
        {"role": "assistant", "contains": "nine", "json": {"score": 4}},
        {"role": "assistant", "contains": "No JSON", "json": {"score": 9, "nine": True}},
        {"contains": "topic 003", "reply": "No JSON here."},
    ]
    with ScriptedServer(rules) as server:
        write(project, model(server), 5, schema=SCHEMA)
        summary = project.go()
        assert (summary.exit_code(), summary.accepted) == (0, 5)
        first, second, third = [seen.messages for seen in server.requests if "003" in seen.messages[0]["content"]]
    assert first == [{"role": "user", "content": "Write on topic 003."}]
    assert second[:2] == [*first, {"role": "assistant", "content": "No JSON here."}]
    assert second[2]["role"] == "user"
    assert "not valid JSON" in second[2]["content"]
    assert third[1] == {"role": "assistant", "content": '{"score":9,"nine":true}'}
    assert "score" in third[2]["content"]
    assert project.rows()[3]["text"] == {"score": 4}


def test_at_most_two_repairs_then_it_fails_with_its_reply(project: Any, model: Any) -> None:
    with ScriptedServer([{"contains": "topic 001", "reply": "No JSON here."}]) as server:
        write(project, model(server, retries=3), 3, schema=SCHEMA)
        summary = project.go()
        assert (summary.accepted, summary.failed) == (2, 1)
        lengths = [len(seen.messages) for seen in server.requests if "001" in seen.messages[0]["content"]]
    assert lengths == [1, 3, 3, 1]
    (line,) = project.failed()
    assert (line["error"], line["attempts"], line["reply"]) == ("BadReply", 4, "No JSON here.")
    assert "not JSON" in line["message"]


def test_two_models_at_one_address_share_one_gate(project: Any, model: Any) -> None:
    with ScriptedServer(latency=0.02) as server:
        project.seeds(*[{"topic": f"topic {i}"} for i in range(20)])
        nodes = {name: {"type": "llm", "model": name, "prompt": f"{name}: {{{{ topic }}}}"} for name in ("a", "b")}
        models = {name: model(server, model=name, limits={"concurrency": 4}) for name in nodes}
        project.pipeline(models=models, source="seeds.jsonl", nodes=nodes)
        assert project.go().accepted == 20
        assert server.counts.answered == 40
        assert server.counts.max_in_flight == 4
