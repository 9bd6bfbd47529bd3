"""One process's part of a run: find or make its directory, hold its lock, run, and leave it finished or resumable."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from seedbed.errors import Interrupted, StopRun, StorageError
from seedbed.graph.spec import Pipeline
from seedbed.io.sinks import target_of
from seedbed.io.sources import signature
from seedbed.models.ledger import Ledger, Totals
from seedbed.models.open import Models
from seedbed.record import Fields, Record
from seedbed.run.calls import Calls
from seedbed.run.counts import StepCounts
from seedbed.run.executor import Executor, Write
from seedbed.run.folder import RunLock, latest_of, new_id, runs_root
from seedbed.run.identity import fingerprint, used_models
from seedbed.run.log import close_log, open_log
from seedbed.run.output import Sinks, sink_specs
from seedbed.run.reject import Rejects
from seedbed.run.report import SAMPLES, write_report
from seedbed.run.resolved import write_resolved
from seedbed.run.store import RunStore, read_meta, unwritable_store
from seedbed.run.summary import Status, Summary

TICK = 0.2
"""Seconds between two looks at a run's progress."""


@dataclass(slots=True)
class Options:
    """How to run, as opposed to what."""

    limit: int | None = None
    """Take the first so many source rows."""
    out: Path | None = None
    """The `runs/` folder."""
    fresh: bool = False
    """Start a new run that takes no kept answer."""
    retry_failed: bool = False
    """Try the failed records of this run again."""
    sets: tuple[str, ...] = ()
    """What of the file `--set` changed, kept with the run so that it can be tried again as it was."""
    folder: Path | None = None
    """Go on in this run directory, whatever its pipeline was called."""
    sinks: bool = True
    """Whether to write the sinks."""
    on_row: Write | None = None
    """Called with each final row, in source order; what it returns is awaited."""


class Watcher(Protocol):
    """Is told how a run goes. All methods are called in the run's own thread."""

    def started(self, session: Session) -> None:
        """The run directory is known and the lock is held."""

    def tick(self, session: Session) -> None:
        """Some time has passed."""

    def ended(self, session: Session, summary: Summary) -> None:
        """The run is over, one way or another."""


class Session:
    """A run at work, and what can be seen of it."""

    def __init__(self, pipeline: Pipeline, options: Options, watcher: Watcher | None = None) -> None:
        self.pipeline = pipeline
        self.options = options
        self.watcher = watcher
        self.root = runs_root(pipeline.base, options.out)
        self.print = fingerprint(pipeline)
        self.extent = {
            "limit": options.limit,
            "sources": [source.limit for source in pipeline.sources],
            "counts": [source.count for source in pipeline.sources],
            "target": pipeline.target.model_dump() if pipeline.target else None,
            "signature": signature(pipeline.sources, pipeline.base),
        }
        self.folder, self.resumed = self._place()
        self.run_id = self.folder.name
        self.before = read_meta(self.folder) if self.resumed else {}
        self.started_at = time.monotonic()
        self.executor: Executor | None = None
        self.ledger: Ledger | None = None
        self.models: Models | None = None
        self._samples: list[Fields] = []

    def _place(self) -> tuple[Path, bool]:
        if self.options.folder is not None:
            return self.options.folder, True
        found = None if self.options.fresh else latest_of(self.root, self.pipeline.name, self.print)
        if found is not None:
            return found, True
        return self.root / self.pipeline.name / new_id(), False

    @property
    def totals(self) -> Totals:
        """Calls, tokens and dollars of the whole run so far."""
        return self.ledger.total if self.ledger else Totals()

    @property
    def counts(self) -> list[StepCounts]:
        """Counts by step so far."""
        return self.executor.counts if self.executor else []

    async def run(self) -> Summary:
        """Runs to the end, or to where it must stop. Raises UserError before anything is run, and bugs as they are."""
        lock = RunLock(self.folder)
        try:
            if self._complete():
                return self._nothing_to_do()
            return await self._run()
        except sqlite3.Error as error:
            raise unwritable_store(self.folder, error) from error
        finally:
            lock.release()

    def _complete(self) -> bool:
        """Whether an earlier process did it all, and its sinks are there."""
        if self.options.retry_failed or not self.options.sinks or self.before.get("status") != "finished":
            return False
        if self.before.get("extent") != self.extent:
            return False
        targets = [target_of(sink, self.pipeline.base) for sink in sink_specs(self.pipeline, self.folder)]
        return all(target is not None and target.exists() for target in targets)

    async def _run(self) -> Summary:
        log = open_log(self.folder, frozenset(self.pipeline.secrets))
        calls = Calls(self.root / "calls.db", self.run_id)
        store = RunStore(self.folder, calls, user_calls=self._user_calls(), fresh=self._fresh())
        stop: StopRun | None = None
        try:
            self.ledger = self._open_ledger(store)
            store.set_meta(**self._facts(store))
            store.event("resumed" if self.resumed else "started")
            await store.flush()
            if self.options.retry_failed:
                store.forget_failed()
            rejects = self._open_files(store)
            try:
                await self._work(store, rejects)
                rejects.flush()
            except StopRun as error:
                stop = error
            except sqlite3.Error as error:
                stop = unwritable_store(self.folder, error)
            finally:
                rejects.close()
            summary = self._summary(
                "finished" if stop is None else "budget" if stop.exit_code == 4 else "stopped", stop
            )
            self._note_end(store, summary)
        finally:
            store.close()
            close_log(log)
        with suppress(OSError):  # a full disk is told of elsewhere; the report can be made again
            write_report(self.pipeline, summary, self._samples)
        if store.failed is not None and summary.stop is None:
            summary.stop, summary.status = store.failed, "stopped"
        if self.watcher:
            self.watcher.ended(self, summary)
        return summary

    def _open_files(self, store: RunStore) -> Rejects:
        """The files beside the store, made anew."""
        try:
            write_resolved(self.pipeline, self.folder)
            return Rejects(self.folder, store, frozenset(self.pipeline.secrets))
        except OSError as error:
            raise unwritable_store(self.folder, error) from error

    async def _work(self, store: RunStore, rejects: Rejects) -> None:
        assert self.ledger is not None
        pipeline = self.pipeline
        sinks = Sinks(pipeline, self.folder, self.run_id) if self.options.sinks else None
        ticker: asyncio.Task[None] | None = None
        try:
            async with Models(pipeline.models, self.ledger, pipeline.base) as self.models:
                await self.models.open(used_models(pipeline))
                self.executor = Executor(
                    pipeline, self.folder, self.options.limit, store, self.ledger, self.models, rejects
                )
                if self.watcher:
                    self.watcher.started(self)
                ticker = asyncio.create_task(self._tick(store, rejects))
                await self.executor.run(self._writer(sinks))
                await store.flush()
                if sinks is not None:
                    store.set_meta(status="writing")
                    await store.flush()
                    sinks.close()
        finally:
            if ticker is not None:
                ticker.cancel()
                await asyncio.wait([ticker])
            if sinks is not None:
                sinks.abort()

    def _writer(self, sinks: Sinks | None) -> Write:
        on_row = self.options.on_row

        def write(row: Fields, record: Record) -> Awaitable[None] | None:
            if sinks is not None:
                sinks.write(row)
            if len(self._samples) < SAMPLES:
                self._samples.append(row)
            return None if on_row is None else on_row(row, record)

        return write

    async def _tick(self, store: RunStore, rejects: Rejects) -> None:
        turns = 0
        while True:
            await asyncio.sleep(TICK)
            turns += 1
            if self.ledger is not None:
                self.ledger.check_time()
            if self.watcher:
                self.watcher.tick(self)
            if turns % 5 == 0:
                self._store_counts(store)
                try:
                    rejects.flush()
                except StorageError as error:
                    self._stop(error)

    def stop(self, why: str = "stopped by the user") -> bool:
        """Stops the run: what is in flight ends, nothing more is asked. False if it was stopping already."""
        return self._stop(Interrupted(why, hint="the same command goes on where this run stopped"))

    def _stop(self, error: StopRun) -> bool:
        if self.ledger is None or self.ledger.stopped is not None:
            return False
        self.ledger.stop(error)
        return True

    # beginning and end

    def _facts(self, store: RunStore) -> dict[str, Any]:
        """What is known of a run before it starts."""
        return {
            "name": self.pipeline.name,
            "run": self.run_id,
            "file": self.pipeline.file,
            "base": str(self.pipeline.base),
            "fingerprint": self.print,
            "status": "running",
            "fresh": store.fresh,
            "limit": self.options.limit,
            "sets": self._sets(),
            "started": self.before.get("started", time.time()),
        }

    def _sets(self) -> list[str]:
        """What `--set` changed, but nothing with a secret in it."""
        return [text for text in self.options.sets if not any(secret in text for secret in self.pipeline.secrets)]

    def _open_ledger(self, store: RunStore) -> Ledger:
        ledger = Ledger(store, self.pipeline.budget, float(self.before.get("minutes", 0.0)))
        for (node, model), totals in store.calls.spent().items():
            ledger.by_node[node, model] = totals
            for name in ("calls", "bad", "input", "cached_input", "output", "usd", "seconds"):
                setattr(ledger.total, name, getattr(ledger.total, name) + getattr(totals, name))
        loop = asyncio.get_running_loop()

        def failed(error: StorageError) -> None:
            loop.call_soon_threadsafe(ledger.stop, error)

        store.on_failure = failed
        return ledger

    def _fresh(self) -> bool:
        return bool(self.options.fresh or self.before.get("fresh"))

    def _user_calls(self) -> Calls | None:
        if not any(model.cache == "user" for model in self.pipeline.models.values()):
            return None
        from platformdirs import user_cache_path

        return Calls(user_cache_path("seedbed") / "calls.db", self.run_id)

    def _summary(self, status: Status, stop: StopRun | None) -> Summary:
        counts = self.counts
        return Summary(
            name=self.pipeline.name,
            run=self.run_id,
            folder=self.folder,
            status=status,
            accepted=self.executor.accepted if self.executor else 0,
            wanted=self.pipeline.target.accepted if self.pipeline.target else None,
            failed=sum(step.failed.total() for step in counts),
            dropped=sum(step.dropped.total() for step in counts),
            taken=counts[0].taken if counts else 0,
            seconds=time.monotonic() - self.started_at,
            total=self.totals,
            counts=[step.as_dict() for step in counts],
            nodes=self._nodes(),
            sinks=[sink.path for sink in sink_specs(self.pipeline, self.folder)] if self.options.sinks else [],
            resumed=self.resumed,
            stop=stop,
            warnings=self.pipeline.warnings,
        )

    def _nodes(self) -> list[dict[str, Any]]:
        rows = []
        for (node, model), totals in (self.ledger.by_node if self.ledger else {}).items():
            rows.append({"node": node, "model": model, **asdict(totals)})
        return rows

    def _note_end(self, store: RunStore, summary: Summary) -> None:
        self._store_counts(store)
        assert self.ledger is not None
        store.set_meta(
            status=summary.status, minutes=self.ledger.minutes(), extent=self.extent, ended=time.time(),
            accepted=summary.accepted, failed=summary.failed, dropped=summary.dropped, taken=summary.taken,
            usd=summary.total.usd, calls=summary.total.calls, wanted=summary.wanted, counts=summary.counts,
            nodes=summary.nodes, totals=asdict(summary.total), why=str(summary.stop or ""),
        )  # fmt: skip
        store.event(summary.status, why=str(summary.stop or ""))
        logging.getLogger("seedbed.run").info("run %s: %s %s", summary.run, summary.status, summary.stop or "")

    def _store_counts(self, store: RunStore) -> None:
        statement = "INSERT OR REPLACE INTO counters VALUES (?, ?, ?)"
        for step in self.counts:
            for name, value in (
                ("in", step.taken), ("out", step.given), ("dropped", step.dropped.total()),
                ("failed", step.failed.total()),
            ):  # fmt: skip
                store.do(statement, (step.name, name, value))
        totals = self.totals
        for name, value in asdict(totals).items():
            store.do(statement, ("models", name, value))
        if self.ledger is not None:
            store.set_meta(
                minutes=self.ledger.minutes(), counts=[step.as_dict() for step in self.counts], nodes=self._nodes(),
                calls=totals.calls, usd=totals.usd, problems=self.ledger.problems,
            )  # fmt: skip

    def _nothing_to_do(self) -> Summary:
        kept = self.before
        summary = Summary(
            name=self.pipeline.name, run=self.run_id, folder=self.folder, status="finished",
            accepted=kept.get("accepted", 0), wanted=kept.get("wanted"), failed=kept.get("failed", 0),
            dropped=kept.get("dropped", 0), taken=kept.get("taken", 0), seconds=0.0,
            total=Totals(**kept.get("totals", {})), counts=kept.get("counts", []),
            nodes=kept.get("nodes", []), sinks=[s.path for s in sink_specs(self.pipeline, self.folder)],
            resumed=True, untouched=True, warnings=self.pipeline.warnings,
        )  # fmt: skip
        if self.watcher:
            self.watcher.ended(self, summary)
        return summary
