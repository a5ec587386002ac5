"""Groups of candidates of one query, drawn with the ensemble's logits: what a step learns from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recipes.embedded.layouts import DeviceTexts
from recipes.embedded.ragged import Arrays, load_arrays, texts_from_arrays
from recipes.embedded.settings import Ensemble, Settings, Training


@dataclass(frozen=True, slots=True)
class Drawn:
    """Query rows [groups], candidates (-1 where none) and ensemble's logits [groups, size]."""

    queries: Tensor
    candidates: Tensor
    goals: Tensor


class Groups:
    """Draws queries by their chance, and some of the candidates of each."""

    def __init__(
        self,
        pack: Path,
        labels: Path,
        settings: Settings,
        device: str,
        report: Callable[[str], None],
    ) -> None:
        arrays = load_arrays(pack / "texts.npz.xz")
        candidates, scores, spread = read_labels(labels)
        kinds = query_kinds(arrays)
        goals = ensemble_logits(scores, candidates, spread, kinds, settings.ensemble)
        chances = query_chances(arrays, candidates, settings)
        self.device = device
        self.passages, self.queries = (
            DeviceTexts(texts_from_arrays(arrays, name), device) for name in ("passages", "queries")
        )
        self._size = settings.training.group_size
        self._cumulated = torch.tensor(chances, device=device, dtype=torch.float64).cumsum(0)
        self._candidates = torch.tensor(candidates, device=device).long()
        self._goals = torch.tensor(goals, device=device, dtype=torch.float32)
        self._random = torch.Generator(device).manual_seed(settings.training.seed)
        enough = int(has_enough(candidates, settings.training).sum())
        drawable = int((chances > 0).sum())
        report(f"{enough:,} queries with scores, {drawable:,} may be drawn")

    def draw(self, groups: int) -> Drawn:
        """Draw so many queries, with repeats, and candidates of each without."""
        device = self._cumulated.device
        spots = torch.rand(groups, generator=self._random, device=device, dtype=torch.float64)
        rows = torch.searchsorted(self._cumulated, spots * self._cumulated[-1])
        rows = rows.clamp_max(len(self._cumulated) - 1)
        candidates, goals = self._candidates[rows], self._goals[rows]
        keys = torch.rand(candidates.shape, generator=self._random, device=device)
        chosen = keys.masked_fill(candidates < 0, -1).topk(self._size, 1).indices
        return Drawn(rows, candidates.gather(1, chosen), goals.gather(1, chosen))


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
    return logits


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
