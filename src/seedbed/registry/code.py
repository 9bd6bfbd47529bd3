"""The user's own Python: finding a function by reference, and what it wants to be given.

A reference is `./hooks.py:function`, relative to the pipeline file, or `package.module:function`. A file is run once
for each content it has had in this process, under a name of its own, so that two pipelines may both have a
`hooks.py`. Knows nothing of records; how a function is called stands in `hook.py`.
"""

from __future__ import annotations

import importlib
import inspect
import keyword
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from hashlib import blake2b, file_digest
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

from seedbed.errors import InputError
from seedbed.registry.own import is_own, own_function

T = TypeVar("T")

FORM = "write ./file.py:function or package.module:function"

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_loading = threading.RLock()


class Parameters(NamedTuple):
    """What a function wants to be given, by name."""

    required: list[str]
    optional: list[str]
    """Those with a default."""
    takes_more: bool
    """Whether it has `**kwargs`."""


def load_function(reference: str, base: Path) -> Callable[..., Any]:
    """The function that a reference names. `base` is the folder of the pipeline file. Raises InputError."""
    if is_own(reference):
        return own_function(reference)
    place, name = split_reference(reference)
    module = _load_file(place, base) if is_file(place) else _looked_up(importlib.import_module, place, base)
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise _no_function(module, place, name, found is not None)
    return found  # type: ignore[no-any-return]


def split_reference(reference: str) -> tuple[str, str]:
    """The file or module of a reference, and the name in it. Raises InputError if it has another form."""
    place, _, name = reference.strip().rpartition(":")
    well_formed = _DOTTED.fullmatch(name) and not any(keyword.iskeyword(part) for part in name.split("."))
    if not well_formed or not (is_file(place) or _DOTTED.fullmatch(place)):
        raise InputError(f"`{reference}` does not name a function", hint=FORM)
    return place, name


def is_file(place: str) -> bool:
    """Whether the first part of a reference is a file, not a module."""
    return place.endswith(".py")


def file_or_reference(reference: str) -> str:
    """The file of a reference to one, `./hooks.py`; a reference to a package as it is."""
    place = reference.strip().rpartition(":")[0]
    return place if is_file(place) else reference


def parameters(function: Callable[..., Any]) -> Parameters:
    """The names of a function's parameters. Raises InputError where they cannot be given by name."""
    name = getattr(function, "__name__", str(function))
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError) as error:
        raise InputError(f"`{name}` does not tell its parameters", hint="wrap it in a Python function") from error
    wanted = signature.parameters.values()
    if nameless := [p.name for p in wanted if p.kind is p.POSITIONAL_ONLY and p.default is p.empty]:
        hint = "wrap it in a Python function whose parameter names are fields"
        raise InputError(f"`{name}` takes `{nameless[0]}` by position only", hint=hint)
    named = [p for p in wanted if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return Parameters(
        [p.name for p in named if p.default is p.empty],
        [p.name for p in named if p.default is not p.empty],
        any(p.kind is p.VAR_KEYWORD for p in wanted),
    )


def source_digest(reference: str, base: Path) -> str:
    """A hash of the file that a reference leads to, for telling whether it is still the same. The file is not run.

    A reference without a function, `./hooks.py` or any other file, is that file.
    """
    if is_own(reference):
        return reference
    place, _ = split_reference(reference) if ":" in reference else (reference, "")
    if place == reference:
        return _digest_of(_find_file(place, base))
    if is_file(place):
        return _digest(_read(_find_file(place, base)))
    spec = _looked_up(find_spec, place, base)
    if spec is None:
        raise _no_module(place, base)
    if spec.has_location and spec.origin:
        return _digest(_read(Path(spec.origin)))
    return _digest(place.encode())


def where_raised(error: BaseException, file: str | None = None) -> str:
    """`hooks.py:12`: the innermost line of an error's way through `file`, or of its whole way; "" if it has none."""
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    own = [frame for frame in frames if frame.filename == file] or frames
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""


def described(error: BaseException, file: str | None = None) -> str:
    """`ValueError: too short (hooks.py:12)`."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    place = where_raised(error, file)
    return type(error).__name__ + (f": {text}" if text else "") + (f" ({place})" if place else "")


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def _digest_of(path: Path) -> str:
    """As `_digest`, of a file that may be larger than memory."""
    try:
        with path.open("rb") as file:
            return file_digest(file, lambda: blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _find_file(place: str, base: Path) -> Path:
    path = (base / place).resolve()
    if path.is_file():
        return path
    near: list[str] = []
    if path.parent.is_dir():
        near = get_close_matches(path.name, sorted(p.name for p in path.parent.glob("*.py")), 1)
    hint = f"did you mean {near[0]}?" if near else f"paths start at the pipeline file's folder, {base}"
    raise InputError(f"there is no file {place}", hint=hint)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _load_file(place: str, base: Path) -> ModuleType:
    path = _find_file(place, base)
    source = _read(path)
    name = f"seedbed_hooks_{path.stem}_{_digest(str(path).encode() + source)}"
    with _loading:
        if name in sys.modules:
            return sys.modules[name]
        module = ModuleType(name)
        module.__file__ = str(path)
        sys.modules[name] = module
        try:
            with _siblings_importable(path.parent):
                # Compiled here, not by the import system, whose cached bytecode misses a change within one second.
                exec(compile(source, str(path), "exec"), module.__dict__)
        except Exception as error:
            del sys.modules[name]
            raise _not_importable(place, error, str(path)) from error
        except BaseException:
            del sys.modules[name]
            raise
        return module


@contextmanager
def _siblings_importable(folder: Path) -> Iterator[None]:
    """Lets the modules in `folder` be imported by name, then forgets them: another folder may have its own."""
    importlib.invalidate_caches()
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        if str(folder) in sys.path:
            sys.path.remove(str(folder))
        own = {f.stem for f in folder.glob("*.py")} | {f.parent.name for f in folder.glob("*/__init__.py")}
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in own and _lies_in(sys.modules[name], folder):
                del sys.modules[name]


def _lies_in(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).resolve().is_relative_to(folder)


def _looked_up(look: Callable[[str], T], place: str, base: Path) -> T:
    """What `look` finds of a module; whatever goes wrong in importing it, or a package above it, is an InputError."""
    try:
        return look(place)
    except ModuleNotFoundError as error:
        if error.name and (place == error.name or place.startswith(f"{error.name}.")):
            raise _no_module(place, base) from error
        raise _not_importable(place, error) from error
    except Exception as error:
        raise _not_importable(place, error) from error


def _no_module(place: str, base: Path) -> InputError:
    beside = Path(*place.split(".")).with_suffix(".py")
    if (base / beside).is_file():
        return InputError(f"there is no module {place}", hint=f"for a file beside the pipeline write ./{beside}:…")
    return InputError(f"there is no module {place}", hint="install it, or name a file: ./file.py:function")


def _not_importable(place: str, error: Exception, file: str | None = None) -> InputError:
    return InputError(f"{place} cannot be imported: {described(error, file)}", hint="mend it and try again")


def _no_function(module: ModuleType, place: str, name: str, exists: bool) -> InputError:
    if exists:
        return InputError(f"`{name}` in {place} is not a function", hint=FORM)
    defined = [
        key
        for key, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not key.startswith("_")
    ]
    near = get_close_matches(name, defined, 1)
    hint = f"did you mean `{near[0]}`? " if near else ""
    hint += f"it defines {', '.join(defined)}" if defined else "it defines no function"
    return InputError(f"there is no function `{name}` in {place}", hint=hint)
