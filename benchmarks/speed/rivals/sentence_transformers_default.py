"""sentence-transformers as its documentation begins: torch, fp32, batches of 32."""

import os

LABEL = "sentence-transformers {sentence-transformers}, torch {torch} fp32, default batch 32"


def load(work):
    import torch
    from sentence_transformers import CrossEncoder

    from benchmarks.speed.batch_size import pairs_of

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    model = CrossEncoder(work.model, max_length=work.max_length, device="cpu")

    def rerank(query, texts):
        return model.predict(pairs_of(query, texts), show_progress_bar=False)

    return rerank, ""
