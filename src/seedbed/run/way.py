"""The way of one record through a run, with all that was asked and answered for it, as plain data.

What the steps did is in `run.db`, what models were asked in `calls.db`; a trail's call keys lead from one to the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seedbed.run.calls import of_record
from seedbed.run.inspect import Passage, family, passages_of

CALLS = "calls.db"
"""Where answered calls lie, below a `runs/` folder or in the user's cache."""

Replies = dict[str, list[dict[str, Any]]]
"""Kept replies by the key of their call, oldest first."""


def way_of(folder: Path, id: str) -> dict[str, Any]:
    """What happened to the record of that id: its source place, what each step did, and what became of it."""
    passages = passages_of(folder, id)
    parents, children = family(folder, id)
    way = way_through(folder, id, passages)
    way["from"] = parents
    way["children"] = [
        {"id": child.id, "step": child.step, "status": child.status, "why": why(child.reject)} for child in children
    ]
    return way


def way_through(folder: Path, id: str, passages: list[Passage], calls: Path | None = None) -> dict[str, Any]:
    """The same for passages that are known, without the record's family. `calls` is where its calls are kept."""
    keys = [bytes.fromhex(call["key"]) for passage in passages for call in _calls(passage)]
    replies = _replies(calls or folder.parent.parent / CALLS, folder.name, keys, id)
    steps = [_step(passage, replies) for passage in passages]
    known = {key.hex() for key in keys}
    last = passages[-1] if passages else None
    return {
        "run": folder.name,
        "id": id,
        "source": last.place if last else "",
        "status": last.status if last else "under way",
        "usd": sum(reply["usd"] for group in replies.values() for reply in group if reply["own"]),
        "steps": steps,
        "under_way": [_reply(reply) for key, group in replies.items() if key not in known for reply in group],
    }


def why(reject: dict[str, Any]) -> str:
    """Why a record was dropped or failed, in one line."""
    if not reject:
        return ""
    return f"{reject['where']}: {reject['error']}" + (f": {reject['message']}" if reject["message"] else "")


def _calls(passage: Passage) -> Iterable[dict[str, Any]]:
    for event in passage.trail:
        yield from event.get("calls") or ()


def _replies(calls: Path, run: str, keys: list[bytes], id: str) -> Replies:
    found: Replies = {}
    if calls.is_file():
        for reply in of_record(calls, run, keys, id):
            found.setdefault(reply["key"], []).append(reply)
    missing = [key for key in keys if key.hex() not in found]
    if missing and (shared := _user_calls()).is_file():
        wanted = {key.hex() for key in missing}
        for reply in of_record(shared, run, missing, id):
            if reply["key"] in wanted:
                found.setdefault(reply["key"], []).append(reply)
    return found


def _user_calls() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("seedbed") / CALLS


def _step(passage: Passage, replies: Replies) -> dict[str, Any]:
    step: dict[str, Any] = {"step": passage.step, "status": passage.status}
    if passage.trail:
        step["nodes"] = [_execution(event, replies) for event in passage.trail]
    if passage.reject:
        kept = ("where", "error", "message", "attempts", "reply")
        step |= {name: passage.reject[name] for name in kept if passage.reject.get(name)}
    else:
        step["records"] = [{"id": id, "fields": fields, "from": parents} for id, fields, parents in passage.made]
    return step


def _execution(event: dict[str, Any], replies: Replies) -> dict[str, Any]:
    calls = []
    for call in event.get("calls") or ():
        group = replies.get(call["key"], [])
        answers = [reply for reply in group if reply["ok"]]
        own = [reply for reply in answers if reply["own"]]
        bad = [_reply(reply) for reply in group if not reply["ok"] and reply["own"]]
        answer = next(iter(own or answers), None)
        asked = (answer or (group[0] if group else {})).get("messages")
        shown: dict[str, Any] = {**call, "messages": call.get("messages") or asked}
        if answer is not None and "error" not in call:
            shown |= _reply(answer)
        if bad:
            shown["bad"] = bad
        calls.append(shown)
    return {**event, "calls": calls}


def _reply(kept: dict[str, Any]) -> dict[str, Any]:
    reply = kept["reply"]
    shown = {"model": kept["model"], "reply": reply["text"], "usd": kept["usd"], "seconds": round(kept["seconds"], 4),
             "input": kept["input"], "output": kept["output"]}  # fmt: skip
    for name in ("reasoning", "finish_reason", "tool_calls"):
        if reply.get(name) not in (None, "stop"):
            shown[name] = reply[name]
    if not kept["ok"]:
        shown["wrong"] = kept["error"]
    return shown
