"""`seedbed trace`: what happened to one record."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["trace"]


@click.command()
@click.argument("run")
@click.argument("record")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default="runs", metavar="DIR",
              help="The runs folder. Default: ./runs.")  # fmt: skip
@click.option("--full", is_flag=True, help="Show long texts whole.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, texts whole.")
def trace(run: str, record: str, out: Path, full: bool, as_json: bool) -> None:
    """Tell what happened to RECORD in RUN.

    Each step and node is shown in order, with every prompt and reply, replies that were no answer, and costs. RUN is
    a run directory, a run's id or its beginning, or a pipeline's name, which means its latest run. RECORD is a
    record's id, the beginning of one, or its source row.

    \b
    seedbed trace critique 71eae40752ec7be4
    seedbed trace critique seeds/physics.jsonl:12 --full
    """
    import json

    from seedbed.run.folder import find_run
    from seedbed.run.inspect import find_record
    from seedbed.run.way import way_of

    folder = find_run(out, run).resolve()
    way = way_of(folder, find_record(folder, record))
    if as_json:
        click.echo(json.dumps(way, ensure_ascii=False, indent=2))
        return

    from seedbed.cli.way import Drawing, blocks_of, children_lines, record_block, status_line

    drawing = Drawing(full=full)
    drawing.heading(status_line(way))
    if way["from"]:
        drawing.line(f"made from {', '.join(way['from'])}")
    drawing.show(blocks_of(way))
    last = way["steps"][-1] if way["steps"] else {}
    for made in last.get("records", ())[: 1 if len(last.get("records", ())) == 1 else 0]:
        drawing.show([record_block(made["fields"], f"as it left {last['step']}")])
    if way["children"]:
        drawing.line("records made from it:")
        for line in children_lines(way["children"]):
            drawing.line(line)
