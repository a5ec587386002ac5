"""One call in a process of its own: peaks after loading and after reranking, as JSON.

python -m benchmarks.memory.process COUNT EFFORT
"""

from __future__ import annotations

import json
import sys

from benchmarks.memory.texts import QUERY, documents, spread
from secondpass import CrossEncoderReranker
from secondpass.environment.peak_memory import peak_bytes

# Enough to compile what the call needs, long ones among them.
WARM_UP = 20


def main() -> None:
    count, effort = int(sys.argv[1]), sys.argv[2]
    sorted_texts = documents()
    texts = spread(sorted_texts, count)
    reranker = CrossEncoderReranker(effort=effort)
    reranker.rank(QUERY, spread(sorted_texts, WARM_UP))
    loaded = peak_bytes()
    timings = reranker.rank(QUERY, texts).timings
    found = {"candidates": timings.candidates, "tokens": timings.tokens, "effort": effort}
    found |= {"seconds": timings.total_ms / 1000, "loaded_bytes": loaded}
    print(json.dumps(found | {"peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    main()
