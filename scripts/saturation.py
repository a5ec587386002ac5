"""What becomes of int8 where its sums of products are cut at 16 bits: see scripts/avx2_check.sh.

    python -m scripts.saturation scores FILE [QUERIES [TEXTS]]
    python -m scripts.saturation compare HERE THERE

A processor without int8 dot products cuts them.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from secondpass import CrossEncoderReranker
from secondpass.compiling.limits import Limits
from secondpass.demo.stdlib_docs import stdlib_documents
from secondpass.engine.openvino import int8_saturates, read_model
from secondpass.graph.int8_form import in_float
from secondpass.graph.write import GRAPH_FILE, write_graph
from secondpass.models.embedded import CROSS_ENCODER, embedded_folder
from secondpass.stats.rank_agreement import kendall_tau

QUERIES = (
    "read a csv file whose first row names the columns",
    "run a function later in another thread",
    "remove a folder and everything in it",
    "parse a date with its time zone",
)
MAX_LENGTH = 96
TOP = 10


def scores(file: Path, queries: int = 2, texts: int = 30) -> None:
    """Write the logits of the embedded model at int8 and auto, and in float32."""
    documents = [one.text for one in stdlib_documents() if len(one.text) > 200]
    chosen = documents[:: max(1, len(documents) // texts)][:texts]
    found: dict[str, Any] = {"saturates": int8_saturates()}
    with tempfile.TemporaryDirectory() as scratch:
        plain = as_float(embedded_folder(CROSS_ENCODER), Path(scratch))
        for name, folder, precision in (
            ("int8", CROSS_ENCODER, "int8"),
            ("auto", CROSS_ENCODER, "auto"),
            ("float32", plain, "fp32"),
        ):
            reranker = CrossEncoderReranker(folder, MAX_LENGTH, precision=precision)
            logits = [reranker.score(query, chosen).logits.tolist() for query in QUERIES[:queries]]
            found[name] = logits
            print(f"{name}: {reranker.info.reason}", file=sys.stderr, flush=True)
    file.write_text(json.dumps(found))


def as_float(folder: Path, copied: Path) -> Path:
    """Write an int8 folder's graph with float32 products, and what lies beside it."""
    for name in ("config.json", "tokenizer.json"):
        (copied / name).write_bytes((folder / name).read_bytes())
    write_graph(in_float(read_model(folder / GRAPH_FILE)), copied / GRAPH_FILE)
    return copied


def compare(here: Path, there: Path) -> None:
    """Print how the orders agree with float32 here, beside the limits of the gate."""
    exact = json.loads(here.read_text())["float32"]
    limits = Limits()
    print(f"limits of the gate: tau {limits.tau}, over the ten best {limits.top10_tau}")
    for where, file in (("here", here), ("Haswell", there)):
        found = json.loads(file.read_text())
        cut = "are cut" if found["saturates"] else "are not cut"
        print(f"{where}: sums of int8 products {cut} at 16 bits")
        for name in ("int8", "auto", "float32"):
            taus, tops, apart = agreement(exact, found[name])
            print(
                f"  {name:8} tau {taus:.3f}, over the ten best {tops:.3f}, "
                f"largest difference {apart:.2g}"
            )


def agreement(exact: list[Any], other: list[Any]) -> tuple[float, float, float]:
    """Return the mean taus over all and over the ten best, and the largest difference."""
    taus, tops = [], []
    for one, two in zip(np.array(exact), np.array(other), strict=True):
        best = np.argsort(-one)[:TOP]
        taus.append(kendall_tau(one, two) or 0.0)
        tops.append(kendall_tau(one[best], two[best]) or 0.0)
    apart = float(np.abs(np.array(exact) - np.array(other)).max())
    return float(np.mean(taus)), float(np.mean(tops)), apart


if __name__ == "__main__":
    command, first, *rest = sys.argv[1:]
    if command == "scores":
        scores(Path(first), *(int(number) for number in rest))
    else:
        compare(Path(first), Path(rest[0]))
