"""The plug-in of docs/plugins.md: installed as its page says, its pipeline runs and the commands know it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text("utf-8")


def test_the_plug_in_works(tmp_path: Path) -> None:
    ((name, code),) = re.findall(r"^```python\n# (\S+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (tmp_path / name).write_text(code, "utf-8")
    (nodes,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    rest = "name: loud\nsource: [{word: hello}, {word: good evening}]\nsink: loud.jsonl\n"
    (tmp_path / "loud.yaml").write_text(rest + nodes, "utf-8")
    (offered,) = re.findall(r'^```toml\n\[project\.entry-points\."(.*?)"\]\n(\w+) = "(.*?)"\n```', PAGE, re.MULTILINE)
    group, word, place = offered
    installed = tmp_path / "shouting-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(f"[{group}]\n{word} = {place}\n")

    def seedbed(*arguments: str) -> str:
        command = [sys.executable, "-m", "seedbed", *arguments]
        path = {**os.environ, "PYTHONPATH": str(tmp_path)}
        return subprocess.run(command, cwd=tmp_path, env=path, check=True, capture_output=True, text=True).stdout

    seedbed("run", "loud.yaml")
    assert [json.loads(line)["said"] for line in (tmp_path / "loud.jsonl").read_text().splitlines()] == [
        "HELLO!!",
        "GOOD EVENING!!",
    ]
    assert "Node_shout" in seedbed("schema")
