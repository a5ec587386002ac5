"""sentence-transformers on torch at its best batch size."""

LABEL = "sentence-transformers {sentence-transformers}, torch {torch} fp32, best batch"


def load(work):
    from sentence_transformers import CrossEncoder

    from benchmarks.speed.batch_size import at_best_batch

    return at_best_batch(CrossEncoder(work.model, max_length=work.max_length, device="cpu"), work)
