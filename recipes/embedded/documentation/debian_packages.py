"""Debian's packages: a synopsis and the long description."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

from recipes.embedded.documentation.wording import Pair, clean, cut, normal


def debian_packages(folder: Path, order: random.Random) -> Iterator[Pair]:
    """Yield a synopsis, or a search made of it, with a package's long description."""
    skipped = re.compile(
        r"-(dbg|dbgsym|dev|doc|docs|data|common|l10n|locale|i18n)(-|$)|-l10n-|^(lib\w+-perl|python3\.|"
        r"idle|hunspell-|aspell-|myspell-|hyphen-|mythes-|task-|language-|firmware-|linux-(image|head"
        r"ers)|golang-.*-dev|librust-|r-cran-|manpages-|gcc-|g\+\+-|cpp-|libghc-|libkf5|fonts-|"
        r"libpython|python3-doc|elpa-|node-)|-cross$|\d-(dev|dbg)"
    )
    seen: set[str] = set()
    for stanza in (folder / "Translation-en").read_text("utf-8").split("\n\n"):
        match = re.match(r"Package: (\S+)\n.*?Description-en: (.+?)\n((?: .*\n?)+)", stanza, re.S)
        if not match or skipped.search(match[1]):
            continue
        name, synopsis, body = match[1], clean(match[2]), match[3]
        paragraphs = [clean(part) for part in re.split(r"\n \.\s*\n", body.strip("\n"))]
        paragraphs = [
            part
            for part in paragraphs
            if not re.match(r"(?i)this (meta)?package (contains|provides|depends|is)", part)
            or len(paragraphs) == 1
        ]
        text = " ".join(paragraphs)
        key = " ".join(normal(text).split()[:12])
        dull = re.search(
            r"(?i)transitional|dummy|metapackage|debug symbols|translations?\b", synopsis
        )
        if dull or key in seen or len(text.split()) < 25 or len(synopsis.split()) < 3:
            continue
        seen.add(key)
        synopsis = re.sub(r"\s*\([^)]*\)$", "", synopsis)
        start = order.choice(["", "", "", "", "package for ", "Debian package: "])
        lowered = synopsis[0].lower() + synopsis[1:] if not synopsis[:2].isupper() else synopsis
        if re.match(r"(?i)(lib)?\w*(library|package|program|tool|module)s? (for|to)", synopsis):
            start = ""
        query = order.choice([synopsis, lowered]) if not start else start + lowered
        yield {"query": query, "positive": f"{name}: {cut(text, 900)}"}
