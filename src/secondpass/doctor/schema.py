"""The JSON Schema of what the command prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCHEMA = "secondpass/doctor/1"


def read_schema() -> dict[str, Any]:
    """Return the schema, schema.json beside this file."""
    schema: dict[str, Any] = json.loads(
        Path(__file__).with_name("schema.json").read_text(encoding="utf-8")
    )
    return schema
