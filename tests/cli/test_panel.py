import re
import signal
from collections import Counter
from types import SimpleNamespace

import pytest

from seedbed.cli.progress import Pace, Speed, part_done, seconds_left
from seedbed.run.counts import StepCounts
from seedbed.run.prepare import prepare

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


@pytest.fixture
def slow(project):
    project.change("p.yaml", "rules: rules.yaml", "rules: rules.yaml, latency: 0.4, limits: {concurrency: 2}")
    return project


def plain(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_is_drawn_and_erased(slow, terminal):
    with terminal("run", "p.yaml") as shown:
        text = shown.read()
        assert shown.process.wait(30) == 1
    for word in ("of 7 read", "calls/s", "tokens/s", "in flight", "waiting", "writer"):
        assert word in plain(text)
    assert text.rindex(SHOW) > text.rindex(HIDE)
    after = plain(text[text.rindex(SHOW) :])
    assert "done: 3 records" in after
    assert "in flight" not in after


def test_the_first_interrupt_brings_the_cursor_back_and_drains(slow, terminal):
    with terminal("run", "p.yaml") as shown:
        shown.read("calls/s")
        shown.process.send_signal(signal.SIGINT)
        shown.read("stopping: waiting")
        assert shown.text.rindex(SHOW) > shown.text.rindex(HIDE)
        text = shown.read()
        assert shown.process.wait(30) == 3
    assert "stopped: " in plain(text)


def test_the_second_interrupt_leaves_a_sane_terminal(slow, terminal):
    slow.change("p.yaml", "latency: 0.4", "latency: 20")
    with terminal("run", "p.yaml") as shown:
        shown.read("calls/s")
        shown.process.send_signal(signal.SIGINT)
        shown.read("stopping: waiting")
        shown.process.send_signal(signal.SIGINT)
        text = shown.read()
        assert shown.process.wait(10) == 3
    assert text.rindex(SHOW) > text.rindex(HIDE)


def test_a_bug_leaves_a_sane_terminal(slow, terminal):
    slow.write("hooks.py", "import os\n\ndef boom(n):\n    raise SystemError('boom') if n < 0 else KeyboardInterrupt\n")
    slow.change("p.yaml", '{type: filter, where: "n != 2"}', "{type: function, call: './hooks.py:boom'}")
    with terminal("run", "p.yaml") as shown:
        text = shown.read()
        assert shown.process.wait(30) not in (0, 1)
    assert HIDE in text
    assert text.rindex(SHOW) > text.rindex(HIDE)


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_is_not_drawn_when_not_wanted(project, terminal, option):
    with terminal("run", "p.yaml", option) as shown:
        assert "\x1b[" not in shown.read().replace(HIDE, "\x1b[")
        assert shown.process.wait(30) == 1


def test_data_cannot_play_tricks_on_the_terminal(slow, terminal):
    evil = r"\u001b]0;evil\u0007[bold]\u202e"
    slow.change("p.yaml", '{type: filter, where: "n != 2"}', f'{{type: filter, where: "n != 2", reason: "{evil}"}}')
    with terminal("run", "p.yaml") as shown:
        text = shown.read()
    assert "\x1b]0" not in text
    assert "\u202e" not in text
    assert r"\x1b]0;evil\x07[bold]\u202e" in plain(text)


# the arithmetic


def counts(pipeline, **figures):
    made = [StepCounts(name) for name in ("source", *(step.name for step in pipeline.steps), "output")]
    for count in made:
        for name, value in figures.get(count.name.replace(".", "_"), {}).items():
            setattr(count, name, Counter({"why": value}) if name in ("dropped", "failed") else value)
    return made


def test_part_is_what_the_models_have_done(project):
    pipeline = prepare("p.yaml")
    none = counts(pipeline)
    assert part_done(pipeline, none, None) is None
    assert part_done(pipeline, none, 100) == 0
    half = counts(pipeline, source={"taken": 80, "given": 80}, graph={"taken": 80, "waiting": 40, "ready": 10})
    assert part_done(pipeline, half, 100) == pytest.approx(0.5)
    bad = counts(pipeline, source={"taken": 100, "given": 50, "failed": 50}, graph={"taken": 50, "given": 50})
    assert part_done(pipeline, bad, 100) == 1.0


def test_part_of_what_a_sample_lets_through(project):
    project.change("p.yaml", "  - type: graph", "  - {type: sample, n: 20}\n  - type: graph")
    pipeline = prepare("p.yaml")
    sample, graph = {"taken": 100, "given": 12}, {"taken": 12, "waiting": 2}
    figures = counts(pipeline, source={"taken": 100, "given": 100}, sample=sample, graph=graph)
    assert part_done(pipeline, figures, 100) == pytest.approx(0.5)


def test_part_of_a_target(project):
    project.change("p.yaml", "output: {n", "target: {accepted: 4}\noutput: {n")
    pipeline = prepare("p.yaml")
    assert part_done(pipeline, counts(pipeline, output={"given": 1}), None) == 0.25


def test_pace_looks_at_the_last_seconds():
    pace = Pace()
    assert pace.add(0, 0, 0.0, now=100.0) == Speed()
    assert pace.add(20, 200, 0.1, now=102.0) == Speed(10, 100, 0.05)
    for second in range(103, 300):
        speed = pace.add(20, 200, 0.1, now=float(second))
        if second == 120:
            assert speed == Speed(0, 0, 0.005)
    assert speed == Speed(0, 0, 0)
    assert seconds_left(0.1, speed) is None
    assert seconds_left(0.5, Speed(part=0.05)) == pytest.approx(10)


def test_a_panel_does_not_fail_before_there_is_anything_to_show():
    from rich.console import Console

    from seedbed.cli.panel import Panel
    from seedbed.cli.watch import Silent

    panel = Panel(Console(), Silent())
    panel.tick(SimpleNamespace(counts=[]))
    panel.close()
    panel.close()
