"""Ours at float32."""

from benchmarks.speed.ours import Ours

OURS = Ours("secondpass {secondpass}, fp32", {"precision": "fp32"})
LABEL, load = OURS.LABEL, OURS.load
