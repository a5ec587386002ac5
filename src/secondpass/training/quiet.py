"""Keeps the training libraries from writing into our progress bar; their warnings stay."""

from __future__ import annotations


def quiet_libraries() -> None:
    """Turn off the bars of transformers, and what its loggers say short of an error."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
