"""`seedbed models`: the models of a pipeline file, and the embedded ones on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from seedbed.models.contract import Provider

__all__ = ["models"]


class _Models(click.Group):
    """A group whose first argument may also be a pipeline file."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        first = next((arg for arg in args if not arg.startswith("-")), None)
        if first not in self.commands and not {"-h", "--help"} & set(args):
            args = ["configured", *args]
        return super().parse_args(context, args)

    def format_usage(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(context.command_path, "[FILE] [--check]")
        formatter.write_usage(context.command_path, "list | get NAME… | verify [NAME]…")


@click.group(cls=_Models)
def models() -> None:
    """Show the models of the pipeline FILE, and look after the embedded ones.

    With --check each model of FILE is asked a tiny question. Without FILE the embedded models are listed.
    """


@models.command(hidden=True)
@click.argument("file", required=False, type=str)
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change a value: models.writer=openai/gpt-4o.")
@click.option("--check", is_flag=True, help="Ask each model a tiny question.")
def configured(file: str | None, sets: tuple[str, ...], check: bool) -> int:
    """The models of a pipeline file."""
    from seedbed.cli.text import columns
    from seedbed.run.prepare import prepare

    if file is None:
        if check:
            raise click.UsageError("--check needs a pipeline file: seedbed models FILE --check")
        _list()
        click.echo("\nThe models of a pipeline: seedbed models FILE")
        return 0
    pipeline = prepare(file, sets, strict=check)
    providers: dict[str, Provider] = pipeline.models
    if not providers:
        click.echo(f"{file} names no models")
        return 0
    rows = [("NAME", "PROVIDER", "MODEL", "ADDRESS", "KEY")]
    for name, provider in providers.items():
        entry = pipeline.written.get("models", {}).get(name)
        rows.append((name, provider.provider, provider.model or "", provider.address(), _key(provider, entry)))
    for line in columns(rows, "<<<<<", indent=""):
        click.echo(line)
    return _check(providers, pipeline.base) if check else 0


def _key(provider: Provider, entry: Any) -> str:
    """Where the key of a model comes from, and whether it is there."""
    import os
    import re

    if "api_key" not in type(provider).model_fields:
        return "none needed"
    written = entry.get("api_key") if isinstance(entry, dict) else None
    names = re.findall(r"\$\{([A-Za-z_][A-Za-z0-9_]*)", str(written or ""))
    if written and not names:
        return "in the file"
    if not names:
        names = [f"{provider.provider.upper()}_API_KEY"]
    return ", ".join(f"{name} {'is set' if os.environ.get(name) else 'is not set'}" for name in names)


def _check(providers: dict[str, Provider], base: Path) -> int:
    """Asks each model, one after the other, and says how it went."""
    import asyncio

    from seedbed.cli.fetching import shown
    from seedbed.cli.text import one_line, tint
    from seedbed.errors import SeedbedError

    async def ask(provider: Provider) -> str:
        from seedbed.models.contract import Request

        question = [{"role": "user", "content": "Say hello in one word."}]
        limit = {} if "max_completion_tokens" in provider.params else {"max_tokens": 64}
        await provider.open(base)
        try:
            reply = await asyncio.wait_for(provider.ask(Request(question, {**provider.params, **limit}), None), 60)
        finally:
            await provider.close()
        return f"answers in {reply.seconds:.2f} s: {one_line(reply.text, 60)!r}"

    click.echo("")
    silent = 0
    for name, provider in providers.items():
        try:
            with shown():
                said = tint(asyncio.run(ask(provider)), fg="green")
        except (SeedbedError, TimeoutError) as error:
            silent += 1
            said = tint(one_line(str(error) or "no answer in 60 s", 400), fg="red")
        click.echo(f"{name}: {said}")
    return 1 if silent else 0


@models.command("list")
def list_() -> None:
    """List the embedded models."""
    _list()


def _list() -> None:
    from seedbed.cli.text import columns, near, size
    from seedbed.models.catalogue import ENTRIES
    from seedbed.models.weights import cache_dir, cached

    rows = [("NAME", "MODEL", "SIZE", "LICENCE", "CACHED", "FOR")]
    for entry in ENTRIES:
        have = "yes" if cached(entry) else "no"
        rows.append((entry.word, entry.title, size(entry.size), entry.licence, have, entry.purpose))
    for line in columns(rows, "<<><<<", indent=""):
        click.echo(line)
    click.echo(f"\nCache: {near(cache_dir())} (SEEDBED_CACHE moves it). Also `local/PATH.gguf`: a file of your own.")


@models.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
def get(names: tuple[str, ...]) -> None:
    """Fetch embedded models into the cache, verified.

    What was fetched before a stop is kept: the same command goes on.
    """
    from seedbed.cli.fetching import shown
    from seedbed.cli.text import near, size
    from seedbed.models.catalogue import entry
    from seedbed.models.weights import obtain

    for wanted in [entry(name) for name in names]:
        with shown():
            path = obtain(wanted)
        click.echo(f"{wanted.word}  {size(wanted.size)}  {near(path)}")


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option("--offline", is_flag=True, help="Look at the cache only.")
def verify(names: tuple[str, ...], offline: bool) -> int:
    """Hash cached files again, and see whether each pinned source still has its file.

    Exits with 1 if a cached file has changed, or if a model that is not cached can be had nowhere.
    """
    from seedbed.cli.fetching import shown
    from seedbed.cli.text import tint
    from seedbed.models.catalogue import ENTRIES, entry
    from seedbed.models.weights import sources
    from seedbed.models.weights import verify as hashed

    bad = False
    for known in [entry(name) for name in names] or ENTRIES:
        click.echo(tint(f"{known.word}", bold=True))
        with shown():
            states = hashed(known)
        for name, state in states.items():
            words = {"ok": "as published (sha256)", "absent": "not cached", "changed": "CHANGED: not the pinned bytes"}
            click.echo(f"  {name}: {words[state]}")
        found = {} if offline else sources(known)
        for source, wrong in found.items():
            click.echo(f"  {source}: {wrong or 'has it'}")
        changed = "changed" in states.values()
        bad = bad or changed or ("absent" in states.values() and bool(found) and all(found.values()))
    return 1 if bad else 0
