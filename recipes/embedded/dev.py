"""nDCG@10 on a few queries of the development collections, from cached states, as training goes."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from recipes.embedded.states import States
from recipes.embedded.train import score
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.measures import Measures
from secondpass.evaluation.open_collection import open_collection
from secondpass.evaluation.runs import Ranked, Run, in_trec_order, read_run
from secondpass.evaluation.self_matches import without_self_matches
from secondpass.evaluation.text_files import find_text_file
from secondpass.training.late_join import JointHead

DEPTH = 100


@dataclass(frozen=True, slots=True)
class DevSet:
    """A collection cut to some queries, BM25's candidates, and the text numbers of both."""

    collection: Collection
    candidates: Run
    numbers: dict[str, int]
    query_numbers: dict[str, int]


def read_dev_set(folder: Path, queries: int, seed: int, first_number: int) -> DevSet:
    """Read a collection; its documents and then its queries are numbered from `first_number`."""
    whole = open_collection(str(folder))
    run = read_run(find_text_file(folder, "run.bm25.trec") or folder / "run.bm25.trec")
    run, _ = without_self_matches(run, whole)
    answered = sorted(id_ for id_, grades in whole.qrels.items() if max(grades.values()) > 0)
    answered = [id_ for id_ in answered if id_ in run]
    random.Random(seed).shuffle(answered)
    chosen = answered[:queries]
    collection = replace(whole, qrels={id_: whole.qrels[id_] for id_ in chosen})
    candidates = {id_: run[id_][:DEPTH] for id_ in chosen}
    documents = sorted({one.document_id for ranked in candidates.values() for one in ranked})
    numbers = {id_: first_number + at for at, id_ in enumerate(documents)}
    after = first_number + len(documents)
    return DevSet(
        collection, candidates, numbers, {id_: after + at for at, id_ in enumerate(chosen)}
    )


def dev_texts(dev: DevSet) -> list[str]:
    """Return the texts that `numbers` and `query_numbers` count, in their order."""
    documents = [dev.collection.documents[id_] for id_ in dev.numbers]
    return documents + [dev.collection.queries[id_] for id_ in dev.query_numbers]


def ndcg(model: JointHead, states: States, dev: DevSet) -> float:
    """Return the mean nDCG@10 of the model's order."""
    run = {}
    model.eval()
    with torch.inference_mode():
        for id_, candidates in dev.candidates.items():
            query = dev.query_numbers[id_]
            pairs = [(query, dev.numbers[one.document_id]) for one in candidates]
            logits, _ = score(model, states, pairs, budget=8192)
            scored = zip(candidates, logits.tolist(), strict=True)
            run[id_] = in_trec_order(Ranked(one.document_id, logit) for one, logit in scored)
    model.train()
    values = Measures(["nDCG@10"], dev.collection.qrels).values(run)
    return float(np.mean(values["nDCG@10"]))
