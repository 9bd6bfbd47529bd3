"""`log.jsonl` in a run directory: what happened, one JSON object a line."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

FILE = "log.jsonl"


class _Lines(logging.Formatter):
    def __init__(self, secrets: frozenset[str]) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        text = json.dumps(line, ensure_ascii=False)
        for secret in self._secrets:
            text = text.replace(json.dumps(secret, ensure_ascii=False)[1:-1], "<redacted>")
        return text


def open_log(folder: Path, secrets: frozenset[str] = frozenset()) -> logging.Handler:
    """Sends what `seedbed.*` loggers say to the run's log, and nowhere else. Close it with `close_log`."""
    handler = logging.FileHandler(folder / FILE, encoding="utf-8", delay=True)
    handler.setFormatter(_Lines(secrets))
    logger = logging.getLogger("seedbed")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    return handler


def close_log(handler: logging.Handler) -> None:
    """Ends what `open_log` began."""
    logging.getLogger("seedbed").removeHandler(handler)
    handler.close()
