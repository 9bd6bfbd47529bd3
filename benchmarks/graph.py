"""How fast records walk: node executions per second on one core, nodes that do nothing.

    python benchmarks/graph.py [--records 20000] [--rounds 5]

Nodes: plain ones, async ones, a fork and join, a loop; walked in memory (the graph alone), and as a whole pipeline
with source, store and sink (what `seedbed run` does). Bar: 50,000 node executions per second and core.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import SEEDBED, machine, measured, median, table

from seedbed.graph.edges import parse_edges
from seedbed.graph.flow import build_flow
from seedbed.graph.station import Station
from seedbed.graph.walk import Walker
from seedbed.template.expression import compile_expression

SHAPES = {
    "chain of 5": ["start -> a -> b -> c -> d -> e -> end"],
    "fork of 3 and join": ["start -> a -> [b, c, d] -> e -> end"],
    "loop, 3 passes": ["start -> a -> b", "b -> a when visits.b < 3", "b -> end"],
}


def walker(lines: list[str], asynchronous: bool) -> tuple[Walker, list[str]]:
    """A walker whose nodes give their visit's number."""
    edges, _ = parse_edges(lines)
    names = [name for name in "abcde" if any(name in (e.source, e.target) for e in edges)]
    flow, issues = build_flow(names, edges)
    assert flow is not None, issues

    async def waits(visit: Any) -> int:
        return int(visit.number)

    call: Callable[[Any], Any] = waits if asynchronous else lambda visit: visit.number
    stations = [Station(name, call, asynchronous, [name]) for name in names]
    return Walker(flow, stations, lambda text: compile_expression(text).true), names


async def walked(made: Walker, records: int) -> int:
    """Walks so many records; gives the node executions."""
    executions = 0
    for number in range(records):
        scope: dict[str, Any] = {"number": number}
        await made.walk(scope, str(number), 0, set())
        executions += sum(scope["visits"].values())
    return executions


def whole_pipeline(records: int) -> float:
    """Node executions per CPU second of `seedbed run`: five expression nodes."""
    nodes = "\n".join(f"  n{i}: {{type: expression, expression: 'number'}}" for i in range(5))
    text = f"name: graph\nsource: seeds.jsonl\nnodes:\n{nodes}\nsink: out.jsonl\n"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pipeline.yaml").write_text(text)
        with open(folder / "seeds.jsonl", "w") as file:
            for number in range(records):
                file.write(json.dumps({"number": number}) + "\n")
        run = [*SEEDBED, "run", "pipeline.yaml", "--quiet", "--fresh"]
        start = measured([*run, "-n", "1"], folder)
        return 5 * records / (measured(run, folder).cpu - start.cpu)


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    print(f"{chosen.records} records; medians of {chosen.rounds}, CPU time; {machine()}\n")
    rows: list[list[object]] = []
    for shape, lines in SHAPES.items():
        for asynchronous in (False, True):
            made, _ = walker(lines, asynchronous)
            speeds = []
            for _ in range(chosen.rounds):
                started = time.process_time()
                executions = asyncio.run(walked(made, chosen.records))
                speeds.append(executions / (time.process_time() - started))
            rows.append([shape, "async" if asynchronous else "plain", f"{median(speeds):,.0f}"])
    speeds = [whole_pipeline(chosen.records) for _ in range(chosen.rounds)]
    rows.append(["chain of 5, whole pipeline", "expression", f"{median(speeds):,.0f}"])
    table(rows, ["graph", "nodes", "node executions/s"])


if __name__ == "__main__":
    main()
