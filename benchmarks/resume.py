"""A run of 100,000 records killed half-way: time from the start of the next process to its first call.

    python benchmarks/resume.py [--records 100000] [--rounds 3]

The first call is seen by the server, on its own clock. Bar: less than 3 s.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from common import SEEDBED, machine, median, server, stats

PIPELINE = """\
name: resume
models:
  m: {{provider: openai, model: m, base_url: "{url}", limits: {{concurrency: 64}}}}
source: seeds.jsonl
nodes:
  answer: {{type: llm, model: m, prompt: "Write one sentence about topic {{{{ number }}}}."}}
sink: out.jsonl
"""


def killed_at(command: list[str], folder: Path, url: str, calls: int) -> float:
    """Runs until the server has answered so many calls, then kills. Gives seconds to the first call."""
    before = stats(url)["received"]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
    first = 0.0
    while True:
        received = stats(url)["received"] - before
        if received and not first:
            first = time.perf_counter() - started
        if received >= calls:
            break
        if process.poll() is not None:
            raise SystemExit(f"the run ended with {process.returncode} before it was killed")
        time.sleep(0.005 if not first else 0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return first


def main() -> None:
    """Prints the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    print(f"{chosen.records:,} records; medians of {chosen.rounds}; {machine()}\n")
    with server(0.0) as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pipeline.yaml").write_text(PIPELINE.format(url=url))
        with open(folder / "seeds.jsonl", "w") as file:
            for number in range(chosen.records):
                file.write(json.dumps({"number": number}) + "\n")
        command = [*SEEDBED, "run", "pipeline.yaml", "--quiet"]
        empty = killed_at(command, folder, url, chosen.records // 2)
        resumed = [killed_at(command, folder, url, 100) for _ in range(chosen.rounds)]
    print(f"first call of the first process after  {empty:.2f} s")
    print(f"first call of a resumed process after  {median(resumed):.2f} s")


if __name__ == "__main__":
    main()
