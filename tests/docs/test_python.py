"""Every block of docs/python.md runs, one after the other, as a reader would type them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seedbed.registry import own

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(own, "_types", {})
    page = PAGE.read_text("utf-8")
    space: dict[str, object] = {"__name__": "__main__"}
    blocks = list(re.finditer(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE))
    assert len(blocks) >= 10
    for block in blocks:
        # In place of a model that has to be fetched first.
        code = block[1].replace('"local"', '"scripted"')
        line = page[: block.start(1)].count("\n")
        exec(compile("\n" * line + code, str(PAGE), "exec"), space)
    said = capsys.readouterr().out
    assert "nothing writes the field `storry`; did you mean `story`?" in said
    assert "python.md:" in said
    assert "the budget of 10 calls is used" in said
    assert "finished: 53 records" in said
