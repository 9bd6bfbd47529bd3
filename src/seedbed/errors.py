"""Every error seedbed raises on purpose.

SeedbedError
├── UserError                 the user can mend it: exit 2, no traceback
│   ├── SpecError             a pipeline file is wrong: every problem in it
│   ├── InputError            a file, folder, option or row store that is not what was asked for
│   └── MissingExtra          an optional package is not installed
├── RecordError               one record failed, the run goes on
│   ├── RowError              a source row cannot be read
│   ├── TemplateError         a template or expression cannot be filled for this record
│   ├── NodeError             a node cannot do its work on this record
│   └── ModelError            a model call failed
│       ├── RateLimited       429: the endpoint asks us to wait
│       ├── Unavailable       5xx, time-out, dropped connection
│       │   └── Unreachable   no HTTP answer at all
│       ├── BadReply          empty, cut short, not JSON, not matching its schema
│       └── Refused           any other 4xx: asking again cannot help
└── StopRun                   the run stops, resumable
    ├── AccessDenied          401 or 403: exit 3
    ├── EndpointDown          no endpoint answers: exit 3
    ├── Interrupted           Ctrl-C or SIGTERM: exit 3
    ├── BudgetReached         exit 4
    └── StorageError          the run store or a sink cannot be written: exit 3
"""

from __future__ import annotations

from dataclasses import dataclass


class SeedbedError(Exception):
    """Root of all errors raised on purpose. `hint` says what would be right."""

    exit_code = 70
    retryable = False
    """Whether the same call may succeed when made again."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class UserError(SeedbedError):
    """Something outside seedbed is wrong and the user can mend it."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file: where, what, and what would be right. Lines and columns count from 1."""

    file: str
    line: int
    column: int
    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.what}" + (f"; {self.fix}" if self.fix else "")


class SpecError(UserError):
    """A pipeline file is wrong. `problems` lists all that is wrong with it, in file order."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(set(problems), key=lambda p: (p.file, p.line, p.column, p.what))
        super().__init__("\n".join(str(p) for p in self.problems))


class InputError(UserError):
    """A file, folder, option or name is not what was asked for."""


class MissingExtra(UserError):
    """An optional package is needed and not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra `{extra}`", hint=f"install it with: pip install 'seedbed[{extra}]'")


class RecordError(SeedbedError):
    """One record failed. The run goes on."""


class RowError(RecordError):
    """A source row cannot be read. `line` counts from 1 where the format has lines."""

    def __init__(self, message: str, *, line: int | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.line = line


class TemplateError(RecordError):
    """A template or an expression cannot be filled for this record."""


class NodeError(RecordError):
    """A node cannot do its work on this record."""


class ModelError(RecordError):
    """A model call failed. `reply` is what came back, if anything; `wait` the seconds the endpoint asked for."""

    def __init__(self, message: str, *, hint: str = "", reply: str | None = None, wait: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reply = reply
        self.wait = wait
        self.attempts = 1
        """How many attempts were made before giving up."""
        self.usd = 0.0
        """What they cost."""


class RateLimited(ModelError):
    """The endpoint asks us to wait (429)."""

    retryable = True


class Unavailable(ModelError):
    """The endpoint failed for now: 5xx, time-out or a dropped connection."""

    retryable = True


class Unreachable(Unavailable):
    """No HTTP answer at all: connection refused, name not found, TLS failure."""


class BadReply(ModelError):
    """The endpoint answered, but with nothing usable: empty, cut short, not JSON, not matching its schema.

    `feedback` is what to tell the model when it is asked again, if that can help.
    """

    retryable = True

    def __init__(
        self, message: str, *, hint: str = "", reply: str | None = None, wait: float | None = None, feedback: str = ""
    ) -> None:
        super().__init__(message, hint=hint, reply=reply, wait=wait)
        self.feedback = feedback


class Refused(ModelError):
    """The endpoint refused this request (4xx) and would refuse it again."""


class StopRun(SeedbedError):
    """The run must stop; it can be resumed by the same command."""

    exit_code = 3


class AccessDenied(StopRun):
    """The endpoint does not accept the key (401, 403)."""


class EndpointDown(StopRun):
    """No endpoint of a model answers."""


class Interrupted(StopRun):
    """The user asked the run to stop."""


class BudgetReached(StopRun):
    """The run has spent what it may spend."""

    exit_code = 4


class StorageError(StopRun):
    """The run store or a sink cannot be written."""
