"""`seedbed check`: everything that is wrong with a pipeline file, or that nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from seedbed.graph.spec import Pipeline

__all__ = ["check"]


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change a value of the file: params.topic=art.")
def check(file: str, sets: tuple[str, ...]) -> None:
    """Check the pipeline in FILE and run nothing.

    Looks at the file, at the first rows of its sources and at the places of its sinks. Lists all that is wrong, each
    with line and column and what would be right, and exits with 2; or says in one line what the pipeline has.
    """
    from seedbed.run.prepare import prepare

    pipeline = prepare(file, sets)
    for warning in pipeline.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"OK: {summary(pipeline)}")


def summary(pipeline: Pipeline) -> str:
    """A pipeline in one line: its name, how many of what, and the fields of its source."""
    from seedbed.graph.draw.words import counted
    from seedbed.graph.plan import HoldsGraph

    plans = [step.plan for step in pipeline.steps if isinstance(step, HoldsGraph)]
    parts = [
        counted(len(pipeline.steps), "step"),
        counted(sum(len([*plan.every()]) for plan in plans), "node"),
        counted(len(pipeline.models), "model"),
        _fields(pipeline.fields),
    ]
    return f"{pipeline.name} · " + " · ".join(parts)


def _fields(names: list[str] | None) -> str:
    if names is None:
        return "fields of the source not known beforehand"
    shown = sorted(names)
    more = f" and {len(shown) - 8} more" if len(shown) > 8 else ""
    return f"fields of the source: {', '.join(shown[:8])}{more}" if shown else "a source without fields"
