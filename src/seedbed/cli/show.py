"""`seedbed show`: the pipeline drawn, in the terminal, as Mermaid or as SVG."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from seedbed.graph.draw.canvas import Line
    from seedbed.graph.draw.picture import Picture

__all__ = ["show"]

Kind = Literal["text", "mermaid", "svg"]

_SUFFIXES: dict[str, Kind] = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid"}

_STYLES = {
    "title": "bold", "name": "bold", "about": "dim", "frame": "dim", "whole": "yellow", "line": "dim", "end": "dim",
    "label": "italic", "loop": "magenta", "drop": "red",
}  # fmt: skip


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--mermaid", "kind", flag_value="mermaid", help="Print a Mermaid flowchart, for a Markdown page.")
@click.option("--svg", "kind", flag_value="svg", help="Print an SVG picture.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="OUT",
              help="Write to a file; .svg and .mmd say what it is to hold.")  # fmt: skip
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change a value of the file: params.topic=art.")
def show(file: str, kind: Kind | None, output: Path | None, sets: tuple[str, ...]) -> None:
    """Draw the pipeline in FILE: its source, its steps with their graphs opened, its output.

    Each step says whether it streams or needs all rows before it lets the first one go. Nothing is run, and neither
    environment variables nor source files need to be there.
    """
    from seedbed.graph.draw.mermaid import mermaid
    from seedbed.graph.draw.picture import picture
    from seedbed.graph.draw.svg import svg
    from seedbed.run.prepare import prepare

    pipeline = prepare(file, sets, strict=False)
    for warning in pipeline.warnings:
        click.echo(f"warning: {warning}", err=True)
    drawn = picture(pipeline)
    if kind is None:
        kind = _SUFFIXES.get(output.suffix.lower(), "text") if output is not None else "text"
    if kind == "text":
        _text(drawn, output)
        return
    _give(svg(drawn) if kind == "svg" else mermaid(drawn), output)


def _text(drawn: Picture, output: Path | None) -> None:
    from seedbed.graph.draw.canvas import ascii_only, plain
    from seedbed.graph.draw.terminal import drawing

    lines = drawing(drawn, shutil.get_terminal_size().columns)
    if output is None and sys.stdout.isatty() and _can("╭▼"):
        _coloured(lines)
        return
    text = plain(lines)
    _give(text if output is not None or _can(text) else ascii_only(text), output)


def _can(text: str) -> bool:
    """Whether standard output knows these characters."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _coloured(lines: list[Line]) -> None:
    from rich.console import Console
    from rich.text import Text

    from seedbed.graph.draw.colours import DARK, colours

    console = Console(highlight=False)
    for line in lines:
        shown = Text(no_wrap=True)
        for text, style in line:
            kind, _, type_ = style.partition(" ")
            shown.append(text, colours(type_, DARK).line if kind == "type" else _STYLES.get(style, ""))
        console.print(shown, soft_wrap=True)


def _give(text: str, output: Path | None) -> None:
    from seedbed.errors import InputError

    if output is None:
        click.echo(text if _can(text) else text.encode("ascii", "replace").decode(), nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"cannot write {output}: {error.strerror}", hint="name a file in a folder that is there"
        ) from error
    click.echo(str(output), err=True)
