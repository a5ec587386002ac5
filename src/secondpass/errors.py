"""Every error secondpass raises on purpose.

    SecondpassError
    ├── InputError               the caller's data or options (also a ValueError)
    │   └── IndexExistsError     Index.create where there already is one
    ├── ModelError               a model that cannot be used as asked
    │   ├── ModelNotFoundError   no such folder, file or hub name
    │   ├── ModelFileError       a file that is missing or broken
    │   └── UnsupportedModelError   an architecture, head or setting that has no engine
    ├── IndexFileError           an index folder that cannot be read
    ├── EngineError              an engine that failed, is closed, or is used in a fork
    ├── ScoreError               the model gave a score that is not a finite number
    └── MissingExtraError        an optional dependency is not installed (also an ImportError)

Each message names the value, at most 80 characters of it, the limit and the way out. It is made of
parts: text, and what the command calls otherwise (`Argument`, `Either`), which it renders by its
own options. The command turns every one of these errors into one line and exit status 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from secondpass.installation import install_line

# No message is longer, whatever another library's reason holds; the way out is at its end.
MOST_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument in a message, with the value to give it or without: `name=value` or `name`."""

    name: str
    value: Any = ...

    def __str__(self) -> str:
        return self.name if self.value is ... else f"{self.name}={self.value!r}"


@dataclass(frozen=True, slots=True)
class Either:
    """What is said in Python, and what the command says in its place."""

    python: str
    command: str

    def __str__(self) -> str:
        return self.python


@dataclass(frozen=True, slots=True)
class CandidateAt:
    """A candidate by its position, from 0; the command, which has read it, names its line."""

    position: int
    part: str = ""

    def __str__(self) -> str:
        return f"candidate {self.position}{self.part}"


class SecondpassError(Exception):
    """The root of the tree: catch this to catch them all. `args` are the parts of its message."""

    def __init__(self, *parts: str | Argument | Either | CandidateAt) -> None:
        super().__init__(*parts)

    def __str__(self) -> str:
        message = "".join(map(str, self.args))
        if len(message) <= MOST_CHARACTERS:
            return message
        half = MOST_CHARACTERS // 2 - len(" ... ")
        return f"{message[:half]} ... {message[-half:]}"


class InputError(SecondpassError, ValueError):
    """The caller's data or options are not usable as they are."""


class IndexExistsError(InputError):
    """An index was to be created where there already is one."""


class ModelError(SecondpassError):
    """A model that cannot be used as asked."""


class ModelNotFoundError(ModelError):
    """No such folder, file or hub name, or no network to fetch it."""


class ModelFileError(ModelError):
    """A file of the model is missing, corrupt or not what its name says."""


class UnsupportedModelError(ModelError):
    """An architecture, a head or a setting for which there is no engine."""


class IndexFileError(SecondpassError):
    """An index folder that is missing, corrupt or made by other rules."""


class EngineError(SecondpassError):
    """An engine that failed while it computed, or was used after it was closed or in a fork."""

    @classmethod
    def closed(cls) -> EngineError:
        """Return the error of a call after `close`."""
        return cls("the model is closed: load it again to score with it")


class ScoreError(SecondpassError):
    """The model returned a score that is not a finite number."""


class MissingExtraError(SecondpassError, ImportError):
    """An optional dependency is not installed; the message holds the pip line."""

    def __init__(self, needed_for: str, extra: str) -> None:
        self._given = needed_for, extra
        self.extra = extra
        super().__init__(f"{needed_for} needs the extra {extra!r}: {install_line(extra)}")

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return type(self), self._given
