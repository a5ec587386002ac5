"""secondpass, precision "auto", everything else as it comes."""

LABEL = "secondpass {secondpass}, auto"


def load(work):
    from benchmarks.speed.ours import contestant

    return contestant(work, precision="auto")
