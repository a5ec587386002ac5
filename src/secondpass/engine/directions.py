"""The directions of a late-joined model's compact states, as a file in its folder."""

from __future__ import annotations

from secondpass.graph.tensors import open_tensors
from secondpass.models.boundary import at_the_boundary
from secondpass.models.spec import DIRECTIONS_FILE, ModelSpec
from secondpass.states.compact import Directions, directions_of


@at_the_boundary
def read_directions(spec: ModelSpec) -> Directions | None:
    """Return the directions in a model's folder; None where it has none.

    Raises:
        ModelFileError: they are not as many as states of this width have.
    """
    file = spec.folder / DIRECTIONS_FILE
    if not file.is_file():
        return None
    count = sum(directions_of(spec.width))
    with open_tensors((file,)) as tensors:
        mean = tensors.shaped("mean", spec.width)
        directions = tensors.shaped("directions", count, spec.width)
    return Directions(mean, directions)
