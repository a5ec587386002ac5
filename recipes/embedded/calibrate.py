"""python -m recipes.embedded.calibrate FOLDER --dev FOLDER: make the sigmoid a probability.

Fits Platt's map from logit to relevance on the development collections, each counting the same, and
folds it into the last layer: the order of no two candidates changes. Prints the calibration error
of each collection under a map fitted on the others.
"""

from __future__ import annotations

import random
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from recipes.calibration import Platt, expected_calibration_error, fit_platt, relevant_from
from secondpass import CrossEncoderReranker
from secondpass.evaluation.beir_folder import read_beir_folder
from secondpass.evaluation.runs import read_run
from secondpass.evaluation.self_matches import without_self_matches
from secondpass.evaluation.text_files import find_text_file

# As many pairs of each, so that no collection decides alone.
PAIRS, QUERIES, DEPTH, SEED = 1000, 10, 100, 5

Pairs = tuple[NDArray[np.float64], NDArray[np.bool_]]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--dev", type=click.Path(path_type=Path, exists=True), required=True)
def main(folder: Path, dev: Path) -> None:
    """Calibrate the late-join model in FOLDER, in its place."""
    reranker = CrossEncoderReranker(folder, activation="identity")
    scored = {path.name: score(path, reranker) for path in sorted(dev.iterdir()) if path.is_dir()}
    for name, (logits, relevant) in scored.items():
        others = fit([pairs for other, pairs in scored.items() if other != name])
        error = expected_calibration_error(probabilities(others, logits), relevant)
        click.echo(f"{name}: {len(logits)} pairs, error {error:.3f} under the others' map")
    platt = fit(list(scored.values()))
    click.echo(f"slope {platt.slope:.4f}, intercept {platt.intercept:.4f}")
    fold(folder / "model.safetensors", platt)


def score(folder: Path, reranker: CrossEncoderReranker) -> Pairs:
    """Return logits and relevance of BM25's candidates of a few queries."""
    collection = read_beir_folder(folder, "test")
    run = read_run(find_text_file(folder, "run.bm25.trec") or folder / "run.bm25.trec")
    run, _ = without_self_matches(run, collection)
    least = relevant_from(collection)
    chosen = sorted(id_ for id_ in collection.qrels if run.get(id_))
    random.Random(SEED).shuffle(chosen)
    pairs, relevant = [], []
    for id_ in chosen[:QUERIES]:
        for one in run[id_][:DEPTH]:
            pairs.append((collection.queries[id_], collection.documents[one.document_id]))
            relevant.append(collection.qrels[id_].get(one.document_id, 0) >= least)
    return reranker.predict(pairs).astype(np.float64), np.array(relevant)


def fit(scored: list[Pairs]) -> Platt:
    """Fit the map on all pairs; a collection with few is repeated."""
    logits, relevant = [], []
    for of, truth in scored:
        rows = np.resize(np.arange(len(of)), PAIRS)
        logits.append(of[rows])
        relevant.append(truth[rows])
    return fit_platt(np.concatenate(logits), np.concatenate(relevant))


def probabilities(platt: Platt, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of relevance of each logit."""
    return 1 / (1 + np.exp(-(platt.slope * logits + platt.intercept)))


def fold(file: Path, platt: Platt) -> None:
    """Put the map into what makes the logit."""
    tensors = load_file(file)
    for name in ("weights", "classifier.out_proj.weight", "classifier.out_proj.bias"):
        tensors[name] = (tensors[name].astype(np.float32) * platt.slope).astype(np.float16)
    bias = tensors["classifier.out_proj.bias"].astype(np.float32) + platt.intercept
    tensors["classifier.out_proj.bias"] = bias.astype(np.float16)
    save_file(tensors, file, metadata={"format": "pt"})


if __name__ == "__main__":
    main()
