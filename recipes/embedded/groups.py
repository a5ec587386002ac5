"""Groups of candidates of one query, drawn with the ensemble's logits: what a step learns from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recipes.embedded.layouts import DeviceTexts
from recipes.embedded.ragged import Arrays, load_arrays, texts_from_arrays
from recipes.embedded.settings import FIRST_STAGE, TEACHERS, Ensemble, Settings, Training


@dataclass(frozen=True, slots=True)
class Drawn:
    """Query rows [groups], candidates (-1 where none) [groups, size], and numbers of these.

    `goals` are the ensemble's logits, `first_stage` the scores that a search has beside them.
    """

    queries: NDArray[np.intp]
    candidates: NDArray[np.int32]
    goals: NDArray[np.float32]
    first_stage: NDArray[np.float32]


class Groups:
    """Draws queries by their chance, and some of the candidates of each; on the CPU."""

    def __init__(
        self,
        pack: Path,
        labels: Path,
        settings: Settings,
        device: str,
        report: Callable[[str], None],
    ) -> None:
        arrays = load_arrays(pack / "texts.npz.xz")
        self._candidates, scores, spread = read_labels(labels)
        kinds = query_kinds(arrays)
        self._goals = ensemble_logits(scores, self._candidates, spread, kinds, settings.ensemble)
        self._first_stage = scores[..., TEACHERS.index(FIRST_STAGE)]
        chances = query_chances(arrays, self._candidates, settings)
        self.device = device
        self.passages, self.queries = (
            DeviceTexts(texts_from_arrays(arrays, name), device) for name in ("passages", "queries")
        )
        self._size = settings.training.group_size
        self._cumulated = chances.cumsum()
        self._random = np.random.default_rng(settings.training.seed)
        enough = int(has_enough(self._candidates, settings.training).sum())
        drawable = int((chances > 0).sum())
        report(f"{enough:,} queries with scores, {drawable:,} may be drawn")

    def draw(self, groups: int) -> Drawn:
        """Draw so many queries, with repeats, and candidates of each without."""
        spots = self._random.random(groups) * self._cumulated[-1]
        rows = np.minimum(np.searchsorted(self._cumulated, spots), len(self._cumulated) - 1)
        candidates = self._candidates[rows]
        keys = np.where(candidates < 0, 2.0, self._random.random(candidates.shape))
        chosen = np.argsort(keys, 1)[:, : self._size]
        return Drawn(
            rows,
            *(
                np.take_along_axis(values, chosen, 1)
                for values in (candidates, self._goals[rows], self._first_stage[rows])
            ),
        )


def read_labels(
    folder: Path,
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Return candidates [queries, n], the teachers' scores [queries, n, 4], and their spreads."""
    scores = [np.load(folder / f"scores{part}.npy") for part in ("01", "23")]
    with np.load(folder / "dev_scores.npz") as dev:
        spread = dev["spread"]
    candidates = np.load(folder / "candidates.npy")
    return candidates, np.concatenate(scores, -1).astype(np.float32), spread


def query_kinds(arrays: Arrays) -> NDArray[np.str_]:
    """Return each query's kind: its source's, or "long"."""
    return np.where(arrays["long"], "long", arrays["kinds"][arrays["source"]])


def has_enough(candidates: NDArray[np.int32], training: Training) -> NDArray[np.bool_]:
    """Return which queries have enough candidates to learn from."""
    return (candidates >= 0).sum(1) >= training.least_candidates


def ensemble_logits(
    scores: NDArray[np.float32],
    candidates: NDArray[np.int32],
    spread: NDArray[np.floating],
    kinds: NDArray[np.str_],
    ensemble: Ensemble,
) -> NDArray[np.float32]:
    """Return [queries, candidates]: the teachers' weighted mean, in units of their spreads.

    Candidate 0 of a short query is its positive, which has a bonus.
    """
    center = scores[candidates >= 0].mean(0)
    shares = {kind: np.array(row) / sum(row) for kind, row in ensemble.weights.items()}
    weights = np.array([shares[kind] for kind in kinds], np.float32)
    logits = ensemble.sharpness * ((scores - center) / spread * weights[:, None]).sum(-1)
    logits[:, 0] += np.where(kinds == "long", 0, ensemble.positive_bonus)
    return logits.astype(np.float32)


def query_chances(
    arrays: Arrays, candidates: NDArray[np.int32], settings: Settings
) -> NDArray[np.float64]:
    """Return each query's chance: of its source by weight and size, of long ones by their share."""
    training, long = settings.training, arrays["long"]
    enough = has_enough(candidates, training)
    chances = np.zeros(len(long))
    for number, name in enumerate(arrays["names"]):
        for is_long in (False, True):
            rows = enough & (arrays["source"] == number) & (long == is_long)
            if rows.any():
                power = int(rows.sum()) ** (training.sampling_power - 1)
                chances[rows] = settings.source(str(name)).weight * power
    for is_long, share in ((True, training.long_share), (False, 1 - training.long_share)):
        total = chances[long == is_long].sum()
        if total:
            chances[long == is_long] *= share / total
    return chances
