"""Scores on disk, one file for each task and scorer, so that an interrupted run can resume."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from benchmarks.quality.scorers import Advance, Scored, Scorer
from benchmarks.quality.task import Task
from secondpass.atomic import write_text


class ScoreFiles:
    """Kept scores are used again only if data, candidates and model are still the same."""

    def __init__(self, folder: Path, *, resume: bool) -> None:
        self._folder, self._resume = folder, resume

    def score(self, task: Task, scorer: Scorer, advance: Advance) -> Scored:
        """Return kept scores, or score now and keep them."""
        label = re.sub(r"[^\w.-]+", "-", scorer.label)
        file = self._folder / f"{task.name}.{label}.json"
        key = [task.collection.sha256, task.candidates_sha256, scorer.identity]
        if self._resume and file.exists():
            kept = json.loads(file.read_text())
            if kept.pop("key") == key:
                advance(len(task.run))
                return _decode(kept)
        scored = scorer.score(task, advance)
        write_text(file, json.dumps({"key": key, **_encode(scored)}))
        return scored


def _encode(scored: Scored) -> dict:
    return {**vars(scored), "scores": {id_: list(one) for id_, one in scored.scores.items()}}


def _decode(fields: dict) -> Scored:
    scores = {id_: np.array(one, np.float64) for id_, one in fields["scores"].items()}
    return Scored(**{**fields, "scores": scores})
