"""Puts the models of a pipeline together: provider, gate, retries, memory, fallback."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from seedbed.models.cached import Cached
from seedbed.models.contract import Provider
from seedbed.models.gate import Gate, gate_for
from seedbed.models.ledger import Ledger
from seedbed.models.retry import Retrying


class Models:
    """The open models of one run, by name. Use as an async context."""

    def __init__(self, providers: dict[str, Provider], ledger: Ledger, base: Path) -> None:
        self._providers = providers
        self._ledger = ledger
        self._base = base
        self._callers: dict[str, Cached] = {}
        self._stack = AsyncExitStack()
        self.gates: dict[str, Gate] = {}
        """The gate of each open model."""
        self._endpoints: list[Gate] = []
        """The gates, each once: models with one address share theirs."""

    async def __aenter__(self) -> Models:
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._stack.aclose()

    async def open(self, names: Iterable[str]) -> None:
        """Opens these models and their fallbacks. Raises UserError or StopRun."""
        for name in names:
            await self._open(name)

    async def _open(self, name: str) -> Cached:
        if name in self._callers:
            return self._callers[name]
        provider = self._providers[name]
        fallback = await self._open(provider.fallback) if provider.fallback else None
        await provider.open(provider.base or self._base)
        self._stack.push_async_callback(provider.close)
        gate = gate_for(provider.address(), provider.limits, provider.default_concurrency())
        self._ledger.on_stop.append(lambda error: gate.refuse(self._ledger, error))
        self.gates[name] = gate
        if gate not in self._endpoints:
            self._endpoints.append(gate)
        caller = Cached(provider, Retrying(provider, gate, self._ledger), self._ledger, fallback)
        self._callers[name] = caller
        return caller

    def __getitem__(self, name: str) -> Cached:
        return self._callers[name]

    def in_flight(self) -> int:
        """Places at all gates together: how many calls may be under way at once."""
        return sum([int(gate.limit) for gate in self._endpoints])
