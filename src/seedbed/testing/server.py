"""A scripted endpoint for tests: OpenAI-compatible over HTTP on loopback, with rules, faults, limits and a log.

    with ScriptedServer([{"contains": "capital of France", "reply": "Paris"}]) as server:
        …                                   # point a client to server.url
    assert len(server.requests) == 1

It runs in a thread of its own; `python -m seedbed.testing.server` runs one as a process.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from seedbed.errors import UserError
from seedbed.models.contract import Provider
from seedbed.models.script.engine import Script
from seedbed.models.script.rules import LatencySpec, Rules, Source, load_rules
from seedbed.testing.front import Front
from seedbed.testing.http import HttpServer
from seedbed.testing.limits import Limits
from seedbed.testing.log import Counts, Exchange


class ScriptedServer:
    """A scripted endpoint. A context manager; `start` and `stop` do the same."""

    def __init__(
        self,
        rules: Source = None,
        *,
        latency: float | LatencySpec | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        models: list[str] | None = None,
        keep: int = 100_000,
        **limits: Any,
    ) -> None:
        """`rules` is a file, a list of rules, or nothing; `latency` is used where no rule says another, in seconds;
        `models` are the names listed; `keep` is how many requests the log holds; `limits` are the fields of
        `seedbed.testing.limits.Limits`: api_key, max_in_flight, max_requests, max_tokens, window, slots, rate_headers.
        """
        self._latency = LatencySpec(seconds=latency) if isinstance(latency, int | float) else latency
        self._host = host
        self._port = port
        self.rules = rules
        self._front = Front(
            lambda asked: self._script.answer(asked), Limits(**limits), models=models or ["scripted"], keep=keep
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def rules(self) -> Rules:
        """The rules in force. May be set while the server runs; all counting starts anew then."""
        return self._rules

    @rules.setter
    def rules(self, source: Source) -> None:
        rules = load_rules(source)
        self._rules = rules if rules.latency else rules.model_copy(update={"latency": self._latency})
        self._script = Script(self._rules)

    @property
    def url(self) -> str:
        """What to give a client as its base URL: `http://127.0.0.1:PORT/v1`."""
        return f"http://{self._host}:{self._port}/v1"

    @property
    def requests(self) -> list[Exchange]:
        """What was asked so far, in the order in which it came."""
        return list(self._front.log)

    @property
    def counts(self) -> Counts:
        """How much was asked so far."""
        return self._front.counts

    def start(self) -> ScriptedServer:
        """Starts to listen. Raises OSError where it cannot."""
        started = threading.Event()
        failed: list[OSError] = []

        async def serve() -> None:
            server = HttpServer(self._front.handle)
            try:
                self._port = await server.start(self._host, self._port)
            except OSError as error:
                failed.append(error)
                return
            finally:
                started.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            await server.stop()

        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(serve(),), name="scripted-server", daemon=True)
        self._thread.start()
        started.wait()
        if failed:
            self._thread.join()
            raise failed[0]
        return self

    def stop(self) -> None:
        """Closes every connection and stops."""
        if self._thread is not None and self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join()

    def _run(self, serving: Any) -> None:
        assert self._loop is not None
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(serving)
        self._loop.run_until_complete(self._task)
        self._loop.close()

    def __enter__(self) -> ScriptedServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


async def serve_front(front: Front, host: str, port: int, provider: Provider | None = None) -> None:
    """Serves in this process until SIGINT or SIGTERM; the first line printed is the URL. Raises OSError.

    `provider` is what the front answers with, if it has to be opened first and closed at the end.
    """
    async with contextlib.AsyncExitStack() as stack:
        if provider is not None:
            stack.push_async_callback(provider.close)
            await provider.open(Path())
        server = HttpServer(front.handle)
        bound = await server.start(host, port)
        stack.push_async_callback(server.stop)
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, stopping.set)
            except NotImplementedError:  # Windows has no such handlers
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopping.set))
        print(f"http://{host}:{bound}/v1", flush=True)
        await stopping.wait()


def run_front(front: Front, host: str, port: int, provider: Provider | None = None) -> None:
    """Does what `serve_front` does, on the faster event loop where it is installed."""
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with contextlib.suppress(ImportError):
        from uvloop import new_event_loop as factory
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve_front(front, host, port, provider))


def scripted_front(rules: Source, latency: LatencySpec | None, **limits: Any) -> Front:
    """A front before rules. Raises SpecError or InputError where they are wrong."""
    loaded = load_rules(rules)
    script = Script(loaded if loaded.latency else loaded.model_copy(update={"latency": latency}))
    return Front(script.answer, Limits(**limits), keep=1)


def main() -> None:
    """`python -m seedbed.testing.server [RULES] --port 0 --latency 0.05`."""
    parser = argparse.ArgumentParser(prog="python -m seedbed.testing.server", description=main.__doc__)
    parser.add_argument("rules", nargs="?", help="a rules file; without one every answer is made up")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--latency", type=float, help="seconds for each answer")
    parser.add_argument("--max-in-flight", type=int, help="more requests at once get 429")
    parser.add_argument("--api-key", help="other keys get 401")
    given = parser.parse_args()
    latency = None if given.latency is None else LatencySpec(seconds=given.latency)
    try:
        front = scripted_front(given.rules, latency, max_in_flight=given.max_in_flight, api_key=given.api_key)
    except UserError as error:
        sys.exit(str(error))
    try:
        run_front(front, given.host, given.port)
    except OSError as error:
        sys.exit(f"cannot listen on {given.host}:{given.port}: {error.strerror}")


if __name__ == "__main__":
    main()
