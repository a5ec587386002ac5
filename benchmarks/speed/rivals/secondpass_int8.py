"""secondpass, precision "int8", everything else as it comes."""

LABEL = "secondpass {secondpass}, int8"


def load(work):
    from benchmarks.speed.ours import load_at

    return load_at("int8", work)
