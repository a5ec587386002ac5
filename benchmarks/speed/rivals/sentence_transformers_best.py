"""sentence-transformers on torch at its best batch size."""

LABEL = "sentence-transformers {sentence-transformers}, torch {torch} fp32, best batch"


def load(work):
    from sentence_transformers import CrossEncoder

    from benchmarks.speed.batch_size import best_batch_size, pairs_of

    model = CrossEncoder(work.model, max_length=work.max_length, device="cpu")
    sample = pairs_of(work.queries[0], work.candidates[0])
    size = best_batch_size(
        lambda size: model.predict(sample, batch_size=size, show_progress_bar=False)
    )

    def rerank(query, texts):
        return model.predict(pairs_of(query, texts), batch_size=size, show_progress_bar=False)

    return rerank, f"batch {size}"
