"""`seedbed run`: run a pipeline, or go on with it."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["run"]


@click.command()
@click.argument("file", type=str, metavar="FILE")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change a value: params.topic=art.")
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help="Take the first N source records.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The runs folder. Default: beside FILE.")
@click.option("--fresh", is_flag=True, help="Start a new run that asks everything anew.")
@click.option("--retry-failed", is_flag=True, help="Try the failed records of the run again.")
@click.option("--budget", type=click.FloatRange(min=0), metavar="USD", help="Stop, resumable, when this much is spent.")
@click.option("--max-failed", type=click.FloatRange(0, 100), default=0.0, metavar="PERCENT", show_default=True,
              help="Exit with 0 as long as no more than this share of the records failed.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="Print errors and a one-line summary only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON event a line and a final summary object.")
def run(
    file: str, sets: tuple[str, ...], limit: int | None, out: Path | None, fresh: bool, retry_failed: bool,
    budget: float | None, max_failed: float, quiet: bool, as_json: bool,
) -> int:  # fmt: skip
    """Run the pipeline in FILE.

    Goes on by itself if an unfinished run of the same pipeline is there: nothing that was answered is asked again.
    Ctrl-C once ends what is in flight and stops resumable, twice stops at once.

    \b
    Exit codes: 0 done · 1 done, but records failed (see --max-failed) or fewer than `target` · 2 bad input, nothing
    was run · 3 stopped, resumable · 4 budget reached, resumable · 70 a bug of ours
    """
    from seedbed.cli.watch import run_watched, watcher_for
    from seedbed.graph.spec import Budget
    from seedbed.run.prepare import prepare
    from seedbed.run.session import Options

    pipeline = prepare(file, sets)
    if budget is not None:
        pipeline.budget = (pipeline.budget or Budget()).model_copy(update={"usd": budget})
    options = Options(limit=limit, out=out, fresh=fresh, retry_failed=retry_failed, sets=sets)
    watcher = watcher_for(pipeline, quiet=quiet, as_json=as_json, max_failed=max_failed)
    return run_watched(pipeline, options, watcher).exit_code(max_failed)
