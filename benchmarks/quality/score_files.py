"""Scores on disk, one file for each task and scorer, so that an interrupted run can resume."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np

from benchmarks.quality.scorers import Advance, Scored, Scorer
from benchmarks.quality.task import Task
from secondpass.atomic import write_text


class ScoreFiles:
    """Kept scores are used again only if data, candidates and model are still the same.

    They are kept by document: in which order the first stage found them decides no score.
    """

    def __init__(self, folder: Path, *, resume: bool) -> None:
        self._folder, self._resume = folder, resume

    def score(self, task: Task, scorer: Scorer, advance: Advance) -> Scored:
        """Return kept scores, or score now and keep them; scores of another key are said."""
        label = re.sub(r"[^\w.-]+", "-", scorer.label)
        file = self._folder / f"{task.name}.{label}.json"
        key = [task.collection.sha256, task.documents_sha256, scorer.identity]
        if self._resume and file.exists():
            kept = json.loads(file.read_text())
            if kept.pop("key") == key:
                advance(len(task.run))
                return _decode(task, kept)
            print(f"{file} has the scores of another task: scored anew", file=sys.stderr)
        scored = scorer.score(task, advance)
        write_text(file, json.dumps({"key": key, **_encode(task, scored)}))
        return scored


def _encode(task: Task, scored: Scored) -> dict:
    scores = {
        id_: dict(zip(_ids(task, id_), of_query.tolist(), strict=True))
        for id_, of_query in scored.scores.items()
    }
    return {**vars(scored), "scores": scores}


def _decode(task: Task, fields: dict) -> Scored:
    scores = {
        id_: np.array([of_query[one] for one in _ids(task, id_)], np.float64)
        for id_, of_query in fields["scores"].items()
    }
    return Scored(**{**fields, "scores": scores})


def _ids(task: Task, query_id: str) -> list[str]:
    return [one.document_id for one in task.run[query_id]]
