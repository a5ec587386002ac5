"""Rerank inside a DSPy program: a module that finds passages and keeps the best.

    python examples/dspy_rerank.py

Needs pip install ".[search]" dspy, and no language model. In a program of yours
`dspy.ChainOfThought("context, question -> answer")` takes the passages as its context.
"""

from __future__ import annotations

import dspy

from secondpass import CrossEncoderReranker, Embedder

PASSAGES = [
    "open() opens a file and returns a stream.",
    "The csv module reads rows of comma separated values.",
    "Sheep give wool, and wool gives warm clothes.",
]
# Optimizers copy a module with all it holds: so the models are not among its attributes.
RERANKER = CrossEncoderReranker()
EMBEDDER = Embedder()


class RerankedSearch(dspy.Module):
    """Finds passages with any retriever that gives `passages`, and keeps the best `k`."""

    def __init__(self, search: dspy.Embeddings, k: int = 3) -> None:
        super().__init__()
        self.search = search
        self.k = k

    def forward(self, query: str) -> dspy.Prediction:
        """Return the best passages, best first, and their scores."""
        ranking = RERANKER.rank(query, self.search(query).passages, self.k)
        return dspy.Prediction(
            passages=[hit.text for hit in ranking], scores=[hit.score for hit in ranking]
        )


def main() -> None:
    """Search among three passages."""
    search = dspy.Embeddings(corpus=PASSAGES, embedder=lambda texts: EMBEDDER.embed(texts), k=3)
    found = RerankedSearch(search, k=2)(query="what are warm clothes made of")
    for score, passage in zip(found.scores, found.passages, strict=True):
        print(f"{score:.2f}  {passage}")


if __name__ == "__main__":
    main()
