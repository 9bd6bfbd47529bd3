"""How long `seedbed --help` takes, and what it loads.

    python benchmarks/imports.py [--rounds 15]

Bar: less than 150 ms, and none of the heavy libraries.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from common import SEEDBED, machine, measured, median

HEAVY = ("aiohttp", "pydantic", "pyarrow", "pyreqwest", "rich", "ruamel", "sqlite3", "asyncio", "numpy", "minijinja")


def loaded(code: str) -> list[str]:
    """Which of the heavy libraries are loaded after some code."""
    probe = f"{code}\nimport sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return answer.stdout.splitlines()[-1].split()


def main() -> None:
    """Prints the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=15)
    rounds = options.parse_args().rounds
    print(f"medians of {rounds}; {machine()}\n")
    with tempfile.TemporaryDirectory() as name:
        bare = [measured([sys.executable, "-c", "pass"], Path(name)) for _ in range(rounds)]
        help_ = [measured([*SEEDBED, "--help"], Path(name)) for _ in range(rounds)]
    print(f"python -c pass   {median([c.wall for c in bare]) * 1000:.0f} ms wall, "
          f"{median([c.cpu for c in bare]) * 1000:.0f} ms CPU")  # fmt: skip
    print(f"seedbed --help   {median([c.wall for c in help_]) * 1000:.0f} ms wall, "
          f"{median([c.cpu for c in help_]) * 1000:.0f} ms CPU")  # fmt: skip
    print(f"import seedbed loads    {', '.join(loaded('import seedbed')) or 'none of ' + ', '.join(HEAVY)}")
    show = "from seedbed.cli.main import seedbed\nseedbed.main(['--help'], standalone_mode=False)"
    print(f"seedbed --help loads    {', '.join(loaded(show)) or 'none of them'}")


if __name__ == "__main__":
    main()
