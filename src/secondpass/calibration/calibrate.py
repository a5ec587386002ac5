"""Calibrate a model on judged candidates: its file, and what the calibration is worth."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np

from secondpass.calibration.fit import CalibrationError, Validated, best_of, calibration_error
from secondpass.calibration.judged import (
    Judged,
    Labelled,
    judge_collection,
    judge_labelled,
)
from secondpass.calibration.platt import relevant_from as usual_grade
from secondpass.evaluation.collection import Collection
from secondpass.models.folder import find_folder
from secondpass.progress import ProgressBar, silent
from secondpass.reranker import CrossEncoderReranker
from secondpass.scoring.activation import activate
from secondpass.scoring.calibration_map import FILE, CalibrationMap
from secondpass.types import ModelInfo

DEPTH = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A calibration and what it was made of. Written to a file, it is what `calibration=` takes.

    `own` is the error of the model's own scores, None where they are not within 0 to 1. `validated`
    has each method's numbers on queries that it was not fitted to; `map` is the better one, fitted
    to all. `created` is ISO 8601, UTC.
    """

    schema: Literal["secondpass/calibration/1"] = "secondpass/calibration/1"
    created: str
    command: str
    model: ModelInfo
    collection: str
    sha256: str
    depth: int | None
    queries: int
    pairs: int
    relevant: int
    own: CalibrationError | None
    validated: tuple[Validated, ...]
    map: CalibrationMap

    @property
    def chosen(self) -> Validated:
        """Return the numbers of the method that was taken."""
        (found,) = (one for one in self.validated if one.method == self.map.method)
        return found


def calibrate(
    reranker: CrossEncoderReranker,
    on: Collection | Labelled,
    *,
    depth: int = DEPTH,
    relevant_from: float | None = None,
    seed: int = 0,
    command: str = "",
    progress: ProgressBar = silent,
) -> Calibrated:
    """Fit a calibration to the logits of judged candidates.

    Args:
        reranker: the model, without a calibration.
        on: a judged collection, of which BM25's top is scored, or labelled pairs.
        depth: how many candidates of a query of a collection.
        relevant_from: the least grade that is relevant; by default 2 where the grades of a
            collection go to 3 or above, else 1.
        seed: of the folds and the bootstrap.
        command: what was called, for the file.
        progress: makes a bar from a description and a total.

    Raises:
        InputError: there are too few labels, or the logits do not rise with relevance.
        MissingExtraError: the `measure` extra is not installed.
    """
    if isinstance(on, Labelled):
        with progress("scoring", len(on.texts)) as advance:
            judged = judge_labelled(on, reranker, advance)
    else:
        grade = usual_grade(on) if relevant_from is None else relevant_from
        with progress("scoring", len(on.qrels)) as advance:
            judged = judge_collection(
                on, reranker, depth=depth, relevant_from=grade, advance=advance
            )
    fitted, validated = best_of(judged, seed=seed)
    return Calibrated(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
        model=reranker.info,
        collection=judged.name,
        sha256=judged.sha256,
        depth=judged.depth,
        queries=judged.queries,
        pairs=len(judged.logits),
        relevant=int(judged.relevant.sum()),
        own=_own(reranker, judged, seed),
        validated=validated,
        map=fitted,
    )


def _own(reranker: CrossEncoderReranker, judged: Judged, seed: int) -> CalibrationError | None:
    logits = judged.logits.astype(np.float32)
    scores = activate(logits, reranker.model.activation).astype(np.float64)
    if scores.min() < 0 or scores.max() > 1:
        return None
    return calibration_error(scores, judged, seed=seed)


def usual_file(model: str | os.PathLike[str]) -> Path:
    """Return where a calibration is written by default: beside a model that is a folder, else here.

    Raises:
        ModelNotFoundError: there is no such model.
    """
    found = find_folder(model)
    if found.origin == "local":
        return found.path / FILE
    return Path(f"{Path(found.name).name}-{FILE}")
