"""Log lines as JSON objects, one a line."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

REQUESTS = logging.getLogger("secondpass.request")
_SERVER = logging.getLogger("secondpass")


class JsonLines(logging.Formatter):
    """A record as one JSON object: `time`, `level`, `logger`, and its own fields or `message`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        own = getattr(record, "fields", None)
        line |= {"message": record.getMessage()} if own is None else own
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def log_to(stream: TextIO) -> None:
    """Write the server's log lines, and uvicorn's, into a stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    for logger, level in ((_SERVER, logging.INFO), (logging.getLogger("uvicorn"), logging.WARNING)):
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
