"""A worker step at work: many records at once, each outcome stored, leaving in the order in which they came.

Outcomes found in the store are not worked on again. Memory is bounded: records that wait for an earlier one are held
as JSON, and no record is admitted while too many wait or work.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import msgspec

from seedbed.errors import RecordError, StopRun
from seedbed.graph.contracts import Outcome, Work, WorkerStep
from seedbed.models.gate import turn
from seedbed.models.ledger import Ledger
from seedbed.record import Record
from seedbed.run.context import RunContext
from seedbed.run.counts import StepCounts
from seedbed.run.reject import Reject, Rejects, of_error
from seedbed.run.store import RunStore, encode

MOST_WAITING = 20_000
"""Records that may be admitted and not yet given on."""
MOST_BYTES = 48 * 1024 * 1024
"""JSON bytes of outcomes that may wait for an earlier record."""
MOST_BACKLOG = 5_000
"""Rows that may wait for the store's writer; beyond, admission waits until they are written."""

_decode = msgspec.json.decode


class _Slot:
    """The place of one record in the order. `body` is its stored form once it has left."""

    __slots__ = ("body", "done", "record", "status")

    def __init__(self, record: Record) -> None:
        self.record = record
        self.status = ""
        self.body = b""
        self.done = False


class Worker:
    """Runs one worker step over a stream of records."""

    def __init__(
        self,
        number: int,
        step: WorkerStep,
        work: Work,
        store: RunStore,
        ledger: Ledger,
        counts: StepCounts,
        rejects: Rejects,
        places: Callable[[], tuple[int, int]],
        context: RunContext,
    ) -> None:
        self.number = number
        self.step = step
        self.work = work
        self.store = store
        self.ledger = ledger
        self.counts = counts
        self.rejects = rejects
        self.context = context
        self.places = places
        """How many records may be worked on at once, and held in all, at this moment."""
        self._slots: deque[_Slot] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes = 0
        self._active = 0
        self._changed = asyncio.Event()
        """Set when the head may have become ready, or a place may have become free."""
        self._room = asyncio.Event()
        self._fed = False
        self._bug: BaseException | None = None
        self._stored = store.outcomes(number)
        self._immediate = step.immediate()

    async def run(self, upstream: AsyncGenerator[Record, None]) -> AsyncGenerator[Record, None]:
        """The records that go on, in order. Raises StopRun once what was under way has ended."""
        feeder = asyncio.create_task(self._feed(upstream))
        try:
            while True:
                while self._slots and self._slots[0].done:
                    slot = self._slots.popleft()
                    self._bytes -= len(slot.body)
                    for record in self._leave(slot):
                        yield record
                    if not self._room.is_set() and self._has_room():
                        self._room.set()
                if self._bug is not None:
                    raise self._bug
                if self.ledger.stopped is not None:
                    await self._drain(feeder)
                    raise self.ledger.stopped
                if self._fed and not self._slots:
                    await feeder
                    return
                self._changed.clear()
                await self._changed.wait()
        finally:
            self.context.wanted = False
            await self._drain(feeder)

    async def _drain(self, feeder: asyncio.Task[None]) -> None:
        """Ends the feeder and waits for the work under way."""
        if not feeder.done():
            feeder.cancel()
            await asyncio.wait([feeder])
        while under_way := self._tasks | self.context.background:
            await asyncio.wait(under_way)

    def wake(self) -> None:
        """Looks again whether something changed: the run was stopped, or a limit was raised."""
        self._changed.set()
        self._room.set()

    # in

    async def _feed(self, upstream: AsyncGenerator[Record, None]) -> None:
        turns = 0
        try:
            async with aclosing(upstream):
                async for record in upstream:
                    while not self._has_room() and self.ledger.stopped is None:
                        self._room.clear()
                        await self._room.wait()
                    if self.store.backlog > MOST_BACKLOG:
                        await self.store.flush()
                    if self.ledger.stopped is not None:
                        return
                    self._admit(record)
                    turns += 1
                    if turns % 64 == 0:
                        await asyncio.sleep(0)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._bug = error
        finally:
            self._fed = True
            self._changed.set()

    def _has_room(self) -> bool:
        active, held = self.places()
        return self._active < active and len(self._slots) < min(MOST_WAITING, held) and self._bytes < MOST_BYTES

    def _admit(self, record: Record) -> None:
        self.counts.taken += 1
        self.counts.waiting += 1
        slot = _Slot(record)
        self._slots.append(slot)
        if self._stored > 0:
            stored = self.store.outcome(self.number, record.id)
            if stored is not None:
                self._stored -= 1
                self.counts.replayed += 1
                self._settle(slot, stored.status, stored.body)
                return
        if self._immediate:
            try:
                self.work(record).__await__().send(None)
            except StopIteration as end:
                self._finish(slot, end.value)
                return
            raise RuntimeError(f"step {self.step.name} says it never waits, and does")
        self._active += 1
        task = asyncio.create_task(self._one(slot, self.counts.taken))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _one(self, slot: _Slot, number: int) -> None:
        turn.set(number)
        try:
            self._finish(slot, await self.work(slot.record))
        except StopRun as error:
            self.ledger.stop(error)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._bug = error
        finally:
            self._active -= 1
            if not self._room.is_set() and self._has_room():
                self._room.set()
            self._changed.set()

    # done

    def _finish(self, slot: _Slot, outcome: Outcome) -> None:
        record = slot.record
        if outcome.status == "done":
            body = encode([[r.id, r.fields, r.parents] for r in outcome.records])
        else:
            body = encode(self._reject(record, outcome).as_dict())
        trail = encode(outcome.trail.events) if outcome.trail.events else None
        self.store.put(self.number, record.id, outcome.status, record.place, body, trail)
        self._settle(slot, outcome.status, body)

    def _reject(self, record: Record, outcome: Outcome) -> Reject:
        where = outcome.where or self.step.name
        if outcome.status == "dropped":
            return Reject(record.id, record.place, where, outcome.reason, usd=outcome.trail.usd)
        error = outcome.error or RecordError("failed")
        reject = of_error(record, where, error)
        reject.usd = outcome.trail.usd
        return reject

    def _settle(self, slot: _Slot, status: str, body: bytes) -> None:
        slot.status, slot.body, slot.done = status, body, True
        self.counts.ready += 1
        self._bytes += len(body)
        if self._slots[0] is slot:
            self._changed.set()

    # out

    def _leave(self, slot: _Slot) -> list[Record]:
        counts, record = self.counts, slot.record
        counts.waiting -= 1
        counts.ready -= 1
        value: Any = _decode(slot.body)
        if slot.status == "done":
            counts.given += len(value)
            return [Record(id, fields, tuple(parents), record.place) for id, fields, parents in value]
        reject = Reject.of_dict(value)
        if slot.status == "dropped":
            counts.drop(reject.error)
        else:
            counts.fail(f"{reject.where}: {reject.error}")
        self.rejects.add(reject, slot.status, stored=True)
        return []
