"""`limits` of the checks that run what they check: how much a program or query may use."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from seedbed.graph.contracts import Spec
from seedbed.nodes.sandbox.job import Limits

_DEFAULT = Limits()


class Allowance(Spec):
    """What one program or query may use; past it, it has failed."""

    seconds: Annotated[float, Field(gt=0, le=3600)] = _DEFAULT.seconds
    """How long it may run, its start and its tests included."""
    memory_mb: Annotated[float, Field(ge=64, allow_inf_nan=False)] = _DEFAULT.memory_mb
    """Address space of each of its processes, in megabytes."""
    output_kb: Annotated[float, Field(gt=0, le=65536)] = _DEFAULT.output_kb
    """How much it may write to standard output and to standard error, and how large its rows may be, in kilobytes."""
    processes: Annotated[int, Field(ge=1, le=1024)] = _DEFAULT.processes
    """How many processes and threads it may have at one time, its own included."""
    disk_mb: Annotated[float, Field(gt=0, le=16384)] = _DEFAULT.disk_mb
    """How large its files may be together, in megabytes."""

    def limits(self) -> Limits:
        """The same for the sandbox."""
        return Limits(self.seconds, self.memory_mb, self.output_kb, self.processes, self.disk_mb)
