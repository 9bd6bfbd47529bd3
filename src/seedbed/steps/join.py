"""`type: join`: brings the records together with those of another source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, PrivateAttr
from pydantic.config import JsonDict

from seedbed.errors import InputError, NodeError
from seedbed.graph.contracts import RESERVED, Issue, Read, Step, StepContext, StepRun, defined, given
from seedbed.graph.spec_io import SourceSpec, normalise_source
from seedbed.graph.suggest import nearest
from seedbed.io.sources import peek_fields
from seedbed.record import Fields, Record, chance
from seedbed.steps.fields import with_fields
from seedbed.steps.other_side import OtherSide, key_of

__all__ = ["Join"]

How = Literal["inner", "left", "cross", "concat", "zip", "random"]
Sources = Annotated[list[SourceSpec], BeforeValidator(normalise_source), defined("Sources")]

NO_MATCH = "no match"
"""Why a record is dropped that has nothing to be joined with."""

_BY_KEY: JsonDict = {"properties": {"how": {"enum": ["inner", "left"]}}}
_WITHOUT_KEY: JsonDict = {"properties": {"how": {"enum": ["cross", "concat", "zip"]}}, "required": ["how"]}
_CONCAT: JsonDict = {"properties": {"how": {"const": "concat"}}, "required": ["how"]}
