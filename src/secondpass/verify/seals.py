"""A seal for each field of a record: its hash, so that a field changed by hand is named.

A seal shows a slip, not a forger: whoever means to deceive can seal again. What a record claims is
proved by running it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from secondpass.models.digest import text_sha256


def seals_of(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return field -> SHA-256 of its value as canonical JSON; of `outcome`, each part's own."""
    parts = {f"outcome.{name}": value for name, value in fields["outcome"].items()}
    whole = {name: value for name, value in fields.items() if name != "outcome"}
    return {name: text_sha256(_canonical(value)) for name, value in (whole | parts).items()}


def broken_seals(fields: Mapping[str, Any], seals: Mapping[str, str]) -> list[str]:
    """Return the names of the fields whose value is not the one that was sealed."""
    now = seals_of(fields)
    return sorted(name for name in now.keys() | seals.keys() if now.get(name) != seals.get(name))


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
