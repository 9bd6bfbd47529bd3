"""A coroutine at work in a thread of its own, with its own event loop: so that `run()` works in notebooks, where a
loop runs already, and installs no signal handlers. Rows that it makes come out one by one, at the reader's pace.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from seedbed.errors import Interrupted
from seedbed.record import Fields, Record
from seedbed.run.signals import loop_factory

T = TypeVar("T")

MOST_ROWS = 64
"""Rows that may wait for their reader."""
PATIENCE = 0.5
"""Seconds after which a waiting thread looks again; only Windows needs it to see Ctrl-C."""
LAST_WAIT = 5.0
"""Seconds that what is in flight is given after a second Ctrl-C."""


class Background(Generic[T]):
    """Runs a coroutine in a thread. `stop` is called in that thread's loop until it says that it has stopped it."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]], stop: Callable[[], bool]) -> None:
        self._work = work
        self._stop = stop
        self._result: Future[T] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[T] | None = None
        self._asked_to_stop = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="seedbed-run", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                self._loop = runner.get_loop()
                result = runner.run(self._main())
        except BaseException as error:
            self._result.set_exception(error)
        else:
            self._result.set_result(result)
        finally:
            self._ended.set()

    async def _main(self) -> T:
        self._task = asyncio.create_task(self._work())
        stopper = asyncio.create_task(self._stop_when_asked())
        try:
            return await self._task
        finally:
            stopper.cancel()

    async def _stop_when_asked(self) -> None:
        """Looks now and then: a stop may be asked for before there is something to stop."""
        while not (self._asked_to_stop.is_set() and self._stop()):
            await asyncio.sleep(0.05)

    def stop(self) -> None:
        """Asks it to end what is in flight and to stop."""
        self._asked_to_stop.set()

    def join(self) -> T:
        """Waits for its end; its result, or its error. Ctrl-C stops it and is raised once it has stopped."""
        try:
            self._wait()
        except KeyboardInterrupt:
            self.stop()
            try:
                self._wait()
            except KeyboardInterrupt:
                if self._loop is not None and self._task is not None and not self._loop.is_closed():
                    self._loop.call_soon_threadsafe(self._task.cancel)
                self._ended.wait(LAST_WAIT)
            raise
        return self._result.result()

    def _wait(self) -> None:
        # Not by joining the thread: a join that Ctrl-C interrupts takes the thread for ended (bpo-45274).
        while not self._ended.wait(PATIENCE):
            pass


class Feed:
    """Rows on their way from a loop in one thread to a reader in another."""

    def __init__(self) -> None:
        self._rows: SimpleQueue[Fields | None] = SimpleQueue()
        self._closed = False
        self._waiting: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def put(self, row: Fields, record: Record) -> Coroutine[Any, Any, None] | None:
        """Hands a row on; what it returns is to be awaited, for as long as the reader is behind. Raises Interrupted
        where there is no reader any more."""
        if self._closed:
            raise Interrupted("the rows are not read to their end", hint="the next run goes on where this one stopped")
        self._rows.put({"id": record.id, **row})
        return self._room() if self._rows.qsize() >= MOST_ROWS else None

    async def _room(self) -> None:
        room = asyncio.Event()
        self._waiting = asyncio.get_running_loop(), room
        while self._rows.qsize() >= MOST_ROWS and not self._closed:
            room.clear()
            await room.wait()
        self._waiting = None

    def end(self) -> None:
        """No more rows come."""
        self._rows.put(None)

    def close(self) -> None:
        """Nobody reads any more."""
        self._closed = True
        self._wake()

    def read(self) -> Iterator[Fields]:
        """The rows, as they come."""
        while (row := self._rows.get()) is not None:
            if self._rows.qsize() < MOST_ROWS // 2:
                self._wake()
            yield row

    def _wake(self) -> None:
        waiting = self._waiting
        if waiting is not None:
            loop, room = waiting
            if not loop.is_closed():
                loop.call_soon_threadsafe(room.set)


def rows_of(
    work: Callable[[Feed], Coroutine[Any, Any, T]], stop: Callable[[], bool], ended: Callable[[T], None]
) -> Iterator[Fields]:
    """The rows that a coroutine puts into the feed it is given, while it runs. `ended` is told its result.

    A reader that goes away stops it, and waits until what is in flight has ended.
    """
    feed = Feed()

    async def fed() -> T:
        try:
            return await work(feed)
        finally:
            feed.end()

    background = Background(fed, stop)
    background.start()
    try:
        yield from feed.read()
    except BaseException:
        feed.close()
        background.stop()
        background.join()
        raise
    ended(background.join())
