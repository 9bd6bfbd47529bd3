"""The `seedbed` command: finds the command's file by its name, and turns errors into messages and exit codes."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from seedbed.errors import InputError, SeedbedError, SpecError
from seedbed.registry.plugins import find, names

GROUPS = {
    "Make data": ["run", "preview", "retry", "runs", "status", "trace"],
    "Write pipelines": ["new", "check", "show", "schema"],
    "Models": ["models", "serve"],
}
"""The order of commands in `--help`; others follow."""


class _Commands(click.Group):
    """A group whose commands are the files of `seedbed/cli/`, imported when used."""

    def list_commands(self, context: click.Context) -> list[str]:
        first = [name for group in GROUPS.values() for name in group]
        every = names("command")
        return [name for name in first if name in every] + [name for name in every if name not in first]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        try:
            found: click.Command = find("command", name.replace("-", "_"))
        except InputError as error:
            raise click.UsageError(f"{error.message}; {error.hint}", context) from error
        return found

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        left = self.list_commands(context)
        groups = {**GROUPS, "More": [name for name in left if not any(name in group for group in GROUPS.values())]}
        for title, members in groups.items():
            rows = []
            for name in members:
                if name in left and (command := self.get_command(context, name)):
                    rows.append((name, command.get_short_help_str(limit=90)))
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="seedbed", prog_name="seedbed")
def seedbed() -> None:
    """Grow training data for language models on a graph.

    A pipeline file says where seeds come from, which nodes each record walks through, and what comes out. Start with
    `seedbed new my-data`, try it with `seedbed preview`, make the data with `seedbed run`: the same command goes on
    where it was stopped.
    """


def main(arguments: list[str] | None = None) -> None:
    """The entry point. Exits with the codes of DESIGN: 0, 1, 2, 3, 4, 70."""
    code = 70
    try:
        code = seedbed.main(arguments, standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        code = 2
    except (click.Abort, KeyboardInterrupt):
        code = 3
    except SeedbedError as error:
        show_error(error)
        code = error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception:
        import traceback

        traceback.print_exc()
        click.echo("seedbed: this is a bug of ours; please report it with the lines above", err=True)
    leave(code)


def leave(code: int) -> Any:
    """Exits at once: threads that read a terminal or run a model do not hold the process."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        pass
    os._exit(code if isinstance(code, int) else 0)


def show_error(error: SeedbedError) -> None:
    """One line an error, to stderr: what is wrong, what would be right."""
    from seedbed.cli.text import clean

    if isinstance(error, SpecError):
        for problem in error.problems:
            click.echo(clean(str(problem)), err=True)
        if len(error.problems) > 1:
            click.echo(f"{len(error.problems)} problems", err=True)
    else:
        click.echo(clean(f"seedbed: {error}"), err=True)
