"""`seedbed preview`: a few records with all their prompts and replies; sinks are left alone."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from seedbed.cli.way import Drawing
    from seedbed.graph.spec import Pipeline
    from seedbed.record import Fields
    from seedbed.run.inspect import Passage
    from seedbed.run.session import Options
    from seedbed.run.summary import Summary

    Final = tuple[str, str, Fields]
    """A record's id, its source row, and its last form."""

__all__ = ["preview"]


@click.command()
@click.argument("file", type=str, metavar="FILE")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=5, metavar="N", show_default=True,
              help="Take the first N source records.")  # fmt: skip
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change a value of the file: params.topic=art.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="The runs folder, where answers are kept. Default: runs/ beside FILE.")  # fmt: skip
@click.option("--full", is_flag=True, help="Show long texts whole.")
def preview(file: str, limit: int, sets: tuple[str, ...], out: Path | None, full: bool) -> int:
    """Run a few records of FILE and show all their prompts and replies.

    What was dropped or failed is shown with its reason. Sinks are left alone and no run is begun. Answers are kept: a
    later run does not pay for them again.

    \b
    seedbed preview pipeline.yaml
    seedbed preview pipeline.yaml -n 1 --full --set params.topic=art
    """
    from seedbed.run.prepare import prepare
    from seedbed.run.session import Options

    pipeline = prepare(file, sets)
    pipeline.target = None
    return _show(pipeline, Options(limit=limit, out=out, sets=sets, sinks=False), full)


def _show(pipeline: Pipeline, options: Options, full: bool) -> int:
    from tempfile import TemporaryDirectory

    from seedbed.cli.watch import run_watched
    from seedbed.cli.way import Drawing
    from seedbed.run.folder import new_id, runs_root
    from seedbed.run.inspect import all_passages
    from seedbed.run.way import CALLS

    finals: list[Final] = []
    options.on_row = lambda row, record: finals.append((record.id, record.place, row))
    with TemporaryDirectory(prefix="seedbed-") as place:
        folder = options.folder = Path(place) / f"preview-{new_id()}"
        folder.mkdir()
        summary = run_watched(pipeline, options, _watcher())
        calls = runs_root(pipeline.base, options.out) / CALLS
        _draw(Drawing(full=full), folder, calls, all_passages(folder), finals)
    _close(pipeline, summary, options.sets)
    return summary.exit_code()


def _watcher() -> Any:
    """A panel where there is a terminal; it erases itself."""
    from rich.console import Console

    from seedbed.cli.panel import Panel
    from seedbed.cli.watch import Silent

    console = Console(stderr=True)
    return Panel(console, Silent()) if console.is_terminal and not console.is_dumb_terminal else Silent()


def _draw(drawing: Drawing, folder: Path, calls: Path, passages: list[Passage], finals: list[Final]) -> None:
    """Each source row with all records made from it, in source order."""
    from seedbed.cli.way import blocks_of, record_block, status_line
    from seedbed.run.way import way_through

    places = sorted({p.place for p in passages} | {place for _, place, _ in finals}, key=_natural)
    for number, place in enumerate(places, 1):
        own = [passage for passage in passages if passage.place == place]
        ids = list(dict.fromkeys(passage.id for passage in own))
        made = [(id, row) for id, at, row in finals if at == place]
        ids += [id for id, _ in made if id not in ids]
        for id in ids:
            way = way_through(folder, id, [passage for passage in own if passage.id == id], calls)
            way["source"], rows = place, [row for other, row in made if other == id]
            way["status"] = "done" if rows or not way["steps"] else way["status"]
            drawing.heading(f"{number} of {len(places)} · {status_line(way)}")
            drawing.show([*blocks_of(way, values=True), *map(record_block, rows)])
            drawing.line("")


def _natural(place: str) -> list[Any]:
    """Row 10 comes after row 9."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", place)]


def _close(pipeline: Pipeline, summary: Summary, sets: tuple[str, ...]) -> None:
    from seedbed.cli.summary import headline, same_command, tables
    from seedbed.cli.text import clean, tint
    from seedbed.cli.watch import say
    from seedbed.run.identity import used_models

    sys.stdout.flush()
    for line in [*tables(summary.counts, summary.nodes), ""]:
        say(line)
    if summary.stop is not None:
        say(tint(clean(f"seedbed: {summary.stop}"), fg="yellow"))
    say(tint(headline(summary), bold=True))
    shared = all(pipeline.models[name].cache in ("project", "user") for name in used_models(pipeline))
    if summary.stop is None and pipeline.sources[0].path != "-":
        kept = "these answers are kept; all records: " if summary.total.calls and shared else "all records: "
        say(kept + clean(same_command(pipeline.file, sets)))
