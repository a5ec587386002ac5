"""A contestant's process: loads once, then scores the list whose number comes on standard input.

A contestant that names CALLS is asked each list so often, and the last is timed.

Answers are JSON, one a line, on the standard output it was started with; whatever the libraries
print goes to standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

from benchmarks.speed.ours import OURS
from benchmarks.speed.work import Work


def main() -> None:
    """Serve one contestant on one work file: of `OURS`, a rival's module, or a dotted module."""
    name, file = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    work = Work.load(Path(file))
    module = name if "." in name else f"benchmarks.speed.rivals.{name}"
    rival = OURS.get(name) or importlib.import_module(module)
    calls = getattr(rival, "CALLS", 1)
    incomparable = getattr(rival, "INCOMPARABLE", None)
    rerank, detail = rival.load(work)
    for query, texts in zip(work.queries[:2], work.candidates[:2], strict=True):
        rerank(query, texts)
    label = re.sub(r"{([\w-]+)}", lambda found: version(found[1]), rival.LABEL)
    ready = {"label": label, "detail": detail, "incomparable": incomparable}
    print(json.dumps(ready), file=answers, flush=True)
    for line in sys.stdin:
        asked = work.queries[int(line)], work.candidates[int(line)]
        for _ in range(calls - 1):
            rerank(*asked)
        started = perf_counter()
        scores = rerank(*asked)
        spent_ms = (perf_counter() - started) * 1000
        answer = {"ms": spent_ms, "scores": [float(score) for score in scores]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
