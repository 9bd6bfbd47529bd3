"""Messages as `seedbed trace` shows them."""

from __future__ import annotations

from typing import Any

import pytest

from seedbed.cli.turns import said

CALL = {"id": "c", "type": "function", "function": {"name": "send", "arguments": '{"to": "Ada"}'}}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "Hi\nthere"}, "Hi\nthere"),
        ({"content": None, "tool_calls": [CALL]}, '→ send({"to": "Ada"})'),
        ({"content": "", "tool_calls": [{"name": "send", "arguments": {"to": "Ada"}}]}, '→ send({"to": "Ada"})'),
        ({"content": {"a": 1}}, '{"a": 1}'),
        (
            {
                "content": [
                    {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
                    {"type": "input_audio", "input_audio": {"data": "x" * 500, "format": "wav"}},
                    {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}},
                    {"type": "image", "image": "a.png"},
                    {"type": "text", "text": "What is it?"},
                    "loose",
                ]
            },
            f"[image: https://example.org/a.png]\n[audio: {'x' * 80}…]\n"
            "[file: a.pdf data:application/pdf;base64,AA==]\n[image: a.png]\nWhat is it?\nloose",
        ),
    ],
)
def test_a_message_is_text(message: dict[str, Any], text: str) -> None:
    assert said(message) == text
