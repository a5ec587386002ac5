"""python -m benchmarks.effort: the same calls at each effort, one after the other.

Every query is reranked at all efforts in turn, so a busy moment meets them all; a ratio is a call's
time over that of the same query at full effort, median and quartiles over all queries and rounds.
What the order loses is `make quality`'s to say.
"""

from __future__ import annotations

import random
from pathlib import Path
from statistics import median, quantiles

import click

from benchmarks.pages import write_json
from benchmarks.quality.__main__ import COLLECTIONS
from benchmarks.quality.task import open_task
from secondpass import CrossEncoderReranker
from secondpass.facts.machine import read_machine
from secondpass.options.effort import EFFORTS


@click.command()
@click.option("--data", type=click.Path(path_type=Path), default=Path("../shared/data/eval"))
@click.option("--only", multiple=True, default=COLLECTIONS, help="Collections.")
@click.option("--queries", default=6, show_default=True, help="Of each collection.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Write JSON here, too.")
def main(data: Path, only: tuple[str, ...], queries: int, rounds: int, out: Path | None) -> None:
    reranker = CrossEncoderReranker()
    rows = []
    for name in only:
        task = open_task(data / name, depth=100, queries=queries, seed=0)
        times: dict[str, list[float]] = {effort: [] for effort in EFFORTS}
        for round_ in range(rounds + 1):
            for query_id, candidates in task.run.items():
                texts = [task.collection.documents[one.document_id] for one in candidates]
                for effort in random.sample(EFFORTS, len(EFFORTS)):
                    query = task.collection.queries[query_id]
                    took = reranker.rank(query, texts, effort=effort).timings.total_ms
                    if round_:  # the first compiles each shape
                        times[effort].append(took)
        rows.append(row(name, times))
        print(line(rows[-1]), flush=True)
    whole = {effort: [x for one in rows for x in one["ratios"][effort]] for effort in EFFORTS}
    print("all: " + ", ".join(f"{effort} {share(each)}" for effort, each in whole.items()))
    print(f"{read_machine().processor}, {reranker.info.precision}, {reranker.info.threads} threads")
    if out:
        write_json({"rows": rows, "ratios": whole}, out)


def row(name: str, times: dict[str, list[float]]) -> dict[str, object]:
    ratios = {
        effort: [took / full for took, full in zip(values, times["full"], strict=True)]
        for effort, values in times.items()
    }
    medians = {effort: median(values) for effort, values in times.items()}
    return {"collection": name, "median_ms": medians, "ratios": ratios}


def line(one: dict[str, object]) -> str:
    medians, ratios = one["median_ms"], one["ratios"]
    parts = [f"{effort} {medians[effort]:.0f} ms {share(ratios[effort])}" for effort in medians]
    return f"{one['collection']}: " + ", ".join(parts)


def share(ratios: list[float]) -> str:
    low, middle, high = quantiles(ratios, n=4)
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
