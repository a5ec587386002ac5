"""Perl's documentation: headings and questions of perlfaq, and what follows them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

from recipes.embedded.documentation.wording import (
    DROPPED_HEADINGS,
    GENERIC_HEADINGS,
    Pair,
    as_question,
    clean,
    cut,
    first_sentence,
    with_negatives,
)


def perl_docs(folder: Path, order: random.Random) -> Iterator[Pair]:
    """Yield the questions of perlfaq and the headings of the other pages with what follows them."""
    for file in sorted((folder / "deb" / "perl-doc").rglob("*.pod")):
        if re.search(
            r"delta|perlhist|perlartistic|perlgpl|perltoc|perlcn|perljp|perlko|perltw|perlapi$",
            file.stem,
        ):
            continue
        text = file.read_text("utf-8", "replace")
        yield from with_negatives(list(_pod_pairs(file.stem, text, order)), order)


def _pod_pairs(page: str, text: str, order: random.Random) -> Iterator[Pair]:
    for match in re.finditer(
        r"^=(head\d|item) (.+?)\n\n(.*?)(?=^=(?:head|item|over|back)|\Z)", text, re.M | re.S
    ):
        heading, body = _pod_text(match[2]), _pod_text(re.sub(r"(?m)^=\w+.*$|^X<.*$", "", match[3]))
        if DROPPED_HEADINGS.match(heading) or len(body.split()) < 25:
            continue
        if match[1] == "item":
            sentence, rest = first_sentence(body)
            if 5 <= len(sentence.split()) <= 22 and len(rest.split()) >= 15:
                yield {
                    "query": as_question(sentence, order),
                    "positive": cut(f"{heading}: {rest}"),
                    "title": page,
                }
            continue
        generic = len(heading.split()) < 3 or heading.lower() in GENERIC_HEADINGS
        query = f"{page} {heading.lower()}" if generic else heading
        yield {"query": query, "positive": cut(body), **({} if generic else {"title": page})}


def _pod_text(text: str) -> str:
    text = re.sub(r"X<[^<>]*>", "", text)
    for _ in range(3):
        text = re.sub(r"[A-Z]<<+ (.*?) >>+", r"\1", text, flags=re.S)
        text = re.sub(r"L<([^<>|]*)\|[^<>]*>", r"\1", text)
        text = re.sub(r"E<gt>", "\u203a", re.sub(r"E<lt>", "\u2039", text))
        text = re.sub(r"[BCFILSZ]<([^<>]*)>", r"\1", text)
    return clean(text.replace("\u203a", ">").replace("\u2039", "<"))
