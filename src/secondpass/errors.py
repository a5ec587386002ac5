"""Every error secondpass raises on purpose.

    SecondpassError
    ├── InputError               the caller's data or options (also a ValueError)
    │   └── IndexExistsError     Index.create where there already is one
    ├── ModelError               a model that cannot be used as asked
    │   ├── ModelNotFoundError   no such folder, file or hub name
    │   ├── ModelFileError       a file that is missing or broken
    │   └── UnsupportedModelError   an architecture, head or setting that has no engine
    ├── IndexFileError           an index that cannot be read or written
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
    """The root of the tree. `args` are the parts of its message.

    Cause: any of those below.

    Way out: catch it to catch them all, and show the message: it is for the reader.
    """

    def __init__(self, *parts: str | Argument | Either | CandidateAt) -> None:
        super().__init__(*parts)

    def __str__(self) -> str:
        message = "".join(map(str, self.args))
        if len(message) <= MOST_CHARACTERS:
            return message
        half = MOST_CHARACTERS // 2 - len(" ... ")
        return f"{message[:half]} ... {message[-half:]}"


class InputError(SecondpassError, ValueError):
    """The caller's data or options are not usable as they are.

    Cause: an option beyond its limits, misspelt, or not for this model; an empty query, or one that
    leaves no room for a text; a candidate without a text; a text that is not a string or not valid
    Unicode; a file that cannot be read as what it is. Nothing is scored then.

    Way out: the message names the value and what is usable. `on_error="skip"` scores the other
    candidates, `long_query="truncate"` cuts the query. In a server it is the client's fault.
    """


class IndexExistsError(InputError):
    """An index was to be created where there already is one.

    Cause: `Index.create` in a folder that holds an index.

    Way out: `Index.open`, or `exist_ok=True`. `secondpass index` opens the one that is there.
    """


class ModelError(SecondpassError):
    """A model that cannot be used as asked.

    Cause: one of the three below, or an embedding model whose vectors are not usable.

    Way out: the message names the model and what was expected.
    """


class ModelNotFoundError(ModelError):
    """No such folder, file or hub name, or no network to fetch it.

    Cause: a misspelt name; a model that is private or gated; no network, or `local_files_only=True`
    and a model that is not cached.

    Way out: `secondpass models` lists what needs no download. Fetch the model once with a network,
    or give its folder.
    """


class ModelFileError(ModelError):
    """A file of the model is missing, corrupt or not what its name says.

    Cause: a download that was cut; a Git LFS pointer in the place of weights; a pickle and no
    safetensors; a config or tokenizer that does not fit the weights; a pipe, device or socket.

    Way out: the message names the file, the key or tensor, and what was expected: fetch the file
    again. Convert a pickle to safetensors, if you trust it: reading it runs its code.
    """


class UnsupportedModelError(ModelError):
    """An architecture, a head or a setting for which there is no engine.

    Cause: an architecture without a graph builder and no torch; a precision or device that the
    engine does not have; a listwise model, GGUF, or a setting that would change scores and is not
    followed.

    Way out: the message has the reason of each engine. `pip install '.[torch]'` runs most others;
    `secondpass doctor` examines a folder.
    """


class IndexFileError(SecondpassError):
    """An index that is missing, corrupt or made by other rules, or whose server is away.

    Cause: a misspelt folder; an index of another embedder; a file of it that is cut or gone; a
    folder that cannot be written; a database server that cannot be reached, refuses, or has no
    pgvector.

    Way out: open it with the embedder that the message names, or index the documents again into a
    new folder. For a database the message has the server's reason.
    """


class EngineError(SecondpassError):
    """An engine that failed while it computed, or was used after it was closed or in a fork.

    Cause: a call after `close`; a fork of a process that had loaded a model; OpenVINO or torch that
    fails on a batch, such as for want of memory; a tokenizer that fails on a text.

    Way out: load a model after the fork, or start processes by "spawn"; load it again after
    `close`; a smaller `max_batch_tokens` takes less memory.
    """

    @classmethod
    def closed(cls) -> EngineError:
        """Return the error of a call after `close`."""
        return cls("the model is closed: load it again to score with it")


class ScoreError(SecondpassError):
    """The model returned a score that is not a finite number.

    Cause: weights that are damaged, or too large for the arithmetic; in training, a learning rate
    that is too high.

    Way out: `secondpass doctor` finds which texts; `precision="fp32"` if it is the arithmetic.
    `on_error="skip"` ranks the others.
    """


class MissingExtraError(SecondpassError, ImportError):
    """An optional dependency is not installed.

    Cause: a feature whose extra was not installed with secondpass; `extra` is its name.

    Way out: the message has the line for pip.
    """

    def __init__(self, needed_for: str, extra: str) -> None:
        self._given = needed_for, extra
        self.extra = extra
        super().__init__(f"{needed_for} needs the extra {extra!r}: {install_line(extra)}")

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return type(self), self._given
