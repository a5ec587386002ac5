"""Where in its file a document that was found is, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def chunk_place(metadata: Mapping[str, Any]) -> str:
    """Return the pages and heading that `secondpass index` keeps of a chunk; "" without them."""
    heading = metadata.get("heading")
    return ", ".join(filter(None, [_pages(metadata), heading if isinstance(heading, str) else ""]))


def _pages(metadata: Mapping[str, Any]) -> str:
    first, last = metadata.get("page"), metadata.get("last_page")
    if not _is_number(first):
        return ""
    return f"pages {first}-{last}" if _is_number(last) and last != first else f"page {first}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
