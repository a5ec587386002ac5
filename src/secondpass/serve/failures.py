"""Writes a failure into the log: where it was and of which kind, without a text of a request."""

from __future__ import annotations

import logging
import traceback

LOGGER = logging.getLogger("secondpass.serve")


def log_failure(error: BaseException, request_id: str) -> None:
    """Log an error's kind and place. Its message may hold a text, so it is left out."""
    place = "".join(traceback.format_tb(error.__traceback__))
    LOGGER.error("request %s failed with %s\n%s", request_id, type(error).__name__, place)
