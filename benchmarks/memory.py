"""Peak memory of a run against its size: two `scripted` nodes, no network.

    python benchmarks/memory.py [--records 10000 100000 1000000]

Bar: 1,000,000 records in less than 500 MB, flat.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from common import SEEDBED, Cost, machine, measured, table

PIPELINE = """\
name: memory
models: {m: {provider: scripted}}
source: seeds.jsonl
nodes:
  draft: {type: llm, model: m, prompt: "Write one sentence about topic {{ number }}."}
  short: {type: llm, model: m, prompt: "Make this shorter: {{ draft }}"}
sink: out.jsonl
"""


def one(records: int) -> Cost:
    """One run in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pipeline.yaml").write_text(PIPELINE)
        with open(folder / "seeds.jsonl", "w") as file:
            for number in range(records):
                file.write(json.dumps({"number": number}) + "\n")
        cost = measured([*SEEDBED, "run", "pipeline.yaml", "--quiet"], folder)
        with open(folder / "out.jsonl") as file:
            assert sum(1 for _ in file) == records
    return cost


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    chosen = options.parse_args()
    print(f"{machine()}\n")
    rows: list[list[object]] = []
    for records in chosen.records:
        cost = one(records)
        rows.append([f"{records:,}", f"{cost.peak:.0f}", cost.wall, f"{cost.cpu / records * 1e6:.0f}"])
    table(rows, ["records", "peak MB", "wall s", "CPU µs/record"])


if __name__ == "__main__":
    main()
