"""Time of a second pass with states and without, beside sentence-transformers' default.

    .venv/bin/python -m benchmarks.states.speed

100 candidates of 253 tokens, as an index returns them. The rows take turns, so that a slow minute
hits all; sentence-transformers (torch, fp32, batches of 32) has weights of the shape of MiniLM-L6.
Each row says its median, its fastest and its slowest call. Our bias: we wrote it.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from benchmarks.speed.work import QUERIES, Work
from secondpass import CrossEncoderReranker
from secondpass.demo.stdlib_docs import stdlib_documents
from secondpass.environment.machine import read_machine
from secondpass.options.effort import EFFORTS, Effort

MODEL = Path(__file__).parents[2].parent / "shared" / "models" / "minilm-ce-first"


@dataclass
class Row:
    """What is timed, and the milliseconds of its calls."""

    name: str
    call: Callable[[str], object]
    every: int = 1
    ms: list[float] = field(default_factory=list)

    def time(self, query: str) -> None:
        """Make one call."""
        begun = perf_counter()
        self.call(query)
        self.ms.append((perf_counter() - begun) * 1000)


def texts_of(reranker: CrossEncoderReranker, count: int, tokens: int, seed: int) -> list[str]:
    """Return docstrings of the standard library, joined and cut to about so many tokens."""
    chance = random.Random(seed)
    documents = [document.text for document in stdlib_documents()]
    encoder, texts = reranker.model.encoder, []
    while len(texts) < count:
        text = " ".join(chance.sample(documents, 8))
        texts.append(encoder.cut(text, tokens)[0])
    return texts


def rows_of(
    reranker: CrossEncoderReranker, texts: list[str], rival: Callable[[str], object] | None
) -> list[Row]:
    """Return the rows in their order; those that take seconds take part in some rounds only."""
    int8, float16, compact = (
        reranker.passages(texts, precision) for precision in ("int8", "float16", "compact")
    )

    def ours(given: list[str], effort: Effort) -> Callable[[str], object]:
        return lambda query: reranker.rank(query, given, effort=effort)

    rows = [Row(f"{effort}, int8 states", ours(int8, effort)) for effort in reversed(EFFORTS)]
    rows += [
        Row(f"{effort}, compact states", ours(compact, effort)) for effort in reversed(EFFORTS)
    ]
    rows.append(Row("full, float16 states", ours(float16, "full")))
    rows += [Row(effort, ours(texts, effort), every=3) for effort in reversed(EFFORTS)]
    if rival is not None:
        rows.append(Row("sentence-transformers, default", rival, every=6))
    return rows


def rival_of(model: Path, texts: list[str]) -> Callable[[str], object] | None:
    """Return sentence-transformers as its documentation begins."""
    if not (model / "model.safetensors").is_file():
        print(f"there is no {model}: name a BERT folder with --model for the rival's row")
        return None
    from benchmarks.speed.rivals import sentence_transformers_default

    work = Work(str(model), "", [], [], [])
    rerank, _ = sentence_transformers_default.load(work)
    return lambda query: rerank(query, texts)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    add = parser.add_argument
    add("--model", type=Path, default=MODEL)
    add("--candidates", type=int, default=100)
    add("--tokens", type=int, default=253)
    add("--rounds", type=int, default=12)
    add("--states-only", action="store_true", help="leave out the rows without states")
    add("--seed", type=int, default=7)
    given = parser.parse_args()
    reranker = CrossEncoderReranker()
    texts = texts_of(reranker, given.candidates, given.tokens, given.seed)
    rows = rows_of(reranker, texts, None if given.states_only else rival_of(given.model, texts))
    if given.states_only:
        rows = [row for row in rows if row.every == 1]
    for row in rows:  # compiles what is made at the first call
        row.call(QUERIES[-1])
    for number in range(given.rounds):
        for row in rows:
            if number % row.every == 0:
                row.time(QUERIES[number % len(QUERIES)])
    machine = read_machine()
    print(f"\n{given.candidates} candidates of {given.tokens} tokens; {machine}\n")
    print("| | median ms | fastest | slowest | calls | times as fast |\n|---|---|---|---|---|---|")
    slowest = max(statistics.median(row.ms) for row in rows)
    for row in rows:
        median = statistics.median(row.ms)
        print(
            f"| {row.name} | {median:.1f} | {min(row.ms):.1f} | {max(row.ms):.1f} | "
            f"{len(row.ms)} | {slowest / median:.0f} |"
        )


if __name__ == "__main__":
    main()
