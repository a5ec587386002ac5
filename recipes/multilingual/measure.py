"""python -m recipes.multilingual.measure FOLDER [LANGUAGE ...]

Prints a row for each language, on Debian's package descriptions: nDCG@10 of BM25, of the embedded
bi-encoder, and of the one in FOLDER; and of each below the embedded reranker, fused with it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from recipes.multilingual.descriptions import write_collection
from secondpass import CrossEncoderReranker, Embedder
from secondpass.evaluation.evaluate import evaluate
from secondpass.evaluation.first_stages.select import find_candidates
from secondpass.evaluation.open_collection import open_collection
from secondpass.options.fusion import PAIR_WEIGHT, Fusion

_LANGUAGES = ("de", "ja", "zh_CN", "fr")
_FUSED = Fusion.checked("weighted", PAIR_WEIGHT)
_MEASURE = "nDCG@10"


def main() -> None:
    """Print the table in Markdown."""
    folder, languages = sys.argv[1], sys.argv[2:] or _LANGUAGES
    embedders = {"embedded": Embedder(), Path(folder).name: Embedder(folder)}
    columns = ["BM25"]
    columns += [f"{name}{second}" for name in embedders for second in ("", " + reranker")]
    print("| language | documents, queries | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 2) + "|")
    with CrossEncoderReranker() as reranker, tempfile.TemporaryDirectory() as work:
        for language in languages:
            print(_row(language, Path(work), embedders, reranker), flush=True)


def _row(
    language: str, work: Path, embedders: dict[str, Embedder], reranker: CrossEncoderReranker
) -> str:
    folder = work / language
    write_collection(language, folder, documents=1000, queries=50)
    collection = open_collection(str(folder))
    values = []
    for name in ("bm25", *embedders):
        stage = find_candidates(
            ["bm25" if name == "bm25" else "dense"],
            collection,
            limit=100,
            load_embedder=lambda name=name: embedders[name],
            cache_dir=work / "vectors" / name,
        )
        # Of BM25 only its own order is shown.
        depth = 1 if name == "bm25" else 50
        found = evaluate(
            collection, stage, reranker, depth=depth, fusion=_FUSED, measures=[_MEASURE]
        )
        (measured,) = found.evaluation.comparisons
        values.append(measured.first_stage)
        if name != "bm25":
            values.append(measured.reranked)
    counts = f"{len(collection.documents):,}, {len(collection.qrels)}"
    return f"| {language} | {counts} | " + " | ".join(f"{value:.3f}" for value in values) + " |"


if __name__ == "__main__":
    main()
