"""The generated parts of docs/ say what the code says."""

import subprocess
import sys
from pathlib import Path


def test_generated_parts_are_up_to_date() -> None:
    script = Path(__file__).parents[2] / "docs" / "generate.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
