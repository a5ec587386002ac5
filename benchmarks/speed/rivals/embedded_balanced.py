"""secondpass's embedded model at effort "balanced": other weights, which the rivals cannot load."""

LABEL = "secondpass {secondpass}, embedded model, effort balanced"
INCOMPARABLE = "other weights"


def load(work):
    from benchmarks.speed.ours import contestant
    from secondpass.models.embedded import CROSS_ENCODER

    return contestant(work, CROSS_ENCODER, effort="balanced")
