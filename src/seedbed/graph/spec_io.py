"""The written form of sources and sinks. How they are read and written is the business of the `io` room."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from seedbed.graph.contracts import Spec, exactly_one

# Empty ones are refused below, in words of their own.
_Path = Annotated[str, Field(json_schema_extra={"minLength": 1})]
_Paths = Annotated[list[str], Field(json_schema_extra={"minItems": 1})]
_TWICE: dict[str, Any] = {
    "required": ["repeat", "path"],
    "properties": {"repeat": {"const": True}, "path": {"enum": ["-", ["-"]]}},
}


class SourceSpec(Spec):
    """Where records come from: exactly one of `path`, `records` and `count`, and how to take them."""

    model_config = ConfigDict(json_schema_extra={**exactly_one("path", "records", "count"), "not": _TWICE})

    path: _Path | _Paths | None = None
    """A file, folder or glob, or a list of them, relative to the pipeline file; `-` is standard input."""
    records: list[dict[str, Any]] | None = None
    """Records written in place, one map each."""
    count: int | None = Field(default=None, ge=1)
    """Data-less: that many records without fields."""
    limit: int | None = Field(default=None, ge=1)
    """Take the first so many rows; rows that cannot be read count."""
    format: str | None = None
    """How files are read (jsonl, json, csv, parquet, text, markdown), whatever their ending says."""
    fields: list[str] = Field(default_factory=list)
    """Fields that templates may name though the first 100 rows do not show them."""
    id: str = "id"
    """The column that holds each record's id. Rows without the default column get an id from content and position."""
    repeat: bool = False
    """Start again from the first row when all sources are dry, for a `target` that needs more records."""

    @model_validator(mode="after")
    def _one_origin(self) -> SourceSpec:
        given = [name for name in ("path", "records", "count") if getattr(self, name) is not None]
        if len(given) != 1:
            what = "and".join(f" `{name}` " for name in given).strip() or "nothing"
            raise ValueError(f"a source has exactly one of `path`, `records` and `count`, this one has {what}")
        if self.path == [] or self.path == "":
            raise ValueError("`path` is empty: name a file, a folder or a glob")
        if self.repeat and "-" in self.paths:
            raise ValueError("standard input cannot be read twice: leave `repeat` out")
        return self

    @property
    def paths(self) -> list[str]:
        """The paths as a list, empty where there are none."""
        return [self.path] if isinstance(self.path, str) else self.path or []


class SinkSpec(Spec):
    """Where records go."""

    path: str = Field(min_length=1)
    """The file, relative to the pipeline file; `-` is standard output."""
    format: str | None = None
    """The row shape a trainer expects, such as `sft`. Default: records as they are."""
    file: str | None = None
    """The file format (jsonl, json, csv, parquet), whatever the ending says."""
    mode: Literal["replace", "append"] = "replace"
    """What a finished run does to a file that is there: replace it, or add this run's rows to it (JSONL only)."""


_ORIGINS = {"path", "records", "count"}
_SOURCE_KEYS = set(SourceSpec.model_fields)


def normalise_source(raw: Any) -> list[Any]:
    """The sources of a `source:` entry as a list of maps, each to be made a `SourceSpec`.

    A text is a path. A list is a list of records, unless every item is a path or a map of nothing but source keys,
    one of `path`, `records` and `count` among them; `{records: [...]}` says it explicitly.
    """
    if isinstance(raw, list):
        if raw and all(_is_source(item) for item in raw):
            return [{"path": item} if isinstance(item, str) else item for item in raw]
        return [{"records": raw}]
    return [raw if isinstance(raw, dict) else {"path": raw}]


def normalise_sink(raw: Any) -> list[Any]:
    """The sinks of a `sink:` entry (a path, a map, or a list of these) as maps, each to be made a `SinkSpec`."""
    items = raw if isinstance(raw, list) else [raw]
    return [item if isinstance(item, dict) else {"path": item} for item in items]


def _is_source(item: Any) -> bool:
    if isinstance(item, dict):
        return item.keys() <= _SOURCE_KEYS and not _ORIGINS.isdisjoint(item)
    return isinstance(item, str)
