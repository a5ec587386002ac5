"""How this package was installed, so that an error can say how to add an extra to it."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname


def install_line(extra: str) -> str:
    """Return the pip line that adds an extra to this installation.

    secondpass is not on a package index. pip notes from where it was installed (PEP 610); where
    that is not known or gone, the line is the one for a clone.
    """
    source = _source()
    url = str(source.get("url", ""))
    if vcs := source.get("vcs_info"):
        return f"pip install 'secondpass[{extra}] @ {vcs.get('vcs', 'git')}+{url}'"
    if url.startswith(("http://", "https://")):
        return f"pip install 'secondpass[{extra}] @ {url}'"
    place = Path(url2pathname(urlsplit(url).path)) if url.startswith("file:") else None
    if place is None or not place.exists():
        return f"pip install '.[{extra}]', in a clone of secondpass"
    editable = "-e " if source.get("dir_info", {}).get("editable") else ""
    return f"pip install {editable}'{place}[{extra}]'"


def _source() -> dict[str, Any]:
    try:
        noted = json.loads(distribution("secondpass").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, OSError, ValueError):  # run from the source, or not whole
        return {}
    return noted if isinstance(noted, dict) else {}
