"""Progress bars, as long-running functions take them: a description and a total."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

# Called with how much more is done.
Advance = Callable[[int], None]
# (what is done, how much of it) -> a bar that gives an `Advance`.
ProgressBar = Callable[[str, int], AbstractContextManager[Advance]]


@contextmanager
def shown(description: str, total: int) -> Iterator[Advance]:
    """Show a bar of tqdm's, which huggingface-hub brings: a widget in a notebook, else a line."""
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=description) as bar:
        yield bar.update


@contextmanager
def silent(_description: str, _total: int) -> Iterator[Advance]:
    """Show nothing: the default of whoever takes a `ProgressBar`."""
    yield lambda _: None


@contextmanager
def without_bars() -> Iterator[None]:
    """Show no progress bar of transformers, which it writes to standard error, a pipe too."""
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars
    from transformers.utils import logging

    shown, hidden_by_hub = logging.is_progress_bar_enabled(), are_progress_bars_disabled()
    logging.disable_progress_bar()  # the hub's as well
    try:
        yield
    finally:
        if shown:
            with warnings.catch_warnings(action="ignore"):
                logging.enable_progress_bar()
        if hidden_by_hub:
            disable_progress_bars()
