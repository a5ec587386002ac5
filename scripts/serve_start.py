"""Times secondpass serve from its start to its first answer: python -m scripts.serve_start [RUNS].

The embedded model. Prints wall and processor seconds of each run; the first may fill caches.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import urllib.request

from scripts.clients_check import DOCUMENTS, KEY, QUERY, started


def processor_seconds() -> float:
    """Return what ended children have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Start, ask and end a server several times."""
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
        before, begun = processor_seconds(), time.perf_counter()
        with started() as url:
            headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
            body = json.dumps({"query": QUERY, "texts": DOCUMENTS}).encode()
            with urllib.request.urlopen(urllib.request.Request(f"{url}/rerank", body, headers)):
                wall = time.perf_counter() - begun
        print(
            f"{wall:.2f} s to the first answer, {processor_seconds() - before:.2f} s of processor"
        )


if __name__ == "__main__":
    main()
