"""The script at its best batch size."""

LABEL = "sentence-transformers {sentence-transformers}, torch {torch}, best batch"


def load(work):
    from benchmarks.drop_in.best import at_best_batch

    return at_best_batch(work)
