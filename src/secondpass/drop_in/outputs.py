"""Scores in the type that a call asks for."""

from __future__ import annotations

from typing import Any

import numpy as np

from secondpass.drop_in.activations import torch_for


def converted(scores: Any, *, to_tensor: bool, to_numpy: bool) -> Any:
    """Return scores [n] or [n, labels] as one tensor, one float32 array, or a list of tensors.

    Of no pairs they have the shape [0], and are the array that NumPy makes of nothing.

    Raises:
        MissingExtraError: tensors are asked for, and torch is not installed.
    """
    if to_tensor:
        torch = torch_for("convert_to_tensor=True")
        return _as_tensor(scores, torch) if len(scores) else torch.tensor([])
    if to_numpy:
        return _as_array(scores) if len(scores) else np.array([])
    return [*_as_tensor(scores, torch_for("convert_to_numpy=False"))] if len(scores) else []


def _as_tensor(scores: Any, torch: Any) -> Any:
    return torch.from_numpy(scores) if isinstance(scores, np.ndarray) else scores


def _as_array(scores: Any) -> Any:
    if isinstance(scores, np.ndarray):
        return scores.astype(np.float32, copy=False)
    return scores.float().cpu().numpy()
