"""What came of a run, in words and tables, for people and as one JSON object."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seedbed.cli.text import clean, columns, duration, money, near, one_line, some, tint
from seedbed.graph.spec import Pipeline
from seedbed.run.reject import FILES
from seedbed.run.summary import Summary

MOST_REASONS = 4
"""Reasons named in one line of a table."""

_HEADS = {"finished": "done", "stopped": "stopped", "budget": "budget reached"}


def summary_object(summary: Summary, max_failed: float = 0.0) -> dict[str, Any]:
    """A summary as JSON."""
    return {
        "name": summary.name, "run": summary.run, "folder": str(summary.folder), "status": summary.status,
        "exit_code": summary.exit_code(max_failed), "accepted": summary.accepted, "wanted": summary.wanted,
        "failed": summary.failed, "dropped": summary.dropped, "read": summary.taken,
        "seconds": round(summary.seconds, 3), "usd": summary.total.usd, "models": asdict(summary.total),
        "steps": summary.counts, "nodes": summary.nodes, "sinks": summary.sinks, "resumed": summary.resumed,
        "why": str(summary.stop or ""),
    }  # fmt: skip


def headline(summary: Summary) -> str:
    """What came of a run, in one line."""
    total = summary.total
    head = "nothing to do" if summary.untouched else _HEADS.get(summary.status, summary.status)
    accepted = some(summary.accepted, "record")
    if summary.wanted is not None:
        accepted = f"{summary.accepted:,} of {some(summary.wanted, 'record')}"
    parts = [accepted]
    parts += [
        f"{count:,} {word}" for word, count in (("dropped", summary.dropped), ("failed", summary.failed)) if count
    ]
    if total.calls or total.cached:
        parts.append(some(total.calls, "call"))
    if total.cached:
        parts.append(f"{total.cached:,} answered before")
    if total.usd:
        parts.append(money(total.usd))
    if not summary.untouched:
        parts.append(duration(summary.seconds))
    return f"{head}: {' · '.join(parts)}"


def step_lines(counts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Counts by step as a table. In each line, in + made = out + merged + waiting + dropped + failed."""
    if not counts:
        return []
    rows = [("step", "in", "out", "dropped", "failed", "")]
    for step in counts:
        dropped, failed = sum(step["dropped"].values()), sum(step["failed"].values())
        rows.append(
            (
                clean(step["step"]), f"{step['in']:,}", f"{step['out']:,}", f"{dropped:,}" if dropped else "–",
                f"{failed:,}" if failed else "–", _why(step),
            )
        )  # fmt: skip
    return columns(rows, "<>>>><")


def _why(step: Mapping[str, Any]) -> str:
    notes = [f"{step[word]:,} {word}" for word in ("made", "merged", "waiting") if step.get(word)]
    for kind in ("dropped", "failed"):
        reasons = sorted(step[kind].items(), key=lambda item: -item[1])
        notes += [f"{one_line(reason, 48)}: {count:,}" for reason, count in reasons[:MOST_REASONS]]
        if len(reasons) > MOST_REASONS:
            notes.append(f"{len(reasons) - MOST_REASONS} more reasons")
    return " · ".join(notes)


def node_lines(nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Calls, tokens and dollars per node and model, as a table."""
    asked = [node for node in nodes if node["calls"] or node["cached"] or node["retries"]]
    if not asked:
        return []
    rows = [["node", "model", "calls", "cached", "retries", "tokens in", "tokens out", "cost"]]
    for node in asked:
        counts = [f"{node[name]:,}" for name in ("calls", "cached", "retries", "input", "output")]
        rows.append([clean(node["node"]), clean(node["model"]), *counts, money(node["usd"]) if node["usd"] else "–"])
    return columns(rows, "<<>>>>>>")


def tables(counts: Sequence[Mapping[str, Any]], nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Both tables, their heads dimmed, one below the other."""
    lines: list[str] = []
    for table in (step_lines(counts), node_lines(nodes)):
        if table:
            lines += ["", tint(table[0], dim=True), *table[1:]]
    return lines


def closing_lines(summary: Summary, pipeline: Pipeline) -> list[str]:
    """Where everything is, and what to do next."""
    folder = near(summary.folder)
    lines = []
    if summary.status == "finished":
        paths = [near(path, pipeline.base) for path in summary.sinks if path != "-"]
        lines += [f"  {'records' if i == 0 else '       '}  {path}" for i, path in enumerate(paths)]
    lines.append(f"  run      {folder}")
    if summary.dropped:
        lines.append(f"  dropped  {folder}/{FILES['dropped']}")
    if summary.failed:
        lines.append(f"  failed   {folder}/{FILES['failed']}")
        lines += ["", *next_steps(summary.folder, summary.failed)]
    return lines


def same_command(file: str, sets: Sequence[str] = (), limit: int | None = None) -> str:
    """A `seedbed run` as one would type it here."""
    words = ["seedbed", "run", near(file)]
    for text in sets:
        words += ["--set", text]
    if limit is not None:
        words += ["-n", str(limit)]
    return shlex.join(words)


def next_steps(folder: Path, failed: int) -> list[str]:
    """The commands for a run with failed records."""
    run = near(folder)
    commands = [(f"  seedbed retry {run}", f"tries {'it' if failed == 1 else 'only those'} again")]
    first = first_failed(folder)
    if first:
        commands.append((f"  seedbed trace {run} {first}", "shows what happened to one"))
    return [f"{some(failed, 'record')} failed:", *columns(commands, "<<", indent="")]


def first_failed(folder: Path) -> str:
    """The id of a record that failed, as one would type it; empty where there is none."""
    try:
        with open(folder / FILES["failed"], encoding="utf-8") as file:
            line = file.readline()
        found = str(json.loads(line)["id"]) if line else ""
    except (OSError, ValueError, KeyError):
        return ""
    return clean(found) if found.isprintable() and " " not in found else ""
