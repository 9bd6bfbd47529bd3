"""The answer where no rule matches: a function of the request alone, so that any pipeline can be dry-run."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from seedbed.models.script.exchange import Asked
from seedbed.models.script.instance import WORDS, instance

_encode = msgspec.json.encode


def answer_text(asked: Asked, choice: int = 0) -> str:
    """Sixteen words, or a JSON value that fits the schema asked for. Other prompts, other words."""
    digest = asked.dice
    if asked.schema is not None:
        return _encode(instance(asked.schema, Random(digest + b"%d" % choice))).decode()
    start = 16 * (choice & 1)
    if choice > 1:
        digest = Random(digest + b"%d" % choice).randbytes(32)
    text = " ".join([WORDS[byte & 63] for byte in digest[start : start + 16]])
    if asked.wants != "text":
        return _encode({"answer": text}).decode()
    most = asked.params.get("max_tokens") or asked.params.get("max_completion_tokens")
    return (text[: 4 * most] if isinstance(most, int) else text).capitalize() + "."


def answer_logprobs(text: str, digest: bytes, top: int) -> list[dict[str, Any]]:
    """Token objects as OpenAI gives them for a text, a token for each word; `top` alternatives for each."""
    random = Random(digest)
    made = []
    for i, token in enumerate(split_tokens(text)):
        logprob = round(-random.expovariate(4.0), 4)
        others = [
            {"token": f" {WORDS[(i + k) % 64]}", "logprob": round(logprob - 1.0 - k, 4), "bytes": None}
            for k in range(top - 1)
        ]
        first = {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "surrogatepass"))}
        made.append({**first, "top_logprobs": [first, *others] if top else []})
    return made


def split_tokens(text: str) -> list[str]:
    """The words of a text, each with the space before it; joined they are the text."""
    parts = text.split(" ")
    return [part if i == 0 else f" {part}" for i, part in enumerate(parts) if part or i]
