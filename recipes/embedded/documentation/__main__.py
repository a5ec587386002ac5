"""Training pairs from software documentation: unpacked packages to one file of pairs a source.

The folder given holds `deb/PACKAGE` (what `dpkg-deb -x` unpacked), `whl/` (wheels of packages whose
docstrings are read, as they came), `site` (a link to a site-packages folder) and `Translation-en`
(Debian's package descriptions). Nothing is imported or run from it. What Python's own standard
library says is left out wherever it is met, as a development set is made of it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from recipes.embedded.documentation.debian_packages import debian_packages
from recipes.embedded.documentation.dictionaries import foldoc, jargon
from recipes.embedded.documentation.docstrings import docstrings
from recipes.embedded.documentation.html_pages import HTML_PACKAGES, html_pages
from recipes.embedded.documentation.manual_pages import manual_pages
from recipes.embedded.documentation.perl_docs import perl_docs
from recipes.embedded.documentation.rust_docs import rust_docs
from recipes.embedded.documentation.selection import contains_query, select, stdlib_texts
from recipes.embedded.documentation.wording import SEED, Pair

# Together some nine million tokens of queries and positives.
LIMITS = {
    "debian_packages": 6500,
    "docstrings": 9500,
    "manual_pages": 7500,
    "foldoc": 6000,
    "tool_docs": 4000,
}

HTML_LIMIT = 5000


def readers(folder: Path) -> dict[str, Callable[[random.Random], Iterator[Pair]]]:
    """Return a function for each source that yields its pairs."""
    single = (debian_packages, docstrings, manual_pages, rust_docs, perl_docs, foldoc, jargon)
    sources: dict[str, Callable[[random.Random], Iterator[Pair]]] = {
        read.__name__: partial(read, folder) for read in single
    }
    for name, packages in HTML_PACKAGES.items():
        sources[name] = partial(html_pages, folder, packages)
    return sources


def main() -> None:
    """Write the files of the sources asked for and print a table of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="unpacked packages")
    parser.add_argument("output", type=Path, help="where the files are written")
    parser.add_argument("--only", nargs="*", help="names of sources (default: all)")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    barred = stdlib_texts()
    options.output.mkdir(parents=True, exist_ok=True)
    for name, read in readers(options.folder).items():
        if options.only and name not in options.only:
            continue
        pairs = select(read(random.Random(SEED)), name, LIMITS.get(name, HTML_LIMIT), barred)
        rows = "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs)
        unfinished = options.output / f"{name}.unfinished"
        unfinished.write_bytes(gzip.compress(rows.encode(), 6, mtime=0))
        unfinished.replace(options.output / f"{name}.jsonl.gz")
        share = sum(map(contains_query, pairs)) / max(1, len(pairs))
        characters = sum(len(pair["query"] + pair["positive"]) for pair in pairs)
        sys.stdout.write(f"{name}\t{len(pairs)}\tliteral {share:.2f}\t{characters} characters\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
