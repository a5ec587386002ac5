"""Debian's package descriptions as a collection: which long description belongs to a synopsis?

Debian's translators wrote both in their own language, so a language is measured on its own text.
The texts are downloaded from a Debian mirror; each has its package's licence.
"""

from __future__ import annotations

import bz2
import json
import random
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MIRROR = "http://deb.debian.org/debian/dists/bookworm/main/i18n"


class Description(NamedTuple):
    """A package's synopsis and long description in one language."""

    package: str
    synopsis: str
    text: str


def write_collection(language: str, folder: Path, *, documents: int, queries: int) -> None:
    """Write `language` (Debian's code, such as "de" or "zh_CN") in BEIR's layout."""
    found = list(_useful(_descriptions(language)))
    order = random.Random(0)
    chosen = order.sample(found, min(documents, len(found)))
    asked = order.sample(chosen, min(queries, len(chosen)))
    _write(folder / "corpus.jsonl", ({"_id": one.package, "text": one.text} for one in chosen))
    _write(folder / "queries.jsonl", ({"_id": one.package, "text": one.synopsis} for one in asked))
    judged = "".join(f"{one.package}\t{one.package}\t1\n" for one in asked)
    (folder / "qrels").mkdir(exist_ok=True)
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}", "utf-8")


def _descriptions(language: str) -> Iterator[Description]:
    with urllib.request.urlopen(f"{MIRROR}/Translation-{language}.bz2", timeout=60) as answer:
        text = bz2.decompress(answer.read()).decode()
    stanza = re.compile(
        rf"Package: (\S+)\n.*?Description-{language}: (.+?)\n((?: .*\n?)+)", re.DOTALL
    )
    for part in text.split("\n\n"):
        if match := stanza.match(part):
            body = re.sub(r"^ \.$", "", match[3], flags=re.MULTILINE)
            yield Description(match[1], match[2].strip(), re.sub(r"\s+", " ", body).strip())


def _useful(descriptions: Iterator[Description]) -> Iterator[Description]:
    """Yield those of some length, one of each text and synopsis."""
    seen: set[str] = set()
    for one in descriptions:
        beginning = one.text[:60]
        if len(one.text) < 80 or beginning in seen or one.synopsis in seen:
            continue
        seen |= {beginning, one.synopsis}
        yield one


def _write(file: Path, rows: Iterator[dict[str, str]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    file.write_text("".join(lines), "utf-8")
