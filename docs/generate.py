"""Brings the generated parts of the documentation up to date, from the specs, commands and errors themselves.

    python docs/generate.py             rewrites them
    python docs/generate.py --check     says which pages are out of date, and exits with 1 if any is

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->` in a page; the rest is written by hand.
What a part says comes from docstrings, so a mistake in it is mended in the code.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import click
from pydantic import WithJsonSchema
from pydantic.fields import FieldInfo

from seedbed import errors
from seedbed.cli.main import GROUPS, seedbed
from seedbed.graph.contracts import Node, Spec, Step
from seedbed.models.catalogue import ENTRIES
from seedbed.models.contract import Limits, Price, Provider
from seedbed.registry.plugins import find, names

DOCS = Path(__file__).parent
PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "any value"}
JSON_WORDS = {"string": "text", "array": "list", "object": "map", "integer": "whole number", "number": "number"}
DEFINED = {"ObjectSchema": "schema", "Schema": "schema", "Nodes": "map", "Edges": "list", "Sources": "source"}
"""What the types are called that only the JSON Schema of a whole file defines."""
NONE = type(None)

Lines = Iterable[str]


# --- specs --------------------------------------------------------------------------------------------------------


def nodes() -> Lines:
    """All node types."""
    yield from plugins("node", Node)


def steps() -> Lines:
    """All step types."""
    yield from plugins("step", Step)


def providers() -> Lines:
    """All providers, without what every model may say."""
    yield from plugins("provider", Provider)


def node_keys() -> Lines:
    """What every node may say."""
    return table(Node)


def model_keys() -> Lines:
    """What every model may say."""
    yield from table(Provider)
    for title, spec in (("limits", Limits), ("price", Price)):
        yield from inner(title, spec)


def plugins(kind: str, base: type[Spec]) -> Lines:
    """A section for each plug-in of a kind: what it does, an example, its keys."""
    for name in names(kind):
        spec = find(kind, name)
        yield from ("", f"## {name}", "", docstring(spec))
        rows = list(table(spec, without=set(base.model_fields) - {"model"} | {"type", "provider"}))
        if rows:
            yield ""
        yield from rows
        for key, field in spec.model_fields.items():
            if key not in base.model_fields and kind != "provider":
                for part in specs_in(annotation(field)):
                    yield from inner(field.alias or key, part, each=get_origin(field.annotation) is dict)


def inner(key: str, spec: type[Spec], each: bool = False) -> Iterator[str]:
    """The table of a map that stands under a key, or under each name there."""
    yield from ("", f"Each of `{key}:`" if each else f"`{key}:` as a map:", "")
    yield from table(spec)


def table(spec: type[Spec], without: set[str] = frozenset()) -> Iterator[str]:  # type: ignore[assignment]
    """The keys of a spec."""
    rows = [row(key, field) for key, field in spec.model_fields.items() if key not in without]
    if rows:
        yield from ("| key | value | default | |", "|---|---|---|---|", *rows)


def row(key: str, field: FieldInfo) -> str:
    """One key: its name, what it takes, its default, what it means."""
    cells = [f"`{field.alias or key}`", shape(annotation(field)), default(field), field.description or ""]
    return f"| {' | '.join(escaped(cell) for cell in cells)} |"


def annotation(field: FieldInfo) -> Any:
    """A field's type with its metadata."""
    return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation


def shape(kind: Any) -> str:
    """A type in words."""
    args = get_args(kind)
    if kind in WORDS:
        return WORDS[kind]
    origin = get_origin(kind)
    if origin is Annotated:
        return defined(args[1:]) or shape(args[0])
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(shape(arg) for arg in args if arg is not NONE))
    if origin is Literal:
        return " or ".join(f"`{written(arg)}`" for arg in args)
    if origin in (list, dict):
        inside = shape(args[-1])
        inside = f"({inside})" if " or " in inside else inside
        word = "list of" if origin is list else "map to"
        return word.split()[0] if args[-1] is Any else f"{word} {inside}"
    if isinstance(kind, type) and issubclass(kind, Spec):
        return "map"
    return "any value"


def defined(metadata: Iterable[Any]) -> str | None:
    """The words for a type that has its JSON Schema only."""
    for item in metadata:
        if isinstance(item, WithJsonSchema) and (schema := item.json_schema):
            if "x-definition" in schema:
                return DEFINED[schema["x-definition"]]
            kinds = (word for part in schema.get("anyOf", [schema]) for word in json_words(part))
            return " or ".join(dict.fromkeys(kinds))
    return None


def json_words(schema: dict[str, Any]) -> Iterator[str]:
    """The words for a JSON Schema without branches; none for null."""
    if "enum" in schema:
        yield from (f"`{value}`" for value in schema["enum"] if value is not None)
    elif schema.get("type") != "null":
        yield JSON_WORDS.get(schema.get("type", ""), "any value")


def specs_in(kind: Any) -> Iterator[type[Spec]]:
    """The specs in a type, each of which gets a table of its own."""
    if isinstance(kind, type) and issubclass(kind, Spec):
        yield kind
    elif get_origin(kind) in (Annotated, Union, UnionType, list, dict):
        for arg in get_args(kind):
            yield from specs_in(arg)


def default(field: FieldInfo) -> str:
    """A default as it would be written; nothing where there is none."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ([], {}, "") or isinstance(value, Spec):
        return ""
    return f"`{written(value)}`"


def written(value: Any) -> str:
    """A value as YAML would have it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)


# --- commands, errors, files --------------------------------------------------------------------------------------


def commands() -> Lines:
    """All commands with their options."""
    context = click.Context(seedbed, info_name="seedbed")
    for title, members in GROUPS.items():
        yield from ("", f"## {title}")
        for name in members:
            command = seedbed.get_command(context, name)
            assert command is not None
            yield from described(command, click.Context(command, info_name=name, parent=context))


def described(command: click.Command, context: click.Context) -> Lines:
    """A command and those under it."""
    usage = [line.removeprefix("Usage: ") for line in command.get_usage(context).splitlines()]
    usage = " ".join(line.strip() for line in usage).replace(" seedbed ", "\nseedbed ").splitlines()
    yield from ("", f"### {context.command_path}", "", "```text", *usage, "```", "", prose(command.help or ""))
    options = [option for option in command.params if isinstance(option, click.Option)]
    rows = [record for option in options if (record := option.get_help_record(context))]
    if rows:
        yield from ("", "| option | |", "|---|---|")
        yield from (f"| `{escaped(name)}` | {escaped(text)} |" for name, text in rows)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield from described(below, click.Context(below, info_name=name, parent=context))


def prose(help_text: str) -> str:
    """A command's help as Markdown: what click must not wrap becomes a block."""
    parts = []
    for paragraph in inspect.cleandoc(help_text).split("\n\n"):
        if paragraph.startswith("\b\n"):
            parts.append(f"```text\n{paragraph[2:]}\n```")
        else:
            parts.append(paragraph.replace("\b", ""))
    return "\n\n".join(parts)


def error_table() -> Lines:
    """All errors, what each means, and what it does to a run."""
    yield from ("| error | | when it ends a command |", "|---|---|---|")
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.SeedbedError) and kind.__doc__:
            told = inspect.cleandoc(kind.__doc__).split("\n\n")[0].replace("\n", " ")
            ends = "–" if issubclass(kind, errors.RecordError) else f"exit {kind.exit_code}"
            yield f"| `{name}` | {escaped(told)} | {ends} |"


def formats() -> Lines:
    """The file formats."""
    yield from ("| `format` | endings | read | written | compressed | needs |", "|---|---|---|---|---|---|")
    for name in names("file"):
        kind = find("file", name)
        endings = ", ".join(f"`{suffix}`" for suffix in kind.suffixes)
        needs = f"`pip install 'seedbed[{kind.needs[1]}]'`" if kind.needs else ""
        compressed = "`.gz`, `.zst`" if kind.compressed else ""
        yield f"| `{name}` | {endings} | yes | {'yes' if kind.writes else ''} | {compressed} | {needs} |"


def shapes() -> Lines:
    """The row shapes that a sink can write."""
    for name in names("format"):
        module = inspect.getmodule(find("format", name))
        assert module is not None
        yield from ("", f"### {name}", "", docstring(module))


def embedded() -> Lines:
    """The embedded models."""
    yield from ("| name | model | size | licence | good for |", "|---|---|---|---|---|")
    for entry in ENTRIES:
        if entry.kind == "chat":
            cells = (f"`{entry.word}`", entry.title, f"{entry.size / 1e6:,.0f} MB", entry.licence, entry.purpose)
            yield f"| {' | '.join(cells)} |"


def docstring(thing: Any) -> str:
    """A docstring as it stands."""
    return inspect.getdoc(thing) or ""


def escaped(text: str) -> str:
    """Text for a cell of a table."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


# --- pages --------------------------------------------------------------------------------------------------------

PARTS: dict[str, Callable[[], Lines]] = {
    "nodes": nodes,
    "node_keys": node_keys,
    "steps": steps,
    "providers": providers,
    "model_keys": model_keys,
    "embedded": embedded,
    "commands": commands,
    "errors": error_table,
    "formats": formats,
    "shapes": shapes,
}


def filled(page: str) -> str:
    """A page with its generated parts made anew."""

    def part(match: re.Match[str]) -> str:
        text = "\n".join(line.rstrip() for line in PARTS[match[2]]())
        return f"{match[1]}{text.strip()}\n{match[3]}"

    return PART.sub(part, page)


def main() -> int:
    """Rewrites the pages, or says which ones would change."""
    stale = []
    for path in sorted(DOCS.glob("*.md")):
        page = path.read_text("utf-8")
        if (wanted := filled(page)) != page:
            stale.append(path)
            if "--check" not in sys.argv:
                path.write_text(wanted, "utf-8")
    for path in stale:
        print(f"{path.name} {'is out of date: make fmt' if '--check' in sys.argv else 'brought up to date'}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
