"""secondpass at int8 with a score cache: each list is asked before, untimed, then timed."""

LABEL = 'secondpass {secondpass}, int8, cache="memory", the same query and candidates again'
CALLS = 2


def load(work):
    from benchmarks.speed.ours import contestant

    return contestant(work, precision="int8", cache="memory")
