"""secondpass at int8 and effort "fast", on the same weights with exit heads nobody trained."""

from pathlib import Path

LABEL = "secondpass {secondpass}, int8, effort fast, untrained heads: shows the time only"
INCOMPARABLE = "untrained heads"


def load(work):
    from benchmarks.speed.ours import contestant
    from benchmarks.speed.untrained_exits import embedded_schedules, with_untrained_exits

    folder = Path(work.scratch) / "with-exits"
    model = with_untrained_exits(Path(work.model), folder, embedded_schedules())
    return contestant(work, model, precision="int8", effort="fast")
