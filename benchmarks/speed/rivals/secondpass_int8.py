"""secondpass, precision "int8", everything else as it comes."""

LABEL = "secondpass {secondpass}, int8"


def load(work):
    from benchmarks.speed.ours import contestant

    return contestant(work, precision="int8")
