"""secondpass at int8 and effort "fast", on the same weights with exit heads nobody trained."""

LABEL = "secondpass {secondpass}, int8, effort fast, untrained heads: shows the time only"
INCOMPARABLE = "untrained heads"


def load(work):
    from benchmarks.speed.ours import with_untrained_heads

    return with_untrained_heads(work, "fast")
