"""Checks a built site: no link is broken, and no page loads anything from elsewhere.

    python -m scripts.check_site build/site

The generator checks the links of the pages; this reads the HTML, with what was made of docstrings.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Of each element, the attribute by which a browser loads something when it shows the page.
_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src"}
# Which links of the head are loaded; the others are names.
_LOADED_RELATIONS = {"stylesheet", "preload", "modulepreload", "preconnect", "icon", "manifest"}


@dataclass
class _Page(HTMLParser):
    """The anchors of a page, its links, and what it loads."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors.update(given[name] for name in ("id", "name") if given.get(name))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and _LOADED_RELATIONS & set(given.get("rel", "").split()):
            self.loaded.append(given.get("href", ""))
        if tag in _LOADED and given.get(_LOADED[tag]):
            self.loaded.append(given[_LOADED[tag]])


def problems(site: Path) -> list[str]:
    """Return a line for each broken link, and for each thing that is loaded from elsewhere."""
    found = []
    for file in sorted(site.rglob("*.html")):
        page = _read(file)
        name = file.relative_to(site)
        found += [f"{name} loads {one}" for one in page.loaded if urlsplit(one).netloc]
        found += [f"{name}: {one}" for one in {*page.links, *page.loaded} if _is_broken(one, file)]
    return found


@cache
def _read(file: Path) -> _Page:
    page = _Page()
    page.feed(file.read_text(encoding="utf-8"))
    return page


def _is_broken(link: str, file: Path) -> bool:
    parts = urlsplit(link)
    # The page of an error may stand at any address, so its links begin at the root.
    if parts.scheme or parts.netloc or link.startswith("/"):
        return False
    target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if target.is_dir():
        target = target / "index.html"
    if not target.is_file():
        return True
    anchor = unquote(parts.fragment)
    return bool(anchor) and target.suffix == ".html" and anchor not in _read(target).anchors


if __name__ == "__main__":
    site = Path(sys.argv[1])
    lines = problems(site)
    print("\n".join(lines) or f"{len(list(site.rglob('*.html')))} pages, no broken link")
    sys.exit(bool(lines))
