"""Lays out the pages of the site: make site.

The pages are written to be read in the repository, so their links are relative and lead out of
docs/. Here README.md is the first page, docs/ stays as it is, and every other file that a page
links to has a place below repository/. A link to a folder becomes the folder's path. The navigation
is the list of docs/README.md. The Python reference is made of a copy of src/, in whose docstrings
the path of a page is a link to it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).parent.parent
DOCS = PurePosixPath("docs")
# What has another place than the rule gives it.
PLACES = {
    PurePosixPath("README.md"): PurePosixPath("index.md"),
    DOCS / "README.md": PurePosixPath("contents.md"),
}
ELSEWHERE = PurePosixPath("repository")
_LINK = re.compile(r"\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)\s]+)\)")
_NAVIGATION = "nav = []\n"
_FENCE = re.compile(r"^(`{3,}).*?^\1", re.M | re.S)
_PAGE_OF_DOCS = re.compile(r"\bdocs/[\w/-]+\.md\b")
_REFERENCE = PurePosixPath("reference/api.md")


def make(folder: Path) -> None:
    """Write the pages and the generator's settings into a folder."""
    lay_out(folder / "pages")
    copy_source(folder / "src")
    settings = (ROOT / DOCS / "site" / "zensical.toml").read_text(encoding="utf-8")
    listed = (ROOT / DOCS / "README.md").read_text(encoding="utf-8")
    text = settings.replace(_NAVIGATION, f"nav = {_as_toml(navigation(listed))}\n")
    (folder / "zensical.toml").write_text(text, encoding="utf-8")


def navigation(listed: str) -> list[dict[str, Any]]:
    """Return the sections of the list of pages, each with the titles and places of its pages."""
    sections: list[dict[str, Any]] = [{"secondpass": "index.md"}]
    for section in re.split(r"^## ", listed, flags=re.M)[1:]:
        heading, _, text = section.partition("\n")
        links = [found for found in _LINK.finditer(text) if found["target"].endswith(".md")]
        pages = [{_title(found["text"]): found["target"]} for found in links]
        sections.append({heading.strip(): pages})
    sections[1]["Start"].append({"All pages": "contents.md"})
    return sections


def _title(text: str) -> str:
    plain = text.replace("`", "")
    return plain[:1].upper() + plain[1:]


def _as_toml(value: Any) -> str:
    """Return lists, tables and strings as inline TOML, whose strings are those of JSON."""
    if isinstance(value, list):
        return f"[{', '.join(map(_as_toml, value))}]"
    if isinstance(value, dict):
        items = (f"{json.dumps(name)} = {_as_toml(one)}" for name, one in value.items())
        return f"{{ {', '.join(items)} }}"
    return json.dumps(value)


def lay_out(folder: Path) -> list[PurePosixPath]:
    """Write the pages and what they link to into a new folder; return their places, sorted.

    Raises:
        SystemExit: a link leads to what is not there.
    """
    shutil.rmtree(folder, ignore_errors=True)
    todo = [PurePosixPath("README.md"), *_files_of_docs()]
    done: set[PurePosixPath] = set()
    while todo:
        name = todo.pop()
        if name in done:
            continue
        done.add(name)
        written = folder / place(name)
        written.parent.mkdir(parents=True, exist_ok=True)
        if name.suffix == ".md":
            text, linked = page(name, (ROOT / name).read_text(encoding="utf-8"))
            written.write_text(text, encoding="utf-8")
            todo.extend(linked)
        else:
            shutil.copyfile(ROOT / name, written)
    return sorted(map(place, done))


def copy_source(folder: Path) -> None:
    """Write the Python files of src/ into a new folder, the pages that they name as links."""
    shutil.rmtree(folder, ignore_errors=True)
    for file in sorted((ROOT / "src").rglob("*.py")):
        written = folder / file.relative_to(ROOT / "src")
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(with_links(file.read_text(encoding="utf-8")), encoding="utf-8")


def with_links(source: str) -> str:
    """Return Python in which each path of a page is a link, by its title, from the reference."""

    def link(found: re.Match[str]) -> str:
        heading = (ROOT / found[0]).read_text(encoding="utf-8").partition("\n")[0]
        # The generator does not follow a docstring's links to Markdown.
        built = place(PurePosixPath(found[0])).with_suffix(".html")
        return f"[{heading.lstrip('# ')}]({os.path.relpath(built, _REFERENCE.parent)})"

    return _PAGE_OF_DOCS.sub(link, source)


def place(name: PurePosixPath) -> PurePosixPath:
    """Return where a file of the repository stands on the site."""
    if name in PLACES:
        return PLACES[name]
    if name.is_relative_to(DOCS):
        return name.relative_to(DOCS)
    # A browser shows what ends in .txt, and would keep what has no ending.
    return ELSEWHERE / (name if name.suffix else name.with_suffix(".txt"))


def page(name: PurePosixPath, text: str) -> tuple[str, list[PurePosixPath]]:
    """Return a page with its links as the site has them, and the files that they lead to."""
    linked: list[PurePosixPath] = []

    def rewritten(found: re.Match[str]) -> str:
        # The text of a link may be a picture with a link of its own.
        label, target = _LINK.sub(rewritten, found["text"]), found["target"]
        path, hash_, anchor = target.partition("#")
        if not path or "://" in path or path.startswith("mailto:"):
            return f"[{label}]({target})"
        leads_to = PurePosixPath(os.path.normpath(name.parent / path))
        if (ROOT / leads_to).is_dir():
            return label if label.strip("/`") == str(leads_to) else f"{label} (`{leads_to}`)"
        if not (ROOT / leads_to).is_file():
            raise SystemExit(f"{name}: there is no {leads_to}")
        linked.append(leads_to)
        relative = os.path.relpath(place(leads_to), place(name).parent)
        return f"[{label}]({relative}{hash_}{anchor})"

    return "".join(
        part if is_code else _LINK.sub(rewritten, part) for part, is_code in _parts(text)
    ), linked


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a page, and whether each is a block of code."""
    end = 0
    for fence in _FENCE.finditer(text):
        yield text[end : fence.start()], False
        yield fence[0], True
        end = fence.end()
    yield text[end:], False


def _files_of_docs() -> list[PurePosixPath]:
    """Return the files of docs/ but the examples, which are read in a clone."""
    return [
        PurePosixPath(file.relative_to(ROOT).as_posix())
        for file in sorted((ROOT / DOCS).rglob("*"))
        if file.is_file()
        and (ROOT / DOCS / "examples") not in file.parents
        and file.name != "zensical.toml"
    ]


if __name__ == "__main__":
    make(Path(sys.argv[1]))
