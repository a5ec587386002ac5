"""The JSON Schemas of what the commands write, each beside the code that writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent.parent


def read_schema(folder: str) -> dict[str, Any]:
    """Return schema.json of a folder of the package, such as "evaluation" or "doctor"."""
    schema: dict[str, Any] = json.loads(
        (_PACKAGE / folder / "schema.json").read_text(encoding="utf-8")
    )
    return schema
