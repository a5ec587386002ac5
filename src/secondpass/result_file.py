"""Result files: a dataclass to JSON and back. The dataclass is the schema.

`msgspec.json.schema(SomeResult)` prints it as JSON Schema. A file may come from anyone: it is
bounded in size, and each value is checked against its field's type before anything uses it.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from secondpass.atomic import write_text
from secondpass.checks import misfit, shortened
from secondpass.errors import InputError
from secondpass.regular_files import open_regular
from secondpass.utf8 import decode as decode_utf8

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Result = TypeVar("Result")

# The largest result of a long evaluation has a few megabytes.
LARGEST_BYTES = 64 * 2**20


def encode(result: DataclassInstance) -> str:
    """Return a result as JSON text.

    Raises:
        ValueError: a number is not finite, which JSON cannot hold.
    """
    return json.dumps(asdict(result), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_values(result: DataclassInstance) -> dict[str, Any]:
    """Return a result as plain JSON values, as `encode` writes them."""
    values: dict[str, Any] = json.loads(encode(result))
    return values


def write_result(file: str | Path, result: DataclassInstance) -> None:
    """Write a result as JSON, whole or not at all; raises as `encode` and `write_report`."""
    write_report(file, encode(result))


def write_report(file: str | Path, text: str) -> None:
    """Write a page or another report, whole or not at all.

    Raises:
        InputError: it cannot be written; the message names the file.
    """
    try:
        write_text(Path(file), text)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from error


def read_result(file: Path, kind: type[Result], name: str) -> Result:
    """Read a result of one kind from a file; `name` says what the file is, such as "record".

    Raises:
        InputError: the file cannot be read, is larger than `LARGEST_BYTES`, is not UTF-8 or not
            JSON, or a field is missing or of another type; the message names the field.
    """
    try:
        with open_regular(file) as stream:
            data = stream.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    return decode(data, kind, f"{name} {file}")


def decode(data: bytes, kind: type[Result], name: str) -> Result:
    """Return the result in JSON bytes; `name` is for messages. Raises as `read_result`."""
    if len(data) > LARGEST_BYTES:
        raise InputError(f"{name} is too large: at most {LARGEST_BYTES / 2**20:g} MiB are read")
    text = decode_utf8(data, name)
    try:
        values = msgspec.json.decode(text)
        _check_integers(values, name)
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise InputError(f"{name} {misfit(values, str(error))}") from None
    except msgspec.DecodeError as error:
        raise InputError(f"{name} is not valid JSON: {error}") from None
    except RecursionError:
        raise InputError(f"{name} is nested too deeply to be a {kind.__name__}") from None


def _check_integers(value: Any, name: str) -> None:
    """Refuse integers of more than 64 bits, which no count, size or seed has."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, int) and abs(one) >= 2**63:
            raise InputError(f"{name} holds the integer {shortened(one)}, which has over 64 bits")
