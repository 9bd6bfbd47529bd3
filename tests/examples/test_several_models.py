"""The examples of several models and of pictures, on the scripted model."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from seedbed.run.prepare import prepare
from seedbed.run.session import Options, Session

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def run(name: str, *sets: str) -> list[Any]:
        for path in EXAMPLES.glob(f"{name}*"):
            copied = tmp_path / path.name
            shutil.copytree(path, copied) if path.is_dir() else shutil.copy(path, copied)
        summary = asyncio.run(Session(prepare(tmp_path / f"{name}.yaml", sets), Options()).run())
        assert summary.exit_code() == 0
        return [json.loads(line) for line in (tmp_path / "out" / f"{name}.jsonl").read_text().splitlines()]

    return run


def test_answers_of_several_models_become_preference_rows(run: Any) -> None:
    rows = run("preferences", *(f"models.{name}=scripted" for name in ("small", "large", "judge")))
    assert len(rows) == 4
    assert all(row["margin"] > 0 and row["chosen"] != row["rejected"] for row in rows)


def test_pictures_become_questions_and_answers(run: Any) -> None:
    first, second = run("pictures")
    asked, answered = first["messages"]
    assert asked["content"][0] == {"type": "image", "image": "pictures/red.png"}
    assert asked["content"][1]["text"] == "What colour is the picture?"
    assert answered["content"] == "It has one even colour."
    assert second["messages"][1]["content"] == "No, nothing is drawn on it."
