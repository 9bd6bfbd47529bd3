"""Pipelines run from Python: the same runs as from the command line, in notebooks and loops too."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seedbed
from seedbed.errors import BudgetReached, InputError, MissingExtra, SpecError
from seedbed.registry import own
from seedbed.run.store import read_meta

COUNTED = """
from pathlib import Path

def counted(id):
    with Path({log!r}).open("a") as log:
        log.write(f"{{id}}\\n")
    return id
"""


@pytest.fixture(autouse=True)
def _working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(own, "_types", {})


def rows(n: int) -> list[dict[str, Any]]:
    return [{"id": f"r{i:04}", "n": i} for i in range(n)]


def facts(n: int = 8) -> seedbed.Pipeline:
    """A pipeline with a model, a step that drops, and no sink."""
    return (
        seedbed.Pipeline("facts", seed=3)
        .model("writer", provider="scripted", price={"input": 1.0, "output": 2.0})
        .source(rows(n))
        .llm("fact", model="writer", prompt="A fact about {{ n }}.", schema={"text": "str", "sure": "bool"})
        .filter("n != 2", reason="two")
    )


def logged(tmp_path: Path, n: int) -> tuple[seedbed.Pipeline, Callable[[], list[str]]]:
    """A pipeline whose function notes each record it is called for."""
    log = tmp_path / "log"
    (tmp_path / "hooks.py").write_text(COUNTED.format(log=str(log)))
    pipeline = seedbed.Pipeline("logged").source(rows(n)).function("seen", "./hooks.py:counted")
    return pipeline, lambda: log.read_text().split() if log.exists() else []


def test_a_run_tells_what_came_of_it(tmp_path: Path) -> None:
    run = facts().run()
    assert run.status == "finished"
    assert run.ok
    assert run.folder.parent == tmp_path / "runs" / "facts"
    found = list(run.records())
    assert [row["id"] for row in found] == [f"r{i:04}" for i in range(8) if i != 2]
    assert isinstance(found[0]["fact"]["text"], str)
    assert [(reject["id"], reject["error"]) for reject in run.dropped] == [("r0002", "two")]
    assert run.failed == []
    assert run.cost.calls == 8
    assert run.cost.tokens == run.cost.input + run.cost.output > 0
    assert run.cost.usd == pytest.approx((run.cost.input + 2 * run.cost.output) / 1e6)
    assert repr(run).startswith(f"<Run facts/{run.folder.name} finished: 7 records, 1 dropped, 0 failed")


def test_the_same_pipeline_again_asks_nothing() -> None:
    first, second = facts().run(), facts().run()
    assert second.summary.untouched
    assert second.folder == first.folder
    assert second.cost == first.cost
    assert list(second.records()) == list(first.records())
    assert facts().run(fresh=True).folder != first.folder


def test_it_runs_where_a_loop_runs_already() -> None:
    async def notebook() -> int:
        return len(list(facts().run().records()))

    assert asyncio.run(notebook()) == 7


def test_arun_runs_in_the_loop_of_its_caller() -> None:
    threads: list[Any] = []

    async def note(n: int) -> int:
        threads.append(asyncio.get_running_loop())
        return n

    async def main() -> Any:
        run = await facts(3).function("noted", note).arun()
        assert set(threads) == {asyncio.get_running_loop()}
        return run

    assert asyncio.run(main()).status == "finished"


def test_a_cancelled_arun_can_be_gone_on_with(tmp_path: Path) -> None:
    pipeline = slow(tmp_path, 6)

    async def main() -> None:
        task = asyncio.create_task(pipeline.arun())
        while not (tmp_path / "log").exists():
            await asyncio.sleep(0.01)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    run = pipeline.run()
    assert run.summary.resumed
    assert len(list(run.records())) == 6
    called = (tmp_path / "log").read_text().split()
    assert len(called) == len(set(called))


def slow(tmp_path: Path, n: int) -> seedbed.Pipeline:
    (tmp_path / "slow.py").write_text(
        "import asyncio\nfrom pathlib import Path\nlock = None\n"
        "async def slowly(id):\n"
        "    global lock\n"
        "    lock = lock or asyncio.Lock()\n"
        "    async with lock:\n"
        "        await asyncio.sleep(0.1)\n"
        f"        with Path({str(tmp_path / 'log')!r}).open('a') as log:\n"
        "            log.write(id + '\\n')\n"
        "    return id\n"
    )
    return seedbed.Pipeline("slow").source(rows(n)).function("done", "./slow.py:slowly")


@pytest.mark.parametrize("sink", ["", "a.csv", "a.jsonl", "a.parquet"])
@pytest.mark.parametrize("output", [{}, {"text": "{{ fact.text }}", "n": "{{ n }}"}])
def test_records_are_the_same_wherever_they_went(sink: str, output: dict[str, Any]) -> None:
    pipeline = facts()
    if output:
        pipeline.output(output)
    if sink:
        pipeline.sink(sink)
    run = pipeline.run()
    found = list(run.records())
    assert len(found) == 7
    assert found[0]["id"] == "r0000"
    assert found[3]["n"] == 4
    assert found[0].keys() == ({"id", "text", "n"} if output else {"id", "n", "fact"})


def test_records_are_made_again_without_working_anew(tmp_path: Path) -> None:
    pipeline, called = logged(tmp_path, 5)
    run = pipeline.shuffle().sink("a.csv").run()
    before = len(called())
    first, second = list(run.records()), list(run.records())
    assert first == second
    assert len(first) == 5
    assert len(called()) == before == 5
    assert next(iter(run.records())) == first[0]


def test_a_budget_stops_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    with pytest.raises(BudgetReached) as stopped:
        facts(300).budget(calls=100).run()
    folder = Path(stopped.value.__notes__[0].removeprefix("run directory: "))
    assert folder.is_dir()
    run = facts(300).budget(calls=1000).run()
    assert run.folder == folder
    assert run.cost.calls == 300


def test_failed_records_raise_nothing() -> None:
    def picky(n: int) -> int:
        if n == 3:
            raise ValueError("not three")
        return n

    pipeline = seedbed.Pipeline("picky").source(rows(5)).function("x", picky)
    run = pipeline.run()
    assert not run.ok
    assert pipeline.run(max_failed=20).ok
    (reject,) = run.failed
    assert reject["id"] == "r0003"
    assert "not three" in reject["message"]
    assert len(list(run.records())) == 4


def test_failed_records_can_be_tried_again(tmp_path: Path) -> None:
    (tmp_path / "hooks.py").write_text(
        "from pathlib import Path\ndef f(n):\n    if not Path('ready').exists(): raise ValueError('no')\n    return n\n"
    )
    pipeline = seedbed.Pipeline("again").source(rows(3)).function("x", "./hooks.py:f")
    assert len(pipeline.run().failed) == 3
    (tmp_path / "ready").touch()
    run = pipeline.run(retry_failed=True)
    assert run.failed == []
    assert len(list(run.records())) == 3


def test_mistakes_raise_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="nothing writes the field `m`; fields here: fact, n, t"):
        facts().template("t", "{{ m }}").run()
    with pytest.raises(SpecError, match=r"there is no `nowhere\.jsonl`"):
        seedbed.Pipeline("x").source("nowhere.jsonl").check()
    with pytest.raises(SpecError, match="`source` is missing"):
        next(iter(seedbed.Pipeline("x").stream()))
    assert not (tmp_path / "runs").exists()


# load


def test_load_keeps_lines_and_takes_sets(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(
        "name: p\nparams: {word: a}\nsource: {count: 2}\nnodes:\n"
        "  x: {type: template, template: '${params.word}'}\n  y: {type: template, template: '{{ z }}'}\n"
    )
    with pytest.raises(SpecError, match=r"p\.yaml:6:37: nothing writes the field `z`"):
        seedbed.load(file).check()
    file.write_text(file.read_text().replace("{{ z }}", "{{ x }}"))
    assert {row["y"] for row in seedbed.load(file).run().records()} == {"a"}
    assert {row["y"] for row in seedbed.load(file, {"params.word": "3"}).run().records()} == {"3"}
    assert {row["y"] for row in seedbed.load(file, ["params.word=c"]).run().records()} == {"c"}
    with pytest.raises(InputError, match=r"there is no file .*q\.yaml"):
        seedbed.load(tmp_path / "q.yaml")


def test_a_file_and_its_twin_in_python_are_one_pipeline(tmp_path: Path) -> None:
    pipeline = facts().sink("out.jsonl")
    (tmp_path / "facts.yaml").write_text(pipeline.to_yaml())
    first = pipeline.run()
    second = seedbed.load(tmp_path / "facts.yaml").run()
    assert second.summary.untouched
    assert second.folder == first.folder


# stream


def test_a_stream_gives_the_rows_as_they_come() -> None:
    streamed = list(facts().stream())
    assert streamed == list(facts().run().records())
    assert streamed == list(facts().stream())


def test_a_stream_that_is_left_can_be_gone_on_with(tmp_path: Path) -> None:
    pipeline, called = logged(tmp_path, 2000)
    for number, row in enumerate(pipeline.stream()):
        if number == 4:
            assert row["id"] == "r0004"
            break
    run = pipeline.run()
    assert run.summary.resumed
    assert len(list(run.records())) == 2000
    assert len(called()) == len(set(called())) == 2000


def test_a_stream_holds_back_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedbed.run.worker.MOST_WAITING", 100)
    pipeline, called = logged(tmp_path, 1000)
    stream = pipeline.stream()
    next(stream)
    seen = -1
    while seen != (seen := len(called())):
        time.sleep(0.3)
    assert seen < 300
    assert sum(1 for _ in zip(range(5), stream, strict=False)) == 5
    stream.close()  # type: ignore[attr-defined]


def test_a_stream_raises_what_stops_the_run() -> None:
    got: list[str] = []
    with pytest.raises(BudgetReached):
        got.extend(row["id"] for row in facts(300).budget(calls=100).stream())
    assert got == sorted(got)


# what it leaves alone


def test_nothing_is_printed_unless_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    facts().run()
    assert capsys.readouterr() == ("", "")
    facts(9).run(progress="plain")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"finished: 9 read · 8 done · 1 dropped · 0 failed · {facts(9).run().cost.usd:.4f} USD\n"


def test_no_signal_handler_is_installed() -> None:
    seen = []

    def look(n: int) -> int:
        seen.append((signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)))
        return n

    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    seedbed.Pipeline("look").source(rows(2)).function("x", look).run()
    assert set(seen) == {before}


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
def test_ctrl_c_leaves_the_run_to_be_gone_on_with(tmp_path: Path) -> None:
    slow(tmp_path, 9)
    script = (
        "import seedbed\n"
        "rows = [{'id': f'r{i:04}', 'n': i} for i in range(9)]\n"
        "p = seedbed.Pipeline('slow').source(rows).function('done', './slow.py:slowly')\n"
        "try:\n    print(p.run())\nexcept KeyboardInterrupt:\n    print('interrupted')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    while not (tmp_path / "log").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[0] == "interrupted\n"
    (folder,) = (tmp_path / "runs" / "slow").iterdir()
    assert read_meta(folder)["status"] == "stopped"
    run = slow(tmp_path, 9).run()
    assert run.folder == folder
    called = (tmp_path / "log").read_text().split()
    assert len(called) == len(set(called)) == 9


# tables


def test_to_arrow_keeps_types() -> None:
    table = facts().run().to_arrow()
    assert table.num_rows == 7
    assert str(table.schema.field("n").type) == "int64"
    assert str(table.schema.field("fact").type) == "struct<text: string, sure: bool>"


@pytest.mark.parametrize(
    ("module", "method", "extra"),
    [("pyarrow", "to_arrow", "parquet"), ("pandas", "to_pandas", "pandas"), ("datasets", "to_hf", "hf")],
)
def test_a_missing_extra_is_named(module: str, method: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = facts().run()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'seedbed\[{extra}\]'"):
        getattr(run, method)()


# functions


def test_registered_functions_run_in_pipelines_of_this_process(tmp_path: Path) -> None:
    @seedbed.node
    def shout(text: str, mark: str = "!") -> str:
        return text.upper() + mark

    @seedbed.step
    def twice(**fields: Any) -> list[dict[str, Any]]:
        return [fields, fields]

    (tmp_path / "p.yaml").write_text(
        "name: p\nsource: [{text: a}, {text: b}]\nsteps:\n  - type: graph\n    nodes:\n"
        "      loud: {type: shout, params: {mark: '?'}}\n  - {type: twice}\n"
    )
    assert [row["loud"] for row in seedbed.load("p.yaml").run().records()] == ["A?", "A?", "B?", "B?"]
    built = seedbed.Pipeline("q").source([{"text": "a"}]).shout("loud").twice()
    assert [row["loud"] for row in built.run().records()] == ["A!", "A!"]


def test_another_function_makes_another_pipeline() -> None:
    def add(k: int) -> Any:
        return lambda n: n + k

    runs = [seedbed.Pipeline("add").source(rows(2)).function("x", add(k)).run() for k in (1, 2, 1)]
    assert [[row["x"] for row in run.records()] for run in runs] == [[1, 2], [2, 3], [1, 2]]
    assert runs[0].folder == runs[2].folder != runs[1].folder


def test_the_shop_window_is_lazy() -> None:
    script = (
        "import sys, seedbed; print([m for m in sys.modules if m.split('.')[0] in ('pydantic', 'aiohttp', 'ruamel')])"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
    assert set(seedbed.__all__) <= {*dir(seedbed)}
