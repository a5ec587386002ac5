"""sentence-transformers on torch in bfloat16 at its best batch size.

Fast where the processor multiplies bfloat16 (AMX, AVX512-BF16); without, it is slower than fp32.
"""

LABEL = "sentence-transformers {sentence-transformers}, torch {torch} bf16, best batch"


def load(work):
    import torch
    from sentence_transformers import CrossEncoder

    from benchmarks.speed.batch_size import at_best_batch

    model = CrossEncoder(
        work.model,
        max_length=work.max_length,
        device="cpu",
        model_kwargs={"dtype": torch.bfloat16},
    )
    return at_best_batch(model, work)
