"""Runs a pipeline in the main thread, where Ctrl-C and SIGTERM stop it: once drains, twice stops now."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

from seedbed.graph.spec import Pipeline
from seedbed.run.session import Options, Session, Watcher
from seedbed.run.summary import Summary

WAIT = "stopping: waiting for what is in flight; once more stops at once"


def run_here(pipeline: Pipeline, options: Options, watcher: Watcher | None = None) -> Summary:
    """Runs a pipeline to its end. Raises UserError; how it stopped is in the summary."""
    session = Session(pipeline, options, watcher)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        loop = runner.get_loop()
        with _watched(loop, session):
            return runner.run(session.run())


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where the extra `fast` is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


@contextlib.contextmanager
def _watched(loop: asyncio.AbstractEventLoop, session: Session) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread() or os.name == "nt":
        yield
        return

    def stop() -> None:
        if session.stop():
            print(f"\n{WAIT}", file=sys.stderr, flush=True)
        else:
            os._exit(3)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
