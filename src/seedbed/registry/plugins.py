"""Plug-ins by name: the word in the YAML is the name of the file.

`type: sampler` under `nodes:` is `seedbed/nodes/sampler.py`; a third party offers the same kind of file in another
package through an entry point of the same group. A plug-in module has one exported name: `__all__ = ["Sampler"]`.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any, Literal

from seedbed.errors import InputError
from seedbed.registry.own import own_type, own_types, reference_of

ROOMS = {
    "node": "seedbed.nodes",
    "step": "seedbed.steps",
    "provider": "seedbed.models.providers",
    "file": "seedbed.io.files",
    "format": "seedbed.dataset.formats",
    "command": "seedbed.cli",
}
"""Where each kind of plug-in lives. A dotted word names its own room first, where there is such a room."""

GROUPS = {kind: f"seedbed.{kind}s" for kind in ROOMS}
"""The entry-point group of each kind: `seedbed.nodes`, `seedbed.steps`, …"""

_CALLED = {"file": "file format"}
"""What a kind is called where its own word would mislead."""

_WORD = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")


def find(kind: str, name: str) -> Any:
    """The plug-in `name` of a kind, imported on first use. Raises InputError that lists what there is."""
    function = own_type(kind, name)
    if function is None:
        return _find(kind, name)
    told = (function.__doc__ or f"Calls the Python function `{name}`.").strip()
    return _made_of(kind, name, reference_of(function, name), told)


@cache
def _find(kind: str, name: str) -> Any:
    if _WORD.fullmatch(name):
        for module in _candidates(kind, name):
            if _exists(module):
                return exported(importlib.import_module(module))
        for entry in entry_points(group=GROUPS[kind], name=name):
            return entry.load()
    have = names(kind)
    near = get_close_matches(name, have, 1)
    hint = f"did you mean `{near[0]}`? " if near else ""
    raise InputError(f"there is no {_CALLED.get(kind, kind)} `{name}`", hint=f"{hint}there are: {', '.join(have)}")


@cache
def _made_of(kind: str, name: str, reference: str, told: str) -> Any:
    """The type `function` of a kind, with its function fixed."""
    # Only needed where Python registers a type, and slow to import.
    from pydantic import create_model

    one: Any = Literal
    fixed: dict[str, Any] = {"type": (one[name], name), "call": (one[reference], reference)}
    return create_model(name, __base__=_find(kind, "function"), __doc__=told, **fixed)


def exported(module: Any) -> Any:
    """The one exported name of a plug-in module."""
    (name,) = module.__all__
    return getattr(module, name)


def names(kind: str) -> list[str]:
    """All plug-ins of a kind, sorted, without importing them."""
    own = own_types(kind)
    return sorted({*_names(kind), *own}) if own else _names(kind)


@cache
def _names(kind: str) -> list[str]:
    found = {entry.name for entry in entry_points(group=GROUPS[kind])}
    if _exists(ROOMS[kind]):
        found |= set(_modules(ROOMS[kind], ""))
    if kind == "step":
        for room in ("kg",):
            if _exists(f"seedbed.{room}"):
                found |= {name for name in _modules(f"seedbed.{room}", f"{room}.") if _is_plugin(kind, name)}
    return sorted(name for name in found if _is_plugin(kind, name))


def _modules(package: str, prefix: str) -> list[str]:
    found = []
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if info.ispkg:
            found += _modules(f"{package}.{info.name}", f"{prefix}{info.name}.")
        else:
            found.append(prefix + info.name)
    return found


def _is_plugin(kind: str, name: str) -> bool:
    """Whether a module declares exactly one exported name, read from its source so that listing imports nothing."""
    for module in _candidates(kind, name):
        if _exists(module):
            loader = find_spec(module).loader  # type: ignore[union-attr]
            source = loader.get_source(module)  # type: ignore[union-attr]
            return bool(re.search(r'^__all__ = \["\w+"\]$', source or "", re.MULTILINE))
    return True


def _candidates(kind: str, name: str) -> list[str]:
    own = [f"seedbed.{name}"] if "." in name and kind == "step" else []
    return [*own, f"{ROOMS[kind]}.{name}"]


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
