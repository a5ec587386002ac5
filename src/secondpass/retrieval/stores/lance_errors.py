"""What LanceDB raises, as our errors that name the folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from secondpass.errors import Either, IndexFileError, MissingExtraError, SecondpassError
from secondpass.native import native_call
from secondpass.retrieval.stores.lance_schema import TABLE_FOLDER

# Of LanceDB's errors: a file that is not there, and what is no fault of the files.
_MISSING_FILE = re.compile(rf"Not found: \S*({re.escape(TABLE_FOLDER)}/[^\s,:]+)")
_REFUSED = re.compile(r"os error|denied|too many open|no space|timed? ?out", re.IGNORECASE)


@contextmanager
def file_errors(folder: Path, done: str) -> Iterator[None]:
    """Turn what LanceDB raises for a broken folder into an IndexFileError that names it."""
    try:
        with native_call():
            yield
    except SecondpassError:
        raise
    except ImportError as error:
        raise MissingExtraError("Index", "search") from error
    except (RuntimeError, ValueError, OSError) as error:
        raise file_error(folder, done, error) from error
    except BaseException as error:
        # A corrupt file can make LanceDB's Rust panic, which pyo3 derives from BaseException.
        if type(error).__name__ != "PanicException":
            raise
        raise file_error(folder, done, error) from error


def file_error(folder: Path, done: str, error: BaseException) -> IndexFileError:
    reason = re.sub(r",? ?/\S+\.rs:\d+:\d+", "", str(error)).strip() or type(error).__name__
    if done == "read" and _is_damage(error):
        missing = _MISSING_FILE.search(reason)
        what = f"its file {missing[1]} is missing" if missing else "a file of it is cut or changed"
        return IndexFileError(
            f"index {folder} is damaged, {what}: make it again in another folder with ",
            Either("Index.create", "secondpass index PATH... --into DIR"),
        )
    return IndexFileError(f"index {folder} cannot be {done}: {reason.splitlines()[0]}")


def _is_damage(error: BaseException) -> bool:
    """Tell an error of what is in the files from the system's refusals, by Lance's words."""
    said = str(error)
    panic = type(error).__name__ == "PanicException"
    return (panic or "lanceerror" in said.replace(" ", "").casefold()) and not _REFUSED.search(said)
