"""Rust's library: an item's summary, and its path with the rest of its text."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from recipes.embedded.documentation.page_blocks import PageBlocks
from recipes.embedded.documentation.wording import (
    Pair,
    as_question,
    cut,
    first_sentence,
    with_negatives,
)


def rust_docs(folder: Path, order: random.Random) -> Iterator[Pair]:
    """Yield an item's summary with its path and the rest of its text."""
    groups: dict[Path, list[Pair]] = defaultdict(list)
    for root in (folder / "deb" / "rust-doc").glob("usr/share/doc/rust*/html/std"):
        for file in sorted(root.rglob("*.html")):
            if (
                not re.search(r"/arch/|/all\.html|/os/|intrinsics", str(file))
                and not file.is_symlink()
            ):
                page = file.read_text("utf-8", "replace")
                path = "::".join(
                    (*file.relative_to(root.parent).parts[:-1], file.name.split(".")[-2])
                )
                groups[file].extend(_rust_pairs(page, path, order))
    for group in groups.values():
        yield from with_negatives(group, order)


def _rust_pairs(page: str, path: str, order: random.Random) -> Iterator[Pair]:
    # Each method's heading comes before its text; an item's own text comes first.
    pieces = re.split(r'<(?:section|div) id="(?:ty)?method\.(\w+)[^>]*>', page)
    named = [("", pieces[0]), *zip(pieces[1::2], pieces[2::2], strict=True)]
    for name, piece in named:
        start = piece.find('class="docblock"')
        if start < 0:
            continue
        parser = PageBlocks()
        parser.feed("<div " + piece[start : start + 6000])
        texts = [text for tag, text in parser.found if tag in ("p", "li", "pre")]
        if not texts:
            continue
        summary, rest = first_sentence(texts[0])
        left = " ".join([rest, *texts[1:]]).strip()
        if 4 <= len(summary.split()) <= 25 and len(left.split()) >= 20:
            kept = left if order.random() < 2 / 3 else f"{summary} {left}"
            item = f"{path}::{name}" if name else path
            yield {"query": as_question(summary, order), "positive": cut(f"{item}\n{kept}")}
