"""Runs in an environment with the base install alone: nothing that ranks or searches needs more.

With the `search` extra an index is made and searched too; torch and NNCF must not be there.
"""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path

HEAVY = ("torch", "nncf", "sentence_transformers", "transformers")


def main() -> None:
    """Import, rank, index and search."""
    there = [name for name in HEAVY if find_spec(name) is not None]
    if there:
        raise SystemExit(f"not a base install: {', '.join(there)} is here")
    from secondpass import CrossEncoderReranker, Embedder, Index, SearchPipeline

    texts = ["Sheep give wool.", "The csv module reads rows of comma separated values."]
    query = "how do I read a csv file"
    with CrossEncoderReranker() as reranker:
        _require([hit.index for hit in reranker.rank(query, texts)] == [1, 0], "rank")
        with tempfile.TemporaryDirectory() as folder:
            index = Index.create(Path(folder) / "index", Embedder())
            index.add([{"id": str(at), "text": text} for at, text in enumerate(texts)])
            found = SearchPipeline(index, reranker).search(query, top_k=1)
            _require([hit.document.id for hit in found] == ["1"], "search")
    print("the base install ranks and searches")


def _require(right: bool, what: str) -> None:
    if not right:
        raise SystemExit(f"{what}: another result than expected")


if __name__ == "__main__":
    main()
