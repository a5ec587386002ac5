"""Reads --train and mines it: files of JSON Lines and folders in BEIR's layout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from secondpass.errors import InputError
from secondpass.training.beir_split import read_train_split
from secondpass.training.examples import TrainingSet, positives_by_query, query_key
from secondpass.training.mining import Mined, Mining, mine
from secondpass.training.mixture import Mixture
from secondpass.training.outcome import DataFacts
from secondpass.training.reading import read_json_lines
from secondpass.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What was read, without the queries of the development collections."""

    sets: tuple[TrainingSet, ...]
    kept_out: tuple[int, ...]


def read_training_data(
    paths: Sequence[Path], licences: Mapping[str, str], dev_queries: Iterable[str]
) -> TrainingData:
    """Read each file or folder.

    Raises:
        InputError: one is missing, broken or empty, or holds nothing but development queries.
    """
    queries = list(dev_queries)
    read = [without_queries(_read(path, licences), queries) for path in paths]
    sets, kept_out = zip(*read, strict=True)
    return TrainingData(sets, kept_out)


def without_queries(rows: TrainingSet, queries: Iterable[str]) -> tuple[TrainingSet, int]:
    """Return the set without the examples of these queries, and the number of those left out.

    Otherwise the nDCG@10 of the development queries would measure memorization.

    Raises:
        InputError: no example remains.
    """
    kept_out = {query_key(query) for query in queries}
    kept = tuple(example for example in rows.examples if query_key(example.query) not in kept_out)
    if not kept:
        raise InputError(
            f"{rows.path}: each of its {len(rows.examples)} queries is also a query of --dev; hold "
            "other queries out"
        )
    return replace(rows, examples=kept), len(rows.examples) - len(kept)


def mix(
    data: TrainingData, recipe: Recipe, mining: Mining
) -> tuple[Mixture, tuple[DataFacts, ...]]:
    """Mine every set and mix them."""
    positives = positives_by_query(data.sets)
    mined = [mine(rows, positives, mining) for rows in data.sets]
    mixture = Mixture(
        data.sets,
        mined,
        negatives=recipe.negatives,
        temperature=recipe.temperature,
        seed=recipe.seed,
    )
    facts = map(_facts, data.sets, data.kept_out, mined)
    return mixture, tuple(facts)


def _read(path: Path, licences: Mapping[str, str]) -> TrainingSet:
    if path.is_dir():
        return read_train_split(path, licences)
    if not path.exists():
        raise InputError(
            f"--train {path} is not there: give a file of JSON Lines, or a folder in BEIR's layout "
            "with qrels/train.tsv"
        )
    return read_json_lines(path, licences)


def _facts(rows: TrainingSet, kept_out: int, mined: Mined) -> DataFacts:
    return DataFacts(
        name=rows.name,
        sha256=rows.sha256,
        licence=rows.licence,
        examples=len(rows.examples),
        passages=len(rows.passages),
        kept_out=kept_out,
        without_negative=sum(not negatives for negatives in mined.negatives),
        too_near=mined.too_near,
        unused_fields=rows.unused_fields,
    )
