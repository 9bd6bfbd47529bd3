"""Text and Markdown: a file, a record."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedbed.io.files.markdown import Markdown
from seedbed.io.files.text import Text


def test_a_text_is_one_row(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\n")
    (row,) = Text().read(tmp_path / "a.txt", "docs/a.txt")
    assert row.fields == {"text": "one\ntwo\n", "path": "docs/a.txt"}


def test_what_is_not_utf8_is_one_bad_row(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\ntw\xe9\n")
    (row,) = Text().read(tmp_path / "a.txt", "a.txt")
    assert (row.fields, row.error) == (None, "line 2, byte 3: 0xe9 is not UTF-8")
    assert row.raw == "one\ntw\\xe9"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# One\n# Two", "One"),
        ("text\n\n### Deep ###\n", "Deep"),
        ("```\n# code\n```\n## After", "After"),
        ("~~~~\n```\n# code\n~~~~\n## After", "After"),
        ("---\n# yaml: comment\ntitle: x\n---\nIntro\n=====\n", "Intro"),
        ("Underlined\n---\n", "Underlined"),
        ("- item\n---\n# Real\n", "Real"),
        ("#no heading\n", None),
        ("---\nnever closed\n", None),
        ("", None),
    ],
)
def test_the_title_is_the_first_heading(tmp_path: Path, text: str, title: str | None) -> None:
    (tmp_path / "a.md").write_text(text)
    (row,) = Markdown().read(tmp_path / "a.md", "a.md")
    assert row.fields == {"text": text, "path": "a.md", "title": title}
