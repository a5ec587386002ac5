"""Whether a model fits in memory, estimated from its files before it is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.models.boundary import at_the_boundary
from secondpass.models.files import WeightFiles, find_weights
from secondpass.models.folder import ModelFolder

# Python, the engine and the batches in flight, without any weights.
PROCESS_BYTES = 300_000_000
# The graph's weights, and the engine's own copy in the order its kernels read.
COPIES = 2


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes a loaded model needs by estimate, and bytes there are."""

    needed: int
    available: int

    @property
    def fits(self) -> bool:
        """Whether it can be loaded."""
        return self.needed <= self.available


@at_the_boundary
def estimate(folder: ModelFolder, available: int) -> Need:
    """Estimate the memory of a model of a folder.

    Built graphs hold 4 bytes a weight, however many the file has; graph files are taken as they
    are.
    """
    return Need(PROCESS_BYTES + COPIES * _weight_bytes(find_weights(folder.path)), available)


def _weight_bytes(weights: WeightFiles) -> int:
    if weights.format != "safetensors":
        return weights.bytes
    return sum(4 * _numbers(file) for file in weights.files)


def _numbers(file: object) -> int:
    """Count the numbers of a safetensors file by its header; nothing else is read."""
    import math

    from safetensors import safe_open

    with safe_open(str(file), framework="np") as opened:
        return sum(math.prod(opened.get_slice(name).get_shape()) for name in opened.keys())  # noqa: SIM118
