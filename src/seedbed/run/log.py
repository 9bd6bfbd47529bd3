"""`log.jsonl` in a run directory: what happened, one JSON object a line."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

FILE = "log.jsonl"


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class _Redacting(logging.Filter):
    def __init__(self, secrets: frozenset[str]) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        for secret in self._secrets:
            message = message.replace(secret, "<redacted>")
        record.msg, record.args = message, ()
        return True


def open_log(folder: Path, secrets: frozenset[str] = frozenset()) -> logging.Handler:
    """Sends what `seedbed.*` loggers say to the run's log, and nowhere else. Close it with `close_log`."""
    handler = logging.FileHandler(folder / FILE, encoding="utf-8", delay=True)
    handler.setFormatter(_Lines())
    handler.addFilter(_Redacting(secrets))
    logger = logging.getLogger("seedbed")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    return handler


def close_log(handler: logging.Handler) -> None:
    """Ends what `open_log` began."""
    logging.getLogger("seedbed").removeHandler(handler)
    handler.close()
