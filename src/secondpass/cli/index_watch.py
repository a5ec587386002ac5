"""secondpass index --watch: an update for each change, until Ctrl-C."""

from __future__ import annotations

import sys
from typing import NoReturn

from secondpass.checks import counted
from secondpass.cli import INTERRUPTED, output
from secondpass.cli.index_run import NothingToIndexError, Run
from secondpass.errors import SecondpassError
from secondpass.ingest.watching import changes


def follow(run: Run) -> NoReturn:
    """Update an index, then again whenever its files change; an interrupt ends it.

    Only an error of the first update ends it too, but for there being nothing to index yet.
    """
    said = ""
    try:
        try:
            run.once()
        except NothingToIndexError as error:
            said = str(error)
            output.say(said)
        output.say(f"watching {counted(len(run.paths), 'path')}; Ctrl-C ends it")
        for _ in changes(run.paths, run.folder):
            said = _again(run, said)
    except KeyboardInterrupt:
        documents = counted(run.documents(), "document")
        output.say(f"secondpass: interrupted: {documents} in {run.shown}")
    sys.exit(INTERRUPTED)


def _again(run: Run, said: str) -> str:
    """Update once more; return the error that was said last, which is not said twice in a row."""
    try:
        run.once(quiet=True)
    except SecondpassError as error:
        if str(error) != said:
            output.say(f"not updated: {error}")
        return str(error)
    return ""
