"""Rerank in a PyTerrier pipeline, and measure what it changes with pt.Experiment.

    python examples/pyterrier_rerank.py

Needs pip install ".[pyterrier]", and no Java: the first stage here is a table of results. With
Terrier it is `pt.terrier.Retriever(index) % 100 >> pt.text.get_text(dataset)`.
"""

from __future__ import annotations

import pandas as pd
import pyterrier as pt

from secondpass.integrations.pyterrier import SecondpassReranker

TOPICS = pd.DataFrame(
    [("1", "what are warm clothes made of"), ("2", "read a table of values")],
    columns=["qid", "query"],
)
TEXTS = {
    "open": "open() opens a file and returns a stream.",
    "csv": "The csv module reads rows of comma separated values.",
    "wool": "Sheep give wool, and wool gives warm clothes.",
}
QRELS = pd.DataFrame([("1", "wool", 1), ("2", "csv", 1)], columns=["qid", "docno", "label"])


def first_stage() -> pt.Transformer:
    """Return a first stage that finds every text for every query, in one order."""
    results = TOPICS.merge(pd.DataFrame(TEXTS.items(), columns=["docno", "text"]), how="cross")
    rank = results.groupby("qid").cumcount()
    return pt.Transformer.from_df(results.assign(rank=rank, score=-rank.astype(float)))


def main() -> None:
    """Print the reranked results, and both systems beside each other."""
    first = first_stage()
    reranked = first >> SecondpassReranker()
    print((reranked % 2)(TOPICS)[["qid", "docno", "rank", "score"]].to_string(index=False))
    systems = {"first stage": first, "reranked": reranked}
    measured = pt.Experiment(
        list(systems.values()), TOPICS, QRELS, ["recip_rank"], names=list(systems)
    )
    print(measured.to_string(index=False))


if __name__ == "__main__":
    main()
