"""Seedbed grows training data for language models on a graph.

    import seedbed

    run = seedbed.load("pipeline.yaml").run()
    for record in run.records():
        ...

Names here load what they need when they are first used.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

_SHOP = {
    "load": "seedbed.run.api",
    "Pipeline": "seedbed.run.api",
    "Run": "seedbed.run.result",
    "node": "seedbed.registry.decorators",
    "step": "seedbed.registry.decorators",
    "SeedbedError": "seedbed.errors",
    "SpecError": "seedbed.errors",
}
"""What the package offers, and where it is."""

__all__ = ["Pipeline", "Run", "SeedbedError", "SpecError", "__version__", "load", "node", "step"]


def __getattr__(name: str) -> Any:
    if name in _SHOP:
        from importlib import import_module

        return getattr(import_module(_SHOP[name]), name)
    raise AttributeError(f"seedbed has no `{name}`")


def __dir__() -> list[str]:
    return __all__
