"""secondpass, precision "auto", everything else as it comes."""

from pathlib import Path

LABEL = "secondpass {secondpass}, auto"


def load(work):
    from secondpass import CrossEncoderReranker

    reranker = CrossEncoderReranker(
        work.model, work.max_length, precision="auto", cache_dir=Path(work.scratch) / "graphs"
    )
    info = reranker.info

    def rerank(query, texts):
        return reranker.predict([(query, text) for text in texts])

    return rerank, f"{info.precision} weights, {info.arithmetic} arithmetic"
