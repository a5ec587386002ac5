"""Dictionaries of computing: terms and their definitions."""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Iterator
from pathlib import Path

from recipes.embedded.documentation.wording import Pair, clean, cut, first_sentence


def foldoc(folder: Path, order: random.Random) -> Iterator[Pair]:
    """Yield a computing term, or the question what it is, with its definition."""
    yield from _dictionary(folder, "foldoc", order)


def jargon(folder: Path, order: random.Random) -> Iterator[Pair]:
    """Yield a hackers' term, or the question what it is, with its definition."""
    yield from _dictionary(folder, "jargon", order)


def _dictionary(folder: Path, name: str, order: random.Random) -> Iterator[Pair]:
    file = next((folder / "deb" / f"dict-{name}").rglob("*.dict.dz"))
    text = gzip.decompress(file.read_bytes()).decode("utf-8", "replace")
    for match in re.finditer(
        r"^(\S[^\n]{0,60})\n((?:[ \t]*\n|[ \t]+[^\n]*\n|\S[^\n]*\n(?=\n?[ ]))+?)(?=^\S|\Z)",
        text,
        re.M,
    ):
        term, body = match[1].strip(), match[2]
        body = re.sub(
            r"\{([^{}]*?)\s*\([^{}]*\)\}|[{}]", r"\1", re.sub(r"__|\(\d{4}-\d\d-\d\d\)", "", body)
        )
        body = clean(re.sub(r"^\s*(n|v|adj|vt|vi|interj|adv|prov)\.\s|<[\w, /-]+>", "", body))
        if len(body.split()) < 20 or not re.match(r"[\w.]", term) or "00-database" in term:
            continue
        start = order.choice(["what is {}", "What is {}?", "{}", "{}", "define {}", "{} meaning"])
        if start == "{}" and order.random() < 0.5:
            # The other way round: the definition's start is the query.
            sentence, rest = first_sentence(body)
            if (
                6 <= len(sentence.split()) <= 25
                and term.lower() not in sentence.lower()
                and len(rest.split()) >= 10
            ):
                yield {"query": sentence.rstrip("."), "positive": cut(f"{term}: {rest}")}
                continue
        yield {
            "query": start.format(term),
            "positive": cut(f"{term}: {body}" if order.random() < 0.5 else body),
        }
