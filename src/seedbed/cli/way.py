"""The way of a record, drawn: panels on a terminal, indented lines elsewhere. All data is cleaned, none is markup."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from seedbed.cli.text import clean, columns, duration, fold, money, one_line, some
from seedbed.cli.turns import said

_STATUS = {"done": "green", "dropped": "yellow", "failed": "red"}


@dataclass(slots=True)
class Block:
    """One thing to show: a title, and labelled texts."""

    title: str
    colour: str = ""
    parts: list[tuple[str, str, str]] = field(default_factory=list)
    """Label, text, colour of the label."""
    note: str = ""
    """What stands at the right of the title: time, tokens, cost."""


class Drawing:
    """Says how to draw: `full` texts or folded ones, to a terminal or to plain lines."""

    def __init__(self, *, full: bool) -> None:
        self._full = full
        self._console: Any = None
        if sys.stdout.isatty():
            from rich.console import Console

            self._console = Console(highlight=False)

    def heading(self, text: str) -> None:
        """A line that separates records."""
        if self._console is not None:
            from rich.rule import Rule
            from rich.text import Text

            self._console.print(Rule(Text(clean(text), "bold"), align="left", style="dim"))
        else:
            sys.stdout.write(f"== {clean(text)}\n")

    def show(self, blocks: Iterable[Block]) -> None:
        """Draws blocks, one below the other."""
        for block in blocks:
            parts = [(clean(label), self._cut(text), colour) for label, text, colour in block.parts]
            if self._console is not None:
                self._panel(block, parts)
            else:
                self._plain(block, parts)

    def line(self, text: str) -> None:
        """One line of ours."""
        if self._console is not None:
            from rich.text import Text

            self._console.print(Text(clean(text)))
        else:
            sys.stdout.write(clean(text) + "\n")

    def _cut(self, text: str) -> str:
        return clean(text if self._full else fold(text))

    def _panel(self, block: Block, parts: list[tuple[str, str, str]]) -> None:
        from rich.box import ROUNDED
        from rich.panel import Panel
        from rich.text import Text

        body = Text()
        for i, (label, text, colour) in enumerate(parts):
            body.append("\n" if i else "")
            if label:
                body.append(label, f"bold {colour}".strip()).append("\n")
            body.append(text)
        title = Text(clean(block.title), f"bold {block.colour}".strip())
        note = Text(clean(block.note), "dim") if block.note else None
        if not parts:
            self._console.print(Text("  ").append_text(title).append("  ").append_text(note or Text("")))
            return
        border = block.colour or "dim"
        self._console.print(
            Panel(body, box=ROUNDED, title=title, title_align="left", subtitle=note, subtitle_align="right",
                  border_style=border)
        )  # fmt: skip

    def _plain(self, block: Block, parts: list[tuple[str, str, str]]) -> None:
        title = f"-- {clean(block.title)}" + (f"  ({clean(block.note)})" if block.note else "")
        lines = [title]
        for label, text, _ in parts:
            if label:
                lines.append(f"   {label}:")
            lines += [f"      {line}" if label else f"   {line}" for line in text.split("\n")]
        sys.stdout.write("\n".join(lines) + "\n")


def blocks_of(way: dict[str, Any], *, values: bool = False) -> Iterator[Block]:
    """What happened to a record, step by step; with `values`, also what nodes wrote that ask no model."""
    for step in way["steps"]:
        records = step.get("records", ())
        written = records[0]["fields"] if values and len(records) == 1 else {}
        for node in step.get("nodes", ()):
            if node.get("calls") or node["status"] == "failed" or node["node"] != step["step"]:
                block = _execution(node)
                if not node.get("calls") and node["node"] in written:
                    block.parts.append(("", text_of(written[node["node"]]), ""))
                yield block
        if step["status"] in ("dropped", "failed"):
            yield _reject(step)
        elif "nodes" in step and len(step["records"]) != 1:
            yield Block(f"{step['step']} made {some(len(step['records']), 'record')}", "green")
    for call in way["under_way"]:
        label = f"no answer: {call['wrong']}" if call.get("wrong") else "reply"
        yield Block("a call of work that did not end", "yellow", [(label, call["reply"], "")], _cost(call))


def _execution(node: dict[str, Any]) -> Block:
    title = node["node"] + (f" · visit {node['visit']}" if node["visit"] > 1 else "")
    failed = node["status"] == "failed"
    if node["status"] not in ("done", "failed"):
        title += f" · {node['status']}"
    calls = node.get("calls") or []
    parts: list[tuple[str, str, str]] = []
    several = len({call["model"] for call in calls}) > 1
    for i, call in enumerate(calls):
        same = i > 0 and call.get("messages") == calls[i - 1].get("messages")
        parts += _call(call, same=same, several=several)
    if failed and not any(bad.get("wrong") == node.get("error") for call in calls for bad in call.get("bad", ())):
        parts.append(("failed", str(node.get("error", "")), "red"))
    parts += [("note", note, "yellow") for note in node.get("notes", ())]
    asked = any(not call.get("cached") for call in calls)
    notes = [duration(node["seconds"])] if asked or (node["status"] == "done" and not calls) else []
    notes += [_cost(call) for call in calls[:1]] if len(calls) == 1 else [some(len(calls), "call")] if calls else []
    return Block(title, "red" if failed else "", parts, " · ".join(note for note in notes if note))


def _call(call: dict[str, Any], *, same: bool, several: bool) -> Iterator[tuple[str, str, str]]:
    if not same:
        for message in call.get("messages") or ():
            yield str(message.get("role", "")), said(message), "cyan"
    for (wrong, reply), group in groupby(call.get("bad", ()), lambda bad: (bad.get("wrong", ""), _said(bad))):
        times = len(list(group))
        yield f"no answer{f', {times} times' if times > 1 else ''}: {wrong}", reply, "red"
    if call.get("reasoning"):
        yield "reasoning", call["reasoning"], "magenta"
    if "reply" in call:
        cut = f" ({call['finish_reason']})" if call.get("finish_reason") else ""
        who = f" of {call['model']}" if several else ""
        yield f"reply{who}{cut}", _said(call), "green"


def _said(call: dict[str, Any]) -> str:
    return said({"content": call["reply"], "tool_calls": call.get("tool_calls")})


def _cost(call: dict[str, Any]) -> str:
    notes = [call["model"]]
    if call.get("input") or call.get("output"):
        notes.append(f"{call.get('input', 0):,} → {some(call.get('output', 0), 'token')}")
    if call.get("attempts", 1) > 1:
        notes.append(f"{call['attempts']} attempts")
    if call.get("cached"):
        notes.append("answered before")
    elif call.get("usd"):
        notes.append(money(call["usd"]))
    return " · ".join(notes)


def _reject(step: dict[str, Any]) -> Block:
    where = step.get("where") or step["step"]
    if step["status"] == "dropped":
        note = f": {step['message']}" if step.get("message") else ""
        return Block(f"dropped by {where}: {one_line(step.get('error', ''), 80)}{note}", "yellow")
    if "nodes" in step:
        return Block(f"failed at {where}: {step.get('error', '')}", "red")
    parts = [("", step.get("message", ""), "")]
    if step.get("reply"):
        parts.append(("it reads", step["reply"], "red"))
    return Block(f"failed at {where}: {step.get('error', '')}", "red", parts)


def record_block(fields: dict[str, Any], title: str = "record") -> Block:
    """A record's fields."""
    return Block(title, "green", [("", text_of_fields(fields), "")])


def text_of_fields(fields: dict[str, Any]) -> str:
    """Fields one below the other: short values beside their name, long ones below it."""
    lines = []
    for name, value in fields.items():
        text = text_of(value)
        if "\n" in text or len(text) > 90:
            lines.append(f"{name}:")
            lines += [f"  {line}" for line in text.split("\n")]
        else:
            lines.append(f"{name}: {text}")
    return "\n".join(lines)


def text_of(value: Any) -> str:
    """Any JSON value as text: conversations turn by turn, other lists and maps as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(turn, dict) and "role" in turn for turn in value):
        return "\n".join(f"{turn['role']}: {said(turn)}" for turn in value)
    flat = json.dumps(value, ensure_ascii=False)
    return flat if len(flat) <= 90 else json.dumps(value, ensure_ascii=False, indent=2)


def status_line(way: dict[str, Any]) -> str:
    """A record's id, place, status and cost."""
    parts = [way["id"], way["source"], way["status"]]
    if way["usd"]:
        parts.append(money(way["usd"]))
    return " · ".join(part for part in parts if part)


def children_lines(children: list[dict[str, Any]], most: int = 20) -> list[str]:
    """What became of the records made from one."""
    rows = [
        (clean(child["id"]), child["step"], child["status"], one_line(child["why"], 60)) for child in children[:most]
    ]
    more = [f"  and {len(children) - most} more"] if len(children) > most else []
    return [*columns(rows, "<<<<"), *more]
