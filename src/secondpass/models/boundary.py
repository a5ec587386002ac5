"""The boundary round a model folder: whatever else a folder makes of a library is a named error.

Config, tokenizer and weights are checked before native code sees them. What still goes wrong there,
in the tokenizer, in OpenVINO or in torch, is the folder's fault too, and leaves as a
ModelFileError: a list of the exceptions that those libraries raise would never be whole.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from secondpass.errors import EngineError, ModelFileError, SecondpassError

Given = ParamSpec("Given")
Loaded = TypeVar("Loaded")
Source = TypeVar("Source")

# Meant for those who wait for the load, or ours; a warning that is raised is the user's filter.
_PASSED = (SecondpassError, KeyboardInterrupt, SystemExit, GeneratorExit, Warning)
_LONGEST_REASON = 300


def at_the_boundary(
    load: Callable[Concatenate[Source, Given], Loaded],
) -> Callable[Concatenate[Source, Given], Loaded]:
    """Make every exception of a loading function one of ours.

    Its first argument is where the model comes from: a file, or what has a `name`.
    """

    @wraps(load)
    def bounded(source: Source, /, *args: Given.args, **options: Given.kwargs) -> Loaded:
        try:
            return load(source, *args, **options)
        except _PASSED:
            raise
        except BaseException as error:  # a panic of a Rust library is not an Exception
            name = source if isinstance(source, Path) else getattr(source, "name", source)
            raise ModelFileError(f"{name} cannot be loaded: {first_line(error)}") from error

    return bounded


def tokenizing(read: Callable[Given, Loaded]) -> Callable[Given, Loaded]:
    """Make what a tokenizer raises on a text an EngineError.

    tokenizers raises bare Exceptions, and panics where a pattern of a tokenizer.json takes too many
    steps; every other exception is not its own.
    """

    @wraps(read)
    def bounded(*args: Given.args, **options: Given.kwargs) -> Loaded:
        try:
            return read(*args, **options)
        except _PASSED:
            raise
        except BaseException as error:
            if type(error) is not Exception and isinstance(error, Exception):
                raise
            raise EngineError(f"the tokenizer failed on a text: {first_line(error)}") from error

    return bounded


def first_line(error: BaseException) -> str:
    """Return an exception's type and the first line of what it says, at most 300 characters."""
    # A KeyError quotes what it says.
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    lines: list[Any] = text.strip().splitlines()
    # OpenVINO says first where in its own source it was, and last what is wrong.
    line = lines[-1] if lines and lines[0].startswith(("Check '", "Exception from")) else lines[:1]
    said = f"{type(error).__name__}: {''.join(line)}" if lines else type(error).__name__
    return said if len(said) <= _LONGEST_REASON else said[: _LONGEST_REASON - 3] + "..."
