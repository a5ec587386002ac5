"""secondpass at int8 with the token ids that an index keeps, made by its embedder before."""

LABEL = "secondpass {secondpass}, int8, token ids from the index"


def load(work):
    from benchmarks.speed.ours import load, scores_of
    from benchmarks.speed.stored_ids import stored_texts
    from secondpass import Embedder

    reranker, detail = load(work, precision="int8")
    texts_of = stored_texts(work, Embedder())
    return lambda query, texts: scores_of(reranker, query, texts_of(texts)), detail
