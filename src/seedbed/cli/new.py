"""`seedbed new`: a small project to begin with."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["new"]


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
def new(folder: Path) -> None:
    """Make a small, commented project in DIR: a pipeline, seeds, a hook. It runs as it is; change it from there.

    \b
    seedbed new my-data
    cd my-data
    seedbed preview pipeline.yaml
    """
    import shlex

    from seedbed.cli.starter import write_starter
    from seedbed.cli.text import columns, near

    for name in write_starter(folder):
        click.echo(f"  {near(folder / name)}")
    click.echo("\nNext:")
    commands = []
    if folder.resolve() != Path.cwd().resolve():
        commands.append((f"cd {shlex.quote(near(folder))}", ""))
    commands += [
        ("seedbed preview pipeline.yaml --set models.writer=scripted", "try it with made-up answers"),
        ("seedbed run pipeline.yaml", "make the data with a model on this machine"),
    ]
    for line in columns(commands, "<<", indent="", gap="   "):
        click.echo(line)
