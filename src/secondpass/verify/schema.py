"""The JSON Schemas that ship with the package, and checking against them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from secondpass.errors import MissingExtraError

_FOLDER = Path(__file__).parent


def load_schema(file_name: str) -> dict[str, Any]:
    """Return the schema "schema.json" (a record) or "check.schema.json" (a check's result)."""
    schema: dict[str, Any] = json.loads((_FOLDER / file_name).read_text(encoding="utf-8"))
    return schema


def first_fault(value: Any, file_name: str) -> str | None:
    """Return the most telling fault, with the field's name, or None if the value is as it must be.

    Raises:
        MissingExtraError: jsonschema is not installed.
    """
    try:
        import jsonschema
    except ImportError as error:
        raise MissingExtraError("checking a record", "measure") from error
    validator = jsonschema.Draft202012Validator(load_schema(file_name))
    fault = jsonschema.exceptions.best_match(validator.iter_errors(value))
    if fault is None:
        return None
    field = ".".join(str(part) for part in fault.absolute_path) or "the whole"
    return f"field {field}: {_short(fault.message)}"


def _short(message: str, most: int = 200) -> str:
    return message if len(message) <= most else f"{message[:90]} … {message[-100:]}"
