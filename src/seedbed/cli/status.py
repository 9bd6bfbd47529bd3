"""`seedbed status`: how a run stands, whether it goes on or has ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from seedbed.run.inspect import State

__all__ = ["status"]

MOST = 8
"""Ways to fail that are shown."""


@click.command()
@click.argument("run")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default="runs", metavar="DIR",
              help="The runs folder. Default: ./runs.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(run: str, out: Path, as_json: bool) -> None:
    """Say how RUN stands: records by step, calls and costs, failures.

    RUN is a run directory, a run's id or its beginning, or a pipeline's name, which means its latest run.

    \b
    seedbed status critique
    seedbed status 20261120-0830 --json
    """
    import json

    from seedbed.run.folder import find_run
    from seedbed.run.inspect import events_of, failures_of, state_of

    folder = find_run(out, run).resolve()
    state = state_of(folder)
    failures = failures_of(folder)
    events = events_of(folder)
    if as_json:
        click.echo(json.dumps(_object(state, failures, events), ensure_ascii=False, indent=2))
        return
    for line in _lines(state, failures, events):
        click.echo(line)


def _object(state: State, failures: list[Any], events: list[Any]) -> dict[str, Any]:
    from dataclasses import asdict

    meta = state.meta
    return {
        "name": meta.get("name"), "run": state.folder.name, "folder": str(state.folder), "status": state.status,
        "pid": state.pid, "file": meta.get("file"), "started": meta.get("started"), "ended": meta.get("ended"),
        "minutes": meta.get("minutes"), "accepted": state.done, "wanted": meta.get("wanted"),
        "failed": state.total("failed"), "dropped": state.total("dropped"), "calls": meta.get("calls", 0),
        "usd": meta.get("usd", 0.0), "why": meta.get("why", ""), "steps": state.counts, "nodes": meta.get("nodes", []),
        "problems": meta.get("problems", {}), "failures": [asdict(failure) for failure in failures],
        "events": [{"at": at, "event": kind, **data} for at, kind, data in events],
    }  # fmt: skip


def _lines(state: State, failures: list[Any], events: list[Any]) -> list[str]:
    from seedbed.cli.summary import same_command, tables
    from seedbed.cli.text import clean, near

    meta = state.meta
    lines = [*_head(state), *tables(state.counts, meta.get("nodes") or [])]
    if meta.get("problems"):
        problems = sorted(meta["problems"].items(), key=lambda item: -item[1])
        lines += ["", "  failed attempts  " + " · ".join(f"{count:,} {kind}" for kind, count in problems)]
    if failures:
        lines += ["", *_failures(failures)]
    if events:
        lines += ["", *(f"  {_event(*event)}" for event in events)]
    if failures and state.status != "running":
        folder = near(state.folder)
        lines += ["", f"seedbed retry {folder}", f"seedbed trace {folder} {clean(failures[0].example)}"]
    if state.status in ("killed", "stopped", "budget") and not str(meta.get("file", "<")).startswith("<"):
        file = str(Path(meta.get("base", "")) / Path(meta["file"]).name)
        command = same_command(file, meta.get("sets", ()), meta.get("limit"))
        lines += ["", clean(f"{command}    goes on where it stopped")]
    return lines


def _head(state: State) -> list[str]:
    from seedbed.cli.text import clean, duration, moment, money, some, tint

    meta, status = state.meta, state.status
    colour = {"finished": "green", "running": "cyan"}.get(status, "yellow")
    word = f"running, process {state.pid}" if status == "running" else status
    name = clean(f"{meta.get('name', state.folder.parent.name)}/{state.folder.name}")
    parts = [some(state.done, "record")]
    if meta.get("wanted") is not None:
        parts = [f"{state.done:,} of {meta['wanted']:,} records"]
    parts += [f"{state.total(kind):,} {kind}" for kind in ("dropped", "failed") if state.total(kind)]
    if meta.get("calls"):
        parts.append(some(meta["calls"], "call"))
    if meta.get("usd"):
        parts.append(money(meta["usd"]))
    lines = [f"{tint(name, bold=True)}  {tint(word, fg=colour)}", "  " + " · ".join(parts)]
    began = f"began {moment(meta.get('started'))}, took {duration(60 * meta.get('minutes', 0.0))}"
    lines.append(f"  {began} · {clean(str(meta.get('file', '')))}")
    if meta.get("why") and status in ("stopped", "budget"):
        lines.append("  " + tint(clean(meta["why"]), fg="yellow"))
    return lines


def _failures(failures: list[Any]) -> list[str]:
    from seedbed.cli.text import clean, columns, one_line, tint

    rows = [("failed", "where", "why", "for instance")]
    for way in failures[:MOST]:
        what = f"{way.error}: {way.message}" if way.message else way.error
        rows.append((f"{way.count:,}", clean(way.where), one_line(what, 70), clean(way.example)))
    table = columns(rows, "><<<")
    more = [f"  and {len(failures) - MOST} other ways"] if len(failures) > MOST else []
    return [tint(table[0], dim=True), *table[1:], *more]


def _event(at: float, kind: str, data: dict[str, Any]) -> str:
    import time

    from seedbed.cli.text import one_line

    about = one_line(" ".join(str(value) for value in data.values() if value), 90)
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at))}  {kind}" + (f"  {about}" if about else "")
