"""What the engine costs per LLM call, against a bare aiohttp loop on the same server in the same run.

    python benchmarks/engine.py [--rows 5000] [--latency 0.05] [--rounds 3]

A graph of two `llm` nodes; the server answers after a fixed latency, in a process of its own. Wall times are against
the ideal (calls x latency / in flight) and against the bare loop; CPU is the whole process's, start-up subtracted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from common import SEEDBED, Cost, machine, measured, median, server, table

PIPELINE = """\
name: engine
models:
  m: {{provider: openai, model: m, base_url: "{url}", limits: {{concurrency: {in_flight}}}}}
source: seeds.jsonl
nodes:
  draft: {{type: llm, model: m, prompt: "Write one sentence about topic {{{{ number }}}}."}}
  short: {{type: llm, model: m, prompt: "Make this shorter: {{{{ draft }}}}"}}
sink: out.jsonl
"""


def one(url: str, rows: int, in_flight: int) -> Cost:
    """One run of the pipeline in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pipeline.yaml").write_text(PIPELINE.format(url=url, in_flight=in_flight))
        with open(folder / "seeds.jsonl", "w") as file:
            for number in range(rows):
                file.write(json.dumps({"number": number}) + "\n")
        cost = measured([*SEEDBED, "run", "pipeline.yaml", "--quiet"], folder)
        with open(folder / "out.jsonl") as file:
            assert sum(1 for _ in file) == rows
    return cost


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=5000)
    options.add_argument("--latency", type=float, default=0.05)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--in-flight", type=int, nargs="*", default=[64, 256])
    chosen = options.parse_args()
    bare = str(Path(__file__).with_name("bare_loop.py"))
    print(f"{chosen.rows} rows, 2 calls each, {chosen.latency * 1000:g} ms; medians of {chosen.rounds}; {machine()}\n")
    rows: list[list[object]] = []
    for in_flight in chosen.in_flight:
        calls = 2 * chosen.rows
        ideal = calls * chosen.latency / in_flight
        ours: list[Cost] = []
        floor: list[Cost] = []
        with server(chosen.latency) as url, tempfile.TemporaryDirectory() as name:
            start = one(url, 1, in_flight)
            floor_start = measured([sys.executable, bare, url, "1", "1"], Path(name))
            for _ in range(chosen.rounds):
                floor.append(measured([sys.executable, bare, url, str(chosen.rows), str(in_flight)], Path(name)))
                ours.append(one(url, chosen.rows, in_flight))
        whole = median([c.wall for c in ours])
        wall, bare_wall = whole - start.wall, median([c.wall for c in floor]) - floor_start.wall
        cpu = (median([c.cpu for c in ours]) - start.cpu) / calls * 1000
        bare_cpu = (median([c.cpu for c in floor]) - floor_start.cpu) / calls * 1000
        peak = median([c.peak for c in ours])
        rows.append([in_flight, ideal, bare_wall, wall, wall / bare_wall, whole, bare_cpu, cpu, cpu / bare_cpu, peak])
    table(
        rows,
        ["in flight", "ideal s", "bare s", "seedbed s", "ratio", "with start-up s", "bare CPU ms/call",
         "seedbed CPU ms/call", "ratio", "peak MB"],
    )  # fmt: skip


if __name__ == "__main__":
    main()
