"""Where in its file a document that was found is, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def chunk_place(metadata: Mapping[str, Any]) -> str:
    """Return the page and the heading that `secondpass index` keeps of a chunk; "" without them."""
    page, heading = metadata.get("page"), metadata.get("heading")
    said = [
        f"page {page}" if isinstance(page, int) and not isinstance(page, bool) else "",
        heading if isinstance(heading, str) else "",
    ]
    return ", ".join(filter(None, said))
