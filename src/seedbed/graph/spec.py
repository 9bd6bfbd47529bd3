"""A pipeline as it stands after loading: typed, filled in, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from seedbed.graph.contracts import FILE_NAME, RESERVED, Name, Spec, Step, defined
from seedbed.graph.spec_io import SinkSpec, SourceSpec

RESERVED_FOR_OUTPUT = tuple(name for name in RESERVED if name not in ("id", "tags"))
"""Names that no field of a final record may have."""

_COUNT = r"^[0-9]+(\.[0-9]+)?[kKmMbBgG]$"


def _count(value: Any) -> Any:
    """`50M` → 50,000,000."""
    units = {"k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9}
    if isinstance(value, str) and re.match(_COUNT, value):
        return round(float(value[:-1]) * units[value[-1].lower()])
    return value


Count = Annotated[int, BeforeValidator(_count, json_schema_input_type=int | Annotated[str, Field(pattern=_COUNT)])]
"""A whole number that may be written with k, M or B."""


class Target(Spec):
    """Exactly so many survivors."""

    accepted: Count = Field(ge=1, json_schema_extra={"minimum": 1})
    """How many records the run shall end with, the first in source order."""
    max_candidates: Count | None = Field(default=None, ge=1)
    """How many source records may be drawn for that. Default: as many as there are."""


class Budget(Spec):
    """A hard stop. The run ends with exit code 4 and can be resumed with a larger budget."""

    usd: float | None = Field(default=None, ge=0)
    """US dollars, by the models' prices."""
    tokens: Count | None = Field(default=None, ge=0)
    """Tokens of prompts and answers together."""
    minutes: float | None = Field(default=None, ge=0)
    """Minutes of running, over all resumes."""
    calls: Count | None = Field(default=None, ge=0)
    """Model calls that were answered by an endpoint."""


class Frame(Spec):
    """The keys of a pipeline file. Parts that plug-ins define stay raw here."""

    model_config = ConfigDict(json_schema_extra={"dependentRequired": {"edges": ["nodes"]}})

    version: int = Field(default=1, ge=1, le=1)
    """Version of the file format."""
    name: str = Field(pattern=FILE_NAME)
    """Its runs are kept in `runs/<name>/`."""
    seed: int = 0
    """Every draw derives from it."""
    params: dict[Name, Any] = {}
    """Values used as `${params.NAME}`; `--set params.NAME=VALUE` changes them."""
    models: dict[Name, Annotated[Any, defined("Model")]] = {}
    """How to reach language models, by name."""
    source: Annotated[Any, defined("Sources")] = None
    """Where records come from."""
    steps: list[Annotated[Any, defined("Step")]] | None = None
    """What happens to them, in order."""
    nodes: Annotated[dict[Name, Any] | None, defined("Nodes")] = None
    """Short for one `graph` step: its nodes."""
    edges: Annotated[list[Any], defined("Edges")] | None = None
    """Short for one `graph` step: its edges."""
    output: dict[str, Any] | None = Field(
        default=None, json_schema_extra={"propertyNames": {"not": {"enum": list(RESERVED_FOR_OUTPUT)}}}
    )
    """The final record: field names and values, templates filled. Default: all fields."""
    schema_: Annotated[Any, defined("Schema")] = Field(default=None, alias="schema")
    """What every output record must look like."""
    target: Target | None = None
    """How many records to end with."""
    budget: Budget | None = None
    """What the run may spend."""
    sink: Annotated[Any, defined("Sinks")] = None
    """Where records go."""


@dataclass(slots=True)
class Pipeline:
    """A pipeline file, loaded and made sure of."""

    name: str
    file: str
    """The file as given, for messages."""
    base: Path
    """The folder that relative paths start from."""
    seed: int
    params: dict[str, Any]
    models: dict[str, Any]
    """Providers by name; only those in use are opened."""
    sources: list[SourceSpec]
    steps: list[Step]
    sinks: list[SinkSpec]
    output: dict[str, Any] | None = None
    schema: dict[str, Any] | None = None
    """JSON Schema of every output record."""
    target: Target | None = None
    budget: Budget | None = None
    fields: list[str] | None = None
    """The fields of the source, where they can be known."""
    written: dict[str, Any] = field(default_factory=dict)
    """The file's own content as it may be written to disk: filled in, without secrets."""
    elsewhere: dict[str, Any] = field(default_factory=dict)
    """The same of the graphs that stand in other files, by file."""
    secrets: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
