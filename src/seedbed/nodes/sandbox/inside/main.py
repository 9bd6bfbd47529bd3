"""Where a sandboxed process begins: reads its job, confines itself, and runs a program or a query.

The job comes over standard input, in Python's own marshal form, from a parent that is trusted and runs the same
Python. What is told back stands in `reply.py`.
"""

from __future__ import annotations

import marshal
import os
import sys

PACKAGE = "seedbed.nodes.sandbox.inside"


def main() -> None:
    """Runs the job."""
    _importable()
    from seedbed.nodes.sandbox.inside.confine import confine
    from seedbed.nodes.sandbox.inside.reply import Reply

    job = marshal.loads(sys.stdin.buffer.read())
    _standard_input(job["stdin"])
    os.set_inheritable(job["pipe"], False)
    reply = Reply(job["pipe"], job["word"])
    confine(job["confine"], job["limits"])
    for name, text in job["files"].items():
        _write(name, text)
    reply("ready")
    if job["language"] == "python":
        from seedbed.nodes.sandbox.inside.program import run
    else:
        from seedbed.nodes.sandbox.inside.sql import run
    run(job, reply)


def _importable() -> None:
    """Lets the modules beside this one be imported by their full names, and nothing else of the package."""
    parts = PACKAGE.split(".")
    for end in range(1, len(parts) + 1):
        module = type(sys)(".".join(parts[:end]))
        module.__path__ = []
        sys.modules[module.__name__] = module
    sys.modules[PACKAGE].__path__ = [os.path.dirname(__file__)]  # noqa: PTH120  (pathlib is slow to import)


def _standard_input(text: str) -> None:
    """Puts a text where the program reads its input."""
    if not text:
        source = os.open(os.devnull, os.O_RDONLY)
    elif hasattr(os, "memfd_create"):
        source = os.memfd_create("stdin")
    else:
        source = os.open("stdin", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.unlink("stdin")  # noqa: PTH108
    if text:
        body = text.encode("utf-8", "replace")
        while body:
            body = body[os.write(source, body) :]
        os.lseek(source, 0, os.SEEK_SET)
    os.dup2(source, 0)
    os.close(source)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115


def _write(name: str, text: str) -> None:
    folder = name.rpartition("/")[0]
    if folder:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    with open(name, "w", encoding="utf-8", errors="replace", newline="") as file:
        file.write(text)


if __name__ == "__main__":
    main()
