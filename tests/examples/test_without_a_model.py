"""What comes of the examples that ask no model."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

from seedbed.run.prepare import prepare
from seedbed.run.session import Options, Session

EXAMPLES = Path(__file__).parents[2] / "examples"


def rows_of(name: str, folder: Path) -> list[Any]:
    shutil.copytree(EXAMPLES, folder / "examples", ignore=shutil.ignore_patterns("out", "runs", "__pycache__"))
    file = folder / "examples" / f"{name}.yaml"
    summary = asyncio.run(Session(prepare(file), Options()).run())
    assert (summary.status, summary.failed) == ("finished", 0)
    return [
        json.loads(line) for line in (folder / "examples" / "out" / f"{name}.jsonl").read_text("utf-8").splitlines()
    ]


def test_passages(tmp_path: Path) -> None:
    rows = rows_of("passages", tmp_path)
    for row in rows:
        text = (EXAMPLES / row["document"]).read_text("utf-8")
        start, end = row["place"]
        assert text[start:end] == row["passage"]
        assert row["passage"].count("```") in (0, 2)
    assert {(row["document"], row["split"]) for row in rows} == {
        ("handbook/backups.md", "train"),
        ("handbook/passwords.md", "test"),
    }


def test_library(tmp_path: Path) -> None:
    rows = rows_of("library", tmp_path)
    assert [(row["id"], row["facts"]["loans"]) for row in rows] == [("b3", 3), ("b1", 2), ("b4", 1), ("b2", 1)]
    assert "by an unknown author" in rows[2]["question"]
    assert rows[0]["facts"]["mean_days"] == 20.3
