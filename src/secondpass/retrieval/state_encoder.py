"""The embedded cross-encoder as what gives texts' states; loaded when the first is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from secondpass.loaded_model import LoadedModel
from secondpass.models.embedded import CROSS_ENCODER
from secondpass.models.folder import find_folder
from secondpass.options.model import RerankerOptions
from secondpass.states.codec import Columns, StatePrecision


class EmbeddedEncoder:
    """Implements `StateEncoder`.

    Args:
        threads: compute threads; None for all processors that this process may use.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._threads,)

    @property
    def states_identity(self) -> str:
        """A digest of all that decides a text's states."""
        return self._model.states_identity

    @property
    def states_width(self) -> int:
        """How many numbers a token's state has."""
        return self._model.states_width

    def encode_texts(
        self, texts: Sequence[str], precision: StatePrecision = "int8"
    ) -> list[Columns | None]:
        """Return each text's columns, in order; None for a text that is too long."""
        return self._model.encode_texts(texts, precision)

    @cached_property
    def _model(self) -> LoadedModel:
        return LoadedModel(find_folder(CROSS_ENCODER), RerankerOptions(threads=self._threads))
