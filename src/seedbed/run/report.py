"""`report.html`: what a run was and what came of it, on one page that stands by itself.

Everything in it that came from a model, a source or a file is text, never markup.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from seedbed.graph.draw.picture import picture
from seedbed.graph.draw.svg import svg
from seedbed.graph.spec import Pipeline
from seedbed.record import Fields
from seedbed.run.reject import FILES
from seedbed.run.summary import Summary

FILE = "report.html"
SAMPLES = 5
"""Records of each kind that are shown."""
LONGEST = 600
"""Characters of one value that are shown."""

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0 } h2 { margin-top: 2.2rem; font-size: 1.15rem } .soft { opacity: .7 }
table { border-collapse: collapse; width: 100% } th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line);
text-align: left; vertical-align: top } th { font-weight: 600 } td.n { text-align: right; white-space: nowrap;
font-variant-numeric: tabular-nums } pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font-size: 13px }
details { border: 1px solid var(--line); border-radius: 6px; padding: .4rem .8rem; margin: .5rem 0 }
.facts { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0 } .facts div { background: var(--soft);
border-radius: 6px; padding: .5rem .9rem } .facts b { display: block; font-size: 1.25rem } svg { display: block;
margin: auto; max-width: 100%;height: auto }
"""


def write_report(pipeline: Pipeline, summary: Summary, samples: list[Fields]) -> None:
    """Writes the page into the run directory, whole or not at all."""
    part = summary.folder / f".{FILE}.part"
    part.write_text("\n".join(_page(pipeline, summary, samples)), encoding="utf-8")
    part.replace(summary.folder / FILE)


def _page(pipeline: Pipeline, summary: Summary, samples: list[Fields]) -> Iterable[str]:
    title = escape(f"{summary.name} · {summary.run}")
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    yield f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
    yield f"<h1>{escape(summary.name)}</h1>"
    when = time.strftime("%Y-%m-%d %H:%M")
    yield f'<p class="soft">run {escape(summary.run)} of {escape(pipeline.file)} · {summary.status} · {when}</p>'
    if summary.stop is not None:
        yield f"<p>{escape(str(summary.stop))}</p>"
    yield from _facts(summary)
    yield "<h2>The way</h2>"
    yield svg(picture(pipeline), notes=_notes(summary), scope="way")
    yield from _steps(summary)
    yield from _nodes(summary)
    yield from _records("Records", samples)
    for status, name in FILES.items():
        yield from _records(status.capitalize(), _first_lines(summary.folder / name))
    yield "</body></html>"


def _facts(summary: Summary) -> Iterable[str]:
    total = summary.total
    facts = [
        ("records", f"{summary.accepted:,}"),
        ("read", f"{summary.taken:,}"),
        ("dropped", f"{summary.dropped:,}"),
        ("failed", f"{summary.failed:,}"),
        ("calls", f"{total.calls:,}"),
        ("tokens in / out", f"{total.input:,} / {total.output:,}"),
        ("USD", f"{total.usd:.4f}"),
        ("seconds", f"{summary.seconds:,.1f}"),
    ]
    yield '<div class="facts">'
    for name, value in facts:
        yield f"<div><b>{value}</b>{name}</div>"
    yield "</div>"


def _notes(summary: Summary) -> dict[tuple[str, ...], str]:
    notes: dict[tuple[str, ...], str] = {}
    for step in summary.counts:
        notes[(step["step"],)] = f"{step['in']:,} in · {step['out']:,} out"
    return notes


def _steps(summary: Summary) -> Iterable[str]:
    yield "<h2>Steps</h2><table><tr><th>step<th>in<th>out<th>dropped<th>failed<th>why</tr>"
    for step in summary.counts:
        gone = {**step["dropped"], **step["failed"]}
        why = " · ".join(f"{escape(reason)}: {count:,}" for reason, count in gone.items())
        cells = (step["in"], step["out"], sum(step["dropped"].values()), sum(step["failed"].values()))
        numbers = "".join(f'<td class="n">{cell:,}' for cell in cells)
        yield f"<tr><td>{escape(step['step'])}{numbers}<td>{why}</tr>"
    yield "</table>"


def _nodes(summary: Summary) -> Iterable[str]:
    if not summary.nodes:
        return
    names = ("calls", "cached", "bad", "retries", "input", "output")
    yield f"<h2>Calls</h2><table><tr><th>node<th>model{''.join(f'<th>{name}' for name in names)}<th>USD</tr>"
    for node in summary.nodes:
        numbers = "".join(f'<td class="n">{node[name]:,}' for name in names)
        cost = f'<td class="n">{node["usd"]:.4f}'
        yield f"<tr><td>{escape(node['node'])}<td>{escape(node['model'])}{numbers}{cost}</tr>"
    yield "</table>"


def _records(title: str, rows: list[dict[str, Any]]) -> Iterable[str]:
    if not rows:
        return
    yield f"<h2>{title}</h2>"
    for number, row in enumerate(rows):
        name = escape(str(row.get("id", number + 1)))
        yield f"<details{' open' if number == 0 else ''}><summary>{name}</summary><table>"
        for key, value in row.items():
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            shown = text if len(text) <= LONGEST else text[:LONGEST] + " …"
            yield f"<tr><th>{escape(key)}<td><pre>{escape(shown)}</pre></tr>"
        yield "</table></details>"


def _first_lines(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        return []
    found = []
    with open(file, encoding="utf-8") as lines:
        for line, _ in zip(lines, range(SAMPLES), strict=False):
            found.append(json.loads(line))
    return found
