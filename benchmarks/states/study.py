"""Bytes a token against nDCG@10, and the curve of how many candidates go on from the join.

    .venv/bin/python -m benchmarks.states.study --queries 10 --depth 50

Each codec's states are decoded to floats and scored by late interaction alone ("instant") and by
the layers above the join ("full"). The directions and centroids are fitted to other texts of the
collections than those that are scored. Our bias: the model was chosen on these collections.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np

from benchmarks.quality.task import COLLECTIONS, Task, open_task
from benchmarks.states.codecs import Codec, codecs, shipped
from benchmarks.states.orders import ndcg, sent_on
from secondpass import CrossEncoderReranker
from secondpass.engine.parted import PartedModel
from secondpass.scoring.effort import Exit
from secondpass.scoring.sequences import Owners, TokenSequence
from secondpass.states.codec import KeptStates

SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
PRIORS = (0.0, 0.5, 1.0)
FITTED_TOKENS = 40_000


class Study:
    """Scores the candidates of some queries by each codec."""

    def __init__(
        self, reranker: CrossEncoderReranker, tasks: list[Task], kinds: list[Codec], seed: int
    ) -> None:
        self.model = reranker.model
        assert self.model._states is not None
        self.parted: PartedModel = self.model._states.parted
        self.tasks = tasks
        sample = self._sample(seed)
        self.trips = [(kind.name, kind.fit(sample)) for kind in kinds]

    def _sample(self, seed: int) -> np.ndarray:
        """Return states of texts that no query of the sample is to rank."""
        chance, states = random.Random(seed), []
        for task in self.tasks:
            used = {one.document_id for ranked in task.run.values() for one in ranked}
            others = sorted(set(task.collection.documents) - used)
            texts = (
                [task.collection.documents[id_] for id_ in chance.sample(others, 40)]
                if (len(others) >= 40)
                else []
            )
            states += self._states(texts)
        joined = np.concatenate(states)
        rows = np.random.default_rng(seed).permutation(len(joined))[:FITTED_TOKENS]
        return joined[rows]

    def _states(self, texts: list[str]) -> list[np.ndarray]:
        room = self.model.max_length - self.model.layout.special_tokens - 40
        return self.parted.encode([ids[:room] for ids in self.model.encoder.encode(texts, room)])

    def scored(self, task: Task) -> dict[str, dict[str, dict[str, np.ndarray]]]:
        """Return of each codec, "instant" and "full", each query's logits in the run's order."""
        found: dict[str, dict[str, dict[str, np.ndarray]]] = {
            name: {"instant": {}, "full": {}} for name, _ in self.trips
        }
        for query_id, ranked in task.run.items():
            query = task.collection.queries[query_id]
            (asked,) = self.model.encoder.encode([query], 200)
            exact = self._states([task.collection.documents[one.document_id] for one in ranked])
            most = self.model.max_length - len(self.parted.sides.query(asked[:200]).ids)
            owners = Owners(np.zeros(len(exact), np.intp), np.arange(len(exact)))
            for name, through in self.trips:
                rows = []
                for states in exact:
                    left = through(states[:most])
                    kept = KeptStates(
                        left, np.ones(len(left), np.float32), self.parted.measure(left)
                    )
                    rows.append(TokenSequence(asked[:200], asked[:0], kept))
                none = (Exit(self.parted.layer, 0.0, least=0),)
                found[name]["instant"][query_id] = self.parted.run(rows, none, owners).logits
                found[name]["full"][query_id] = self.parted.run(rows, (), owners).logits
        return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, default=Path("../shared/data/eval"))
    add("--only", nargs="+", default=list(COLLECTIONS))
    add("--queries", type=int, default=10)
    add("--depth", type=int, default=50)
    add("--seed", type=int, default=0)
    add("--codecs", nargs="+", help="these only, by name; 'float16' is always there")
    add("--out", type=Path, help="keep the numbers here as JSON")
    given = parser.parse_args()
    reranker = CrossEncoderReranker(activation="identity")
    tasks = [
        open_task(given.data / name, depth=given.depth, queries=given.queries, seed=given.seed)
        for name in given.only
    ]
    assert reranker.model._states is not None
    directions = reranker.model._states.parted.directions
    assert directions is not None
    kinds = [
        one
        for one in (*codecs(reranker.states_width), shipped(directions))
        if given.codecs is None or one.name in {"float16", *given.codecs}
    ]
    study = Study(reranker, tasks, kinds, given.seed)
    tables: dict[str, dict[str, float]] = {}
    curve: dict[str, list[float]] = {}
    for task in tasks:
        begun = time.perf_counter()
        found = study.scored(task)
        for kind in kinds:
            for effort in ("instant", "full"):
                table = tables.setdefault(f"{kind.name}|{effort}", {})
                table[task.name] = ndcg(task, found[kind.name][effort])
        of = found["int8" if "int8" in found else "float16"]
        for prior in PRIORS:
            for share in SHARES:
                exit_ = Exit(study.parted.layer, share, least=5, first_stage=prior)
                logits = {
                    id_: sent_on(of["instant"][id_], of["full"][id_], exit_) for id_ in task.run
                }
                curve.setdefault(f"{prior}|{share}", []).append(ndcg(task, logits))
        print(f"{task.name}: {time.perf_counter() - begun:.0f} s", flush=True)
    show(tables, curve, kinds, [task.name for task in tasks])
    if given.out:
        given.out.write_text(json.dumps({"tables": tables, "curve": curve}, indent=1))


def show(
    tables: dict[str, dict[str, float]],
    curve: dict[str, list[float]],
    kinds: list[Codec],
    names: list[str],
) -> None:
    """Print both tables."""
    whole = np.mean(list(tables["float16|full"].values()))
    print(f"\n| states | bytes a token | effort | {' | '.join(names)} | mean | of full |")
    print("|---" * (len(names) + 5) + "|")
    for kind in kinds:
        for effort in ("full", "instant"):
            values = [tables[f"{kind.name}|{effort}"][name] for name in names]
            cells = " | ".join(f"{value:.3f}" for value in values)
            mean = float(np.mean(values))
            print(
                f"| {kind.name} | {kind.bytes:.0f} | {effort} | {cells} | {mean:.4f} | "
                f"{100 * mean / whole:.1f} % |"
            )
    print("\n| first stage counts | " + " | ".join(f"{share:.0%} go on" for share in SHARES) + " |")
    print("|---" * (len(SHARES) + 1) + "|")
    for prior in PRIORS:
        means = [np.mean(curve[f"{prior}|{share}"]) for share in SHARES]
        print(f"| {prior} | " + " | ".join(f"{mean:.4f}" for mean in means) + " |")


if __name__ == "__main__":
    main()
