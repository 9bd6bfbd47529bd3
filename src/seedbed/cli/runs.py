"""`seedbed runs`: all runs in a table; remove them, prune them, stop one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from seedbed.run.inspect import State

__all__ = ["runs"]

_DEFAULT = Path("runs")


def _out(function: Any) -> Any:
    return click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
                        help="The runs folder. Default: ./runs.")(function)  # fmt: skip


def _yes(function: Any) -> Any:
    return click.option("-y", "--yes", is_flag=True, help="Do not ask.")(function)


@click.group(invoke_without_command=True)
@_out
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a run.")
@click.pass_context
def runs(context: click.Context, out: Path | None, as_json: bool) -> None:
    """List all runs; remove, prune or stop them.

    A run is `running`, `finished`, `stopped` or out of `budget`, or `killed`. All but finished ones go on with the
    same command that began them.

    \b
    seedbed runs
    seedbed runs rm 20261120-083012-4f1a
    seedbed runs prune --keep 3 --calls
    seedbed runs stop critique
    """
    context.obj = out or _DEFAULT
    if context.invoked_subcommand is None:
        _list(context.obj, as_json)


@runs.command()
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
@_out
@_yes
@click.pass_obj
def rm(root: Path, names: tuple[str, ...], out: Path | None, yes: bool) -> None:
    """Remove runs with all they hold. What their sinks wrote stays, and so do answered calls."""
    from seedbed.errors import InputError
    from seedbed.run.folder import find_run
    from seedbed.run.inspect import state_of

    states = [state_of(folder) for folder in dict.fromkeys(find_run(out or root, name).resolve() for name in names)]
    for state in states:
        if state.status == "running":
            hint = "stop it first: seedbed runs stop " + state.folder.name
            raise InputError(f"run {_name(state)} is being run by process {state.pid}", hint=hint)
    _remove(states, yes)


@runs.command()
@_out
@click.option("--keep", type=click.IntRange(min=0), metavar="N", help="Keep the latest N runs of each pipeline.")
@click.option(
    "--older-than", type=click.FloatRange(min=0), metavar="DAYS", help="Take runs only that ended so long ago."
)
@click.option("--all", "also_stopped", is_flag=True, help="Take stopped runs too, which could still go on.")
@click.option(
    "--calls", is_flag=True, help="Also forget answered calls that no run left uses; to need them again costs."
)
@_yes
@click.pass_obj
def prune(
    root: Path, out: Path | None, keep: int | None, older_than: float | None, also_stopped: bool, calls: bool, yes: bool
) -> None:
    """Remove finished and killed runs that are old, or many. Answered calls stay, unless --calls is given.

    \b
    seedbed runs prune --keep 5
    seedbed runs prune --older-than 30 --calls
    """
    from seedbed.errors import InputError

    root = out or root
    if keep is None and older_than is None and not calls:
        raise InputError("nothing says which runs to remove", hint="give --keep N, --older-than DAYS, or --calls")
    chosen = [] if keep is None and older_than is None else _chosen(root, keep, older_than, also_stopped)
    if chosen or not calls:
        _remove(chosen, yes)
    if calls:
        _drop_calls(root, yes)


@runs.command()
@click.argument("run")
@_out
@click.option("--now", is_flag=True, help="Do not wait for what is in flight; at most that much is asked again.")
@click.pass_obj
def stop(root: Path, run: str, out: Path | None, now: bool) -> int:
    """Stop a run that goes on. It ends what is in flight; the same command that began it goes on with it later."""
    import os
    import signal
    import time

    from seedbed.errors import InputError
    from seedbed.run.folder import find_run, holder
    from seedbed.run.inspect import state_of

    folder = find_run(out or root, run).resolve()
    state = state_of(folder)
    if state.pid is None:
        raise InputError(f"run {_name(state)} does not go on: it is {state.status}")
    try:
        os.kill(state.pid, signal.SIGTERM)
        if now:
            time.sleep(0.3)
            if holder(folder) == state.pid:
                os.kill(state.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    except PermissionError as error:
        raise InputError(f"process {state.pid} belongs to someone else", hint="they can stop it") from error
    click.echo(f"process {state.pid} was told to stop; waiting for what is in flight", err=True)
    while holder(folder) == state.pid:
        time.sleep(0.1)
    click.echo(f"{_name(state)}: {state_of(folder).status}")
    return 0


# the list


def _states(root: Path) -> list[State]:
    from seedbed.run.folder import run_folders
    from seedbed.run.inspect import state_of

    return [state_of(folder) for folder in run_folders(root)]


def _list(root: Path, as_json: bool) -> None:
    import json

    from seedbed.run.prune import size_of

    states = _states(root)
    if as_json:
        for state in states:
            click.echo(json.dumps(_object(state, size_of(state.folder)), ensure_ascii=False))
        return
    if not states:
        click.echo(f"no runs in {root}", err=True)
        return
    for line in _table(states):
        click.echo(line)


def _object(state: State, size: int) -> dict[str, Any]:
    return {
        "name": state.meta.get("name", state.folder.parent.name), "run": state.folder.name, "status": state.status,
        "started": state.meta.get("started"), "records": state.done, "failed": state.total("failed"),
        "dropped": state.total("dropped"), "calls": state.meta.get("calls", 0), "usd": state.meta.get("usd", 0.0),
        "bytes": size, "pid": state.pid, "folder": str(state.folder),
    }  # fmt: skip


def _table(states: Sequence[State]) -> list[str]:
    from seedbed.cli.text import clean, columns, moment, money, size, tint
    from seedbed.run.prune import size_of

    rows = [("name", "run", "status", "started", "records", "failed", "cost", "size")]
    for state in states:
        meta = state.meta
        rows.append(
            (
                clean(str(meta.get("name", state.folder.parent.name))), state.folder.name, state.status,
                moment(meta.get("started")), f"{state.done:,}", f"{state.total('failed') or '–':,}"
                if state.total("failed") else "–", money(meta["usd"]) if meta.get("usd") else "–",
                size(size_of(state.folder)),
            )
        )  # fmt: skip
    lines = columns(rows, "<<<<>>>>", indent="")
    return [tint(lines[0], dim=True), *lines[1:]]


def _name(state: State) -> str:
    return f"{state.folder.parent.name}/{state.folder.name}"


# taking away


def _chosen(root: Path, keep: int | None, older_than: float | None, also_stopped: bool) -> list[State]:
    import time

    from seedbed.run.inspect import ENDED

    kinds = {"finished", "killed", *(ENDED if also_stopped else ())}
    by_name: dict[str, list[State]] = {}
    for state in _states(root):
        by_name.setdefault(state.folder.parent.name, []).append(state)
    before = None if older_than is None else time.time() - older_than * 86400
    chosen = []
    for states in by_name.values():
        old = states[: len(states) - keep] if keep else states
        for state in old:
            since = state.meta.get("ended") or state.meta.get("started") or state.folder.stat().st_mtime
            if state.status in kinds and (before is None or since < before):
                chosen.append(state)
    return chosen


def _remove(states: list[State], yes: bool) -> None:
    from seedbed.cli.text import size, some
    from seedbed.run.prune import remove_run, size_of

    if not states:
        click.echo("no run to remove", err=True)
        return
    total = sum(size_of(state.folder) for state in states)
    for line in _table(states):
        click.echo(line, err=True)
    if not _agreed(f"Remove {some(len(states), 'run')} ({size(total)})?", yes):
        return
    for state in states:
        remove_run(state.folder)
    click.echo(f"removed {some(len(states), 'run')}, {size(total)}", err=True)


def _drop_calls(root: Path, yes: bool) -> None:
    from seedbed.cli.text import size, some
    from seedbed.run.prune import drop_unused_calls

    if _agreed("Forget answered calls that no run left uses?", yes):
        dropped, freed = drop_unused_calls(root)
        click.echo(f"forgot {some(dropped, 'call')}, {size(freed)} freed", err=True)


def _agreed(question: str, yes: bool) -> bool:
    import sys

    from seedbed.errors import InputError

    if yes:
        return True
    if not sys.stdin.isatty():
        raise InputError("nobody is there to be asked", hint="give --yes to do it without asking")
    return click.confirm(question, err=True)
