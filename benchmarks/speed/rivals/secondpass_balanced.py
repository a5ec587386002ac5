"""secondpass at int8 and effort "balanced", on the same weights with exit heads nobody trained."""

from pathlib import Path

LABEL = "secondpass {secondpass}, int8, effort balanced, untrained heads: shows the time only"
INCOMPARABLE = "untrained heads"


def load(work):
    from benchmarks.speed.ours import contestant
    from benchmarks.speed.untrained_exits import with_untrained_exits

    model = with_untrained_exits(Path(work.model), Path(work.scratch) / "with-exits")
    return contestant(work, model, precision="int8", effort="balanced")
