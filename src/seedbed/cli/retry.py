"""`seedbed retry`: tries a run's failed records again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from seedbed.graph.spec import Pipeline

__all__ = ["retry"]


@click.command()
@click.argument("run")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default="runs", metavar="DIR",
              help="The runs folder. Default: ./runs.")  # fmt: skip
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE",
              help="Change a value of the file, beside those that the run was begun with.")  # fmt: skip
@click.option("--max-failed", type=click.FloatRange(0, 100), default=0.0, metavar="PERCENT", show_default=True,
              help="Exit with 0 as long as no more than this share of the records failed.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="Print errors and a one-line summary only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON event a line and a final summary object.")
def retry(run: str, out: Path, sets: tuple[str, ...], max_failed: float, quiet: bool, as_json: bool) -> int:
    """Try the failed records of RUN again, and only those.

    RUN is a run directory, a run's id or its beginning, or a pipeline's name, which means its latest run. Everything
    that was done stays as it is; the sinks are written anew. Exit codes are those of `seedbed run`.

    \b
    seedbed retry critique
    seedbed retry runs/critique/20261120-083012-4f1a --set models.writer.retries=10
    """
    from seedbed.cli.watch import run_watched, watcher_for
    from seedbed.run.folder import find_run
    from seedbed.run.inspect import state_of
    from seedbed.run.session import Options

    folder = find_run(out, run).resolve()
    state = state_of(folder)
    if state.status == "finished" and not state.total("failed"):
        click.echo(f"nothing failed in {state.folder.parent.name}/{state.folder.name}: nothing to retry", err=True)
        return 0
    every = (*state.meta.get("sets", ()), *sets)
    pipeline = _pipeline(folder, state.meta, every)
    options = Options(
        limit=state.meta.get("limit"), out=folder.parent.parent, folder=folder, retry_failed=True, sets=every
    )
    watcher = watcher_for(pipeline, quiet=quiet, as_json=as_json, max_failed=max_failed)
    return run_watched(pipeline, options, watcher).exit_code(max_failed)


def _pipeline(folder: Path, meta: dict[str, Any], sets: tuple[str, ...]) -> Pipeline:
    """The run's pipeline file, made sure to be the same pipeline still."""
    from seedbed.errors import InputError
    from seedbed.run.identity import fingerprint
    from seedbed.run.prepare import prepare

    said = str(meta.get("file", ""))
    file = Path(meta.get("base", "")) / Path(said).name
    if not said or not file.is_file():
        if said.startswith("<"):
            raise InputError("this run was begun from Python", hint="call `.run(retry_failed=True)` there")
        raise InputError(f"the pipeline file of this run is gone: {file}",
                         hint=f"put it back; as it was run it is in {folder / 'pipeline.yaml'}")  # fmt: skip
    pipeline = prepare(str(file), sets)
    if fingerprint(pipeline) != meta.get("fingerprint"):
        raise InputError(
            f"the pipeline has changed since run {folder.parent.name}/{folder.name}: {_difference(folder, pipeline)}",
            hint=f"undo that to retry this run, or make a run of the changed pipeline with `seedbed run {file}`: "
            "what is answered already is not asked again",
        )
    return pipeline


def _difference(folder: Path, pipeline: Pipeline) -> str:
    """Which parts of the file are not what they were."""
    from seedbed.graph.yaml import read_yaml

    try:
        then = read_yaml((folder / "pipeline.yaml").read_text("utf-8"), "pipeline.yaml").data
    except OSError:
        then = None
    now = pipeline.written
    apart = ("sink", "budget", "target", "name", "version")
    if not isinstance(then, dict):
        return "its run directory does not say how"
    keys = [key for key in {**then, **now} if key not in apart and then.get(key) != now.get(key)]
    return ", ".join(f"`{key}`" for key in keys) or "a hook, schema or prompt file"
