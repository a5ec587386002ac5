"""Rotary position embeddings (Su et al. 2021, arXiv:2104.09864), a head's two halves paired."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from secondpass.graph import ops
from secondpass.graph.openvino import op
from secondpass.graph.ops import Node


def frequencies(theta: float, head_width: int) -> NDArray[np.float32]:
    """Return the angle of one position for each pair of a head: [head_width / 2]."""
    half = np.arange(0, head_width, 2, dtype=np.float32) / head_width
    return np.asarray(1.0 / theta**half, np.float32)


def ntk_frequencies(
    theta: float, head_width: int, factor: float, mixed_b: float | None = None
) -> NDArray[np.float32]:
    """Return frequencies scaled by NTK, fixed or mixed (https://kexue.fm/archives/9706)."""
    if mixed_b is None:
        scaled = frequencies(theta * factor, head_width)
        return np.asarray(scaled / factor ** (2 / head_width), np.float32)
    pairs = head_width // 2
    grown = np.exp(np.log(factor) * (np.arange(1, pairs + 1) / pairs) ** mixed_b)
    return np.asarray(frequencies(theta, head_width) / grown, np.float32)


class Rotation:
    """Cosine and sine tables [length, head width] of positions from 0."""

    def __init__(self, angles: NDArray[np.float32], positions: Node) -> None:
        """Take `positions` [length] as float32."""
        turned = op.multiply(
            op.unsqueeze(positions, ops.constant([1])), ops.constant(np.tile(angles, 2)[None, :])
        )
        self._cosine, self._sine = op.cos(turned), op.sin(turned)

    def rotate(self, x: Node) -> Node:
        """Return x [.., length, head width], each pair turned by its position."""
        halves = op.split(x, ops.constant(-1), 2)
        turned = op.concat([op.negative(halves.output(1)), halves.output(0)], -1)
        return op.add(op.multiply(x, self._cosine), op.multiply(turned, self._sine))
