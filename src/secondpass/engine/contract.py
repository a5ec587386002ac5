"""What an engine is: batches in, float32 rows out. Imports nothing of ours, and no numpy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Arrays of a batch by name. A column has a value for each token, [rows, length, ...] with padding,
# or one for each row, [rows, 1].
Columns = Mapping[str, "NDArray[Any]"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that are computed together.

    `positions` [rows] are their places in the input, `lengths` [rows] their tokens without padding.
    A batch of sequences has the int32 columns `input_ids`, `attention_mask` and `token_type_ids`;
    between two stages it has hidden states too. `prefix` are the int32 token ids that stand before
    every row, and in no column; None for none, and always for an engine that does not ask for them.
    """

    positions: NDArray[np.intp]
    lengths: NDArray[np.intp]
    columns: Columns
    prefix: NDArray[np.int32] | None = None

    @property
    def padded_length(self) -> int:
        """Return the number of tokens of each row with its padding."""
        return int(self.columns["attention_mask"].shape[1])


@dataclass(frozen=True, slots=True)
class Policy:
    """The batches that an engine wants.

    Args:
        max_tokens: the most tokens of a batch; with `pads`, padding counts.
        length_multiple: rows are padded to a multiple of this, so that there are few shapes.
        streams: how many batches are computed at the same time.
        pads: whether a row costs as much as the longest of its batch. An engine that skips padding
            says False and reads `Batch.lengths`.
        prefixes: whether batches may have a `prefix`, which is computed once.
    """

    max_tokens: int = 2048
    length_multiple: int = 16
    streams: int = 1
    pads: bool = True
    prefixes: bool = False

    def within(self, max_tokens: int | None) -> Policy:
        """Return the policy with another bound; None leaves the engine's own."""
        return self if max_tokens is None else replace(self, max_tokens=max_tokens)


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What really runs: `precision` as the weights are, `arithmetic` as the device computes.

    `reason` says why these and no others; `outputs` is how many numbers it gives a row.
    """

    name: str
    device: str
    precision: str
    arithmetic: str
    threads: int
    outputs: int = 1
    reason: str = ""


# Given the exit's layer and the logits of all rows in input order (-inf for rows that exited
# before), returns which rows continue.
Choose = Callable[[int, "NDArray[np.float32]"], "NDArray[np.bool_]"]


# The layer after which a row exited that went through all layers; 0 is an exit from the embeddings.
NO_EXIT = -1


class Staged(NamedTuple):
    """A logit for each row in input order, and the layer after which it exited or `NO_EXIT`."""

    logits: NDArray[np.float32]
    exit_layer: NDArray[np.int16]


class Exits(Protocol):
    """A model in stages. `run` may be called by several threads at once."""

    @property
    def layers(self) -> tuple[int, ...]:
        """After how many layers there is an exit, ascending."""
        ...

    @property
    def state_bytes(self) -> int:
        """The memory that one token takes between two stages."""
        ...

    def run(self, batches: Sequence[Batch], layers: Sequence[int], choose: Choose) -> Staged:
        """Compute all rows up to the exits after `layers`, and further only those chosen there."""
        ...


class JoinHead(NamedTuple):
    """The numbers of a late-joined model's score at the join.

    projection: [k, width], with its `bias` [k] or 0: what late interaction compares.
    gate: [width], what says how much each token of the query counts.
    weights: [2], of the cosine of the means and of late interaction.
    line: scale and offset that put the score on the model's logits; None without an exit there.
    """

    projection: NDArray[np.float32]
    bias: NDArray[np.float32]
    gate: NDArray[np.float32]
    weights: NDArray[np.float32]
    line: tuple[float, float] | None


class Join(Protocol):
    """A late-joined model, parted at its join. Each may be called by several threads at once."""

    @property
    def layer(self) -> int:
        """After how many layers query and text meet."""
        ...

    @property
    def width(self) -> int:
        """How many numbers a state has."""
        ...

    @property
    def digest(self) -> str:
        """A digest of every weight and setting at or below the join."""
        ...

    @property
    def head(self) -> JoinHead:
        """The score at the join."""
        ...

    def below(self, batches: Iterable[Batch]) -> list[NDArray[np.float32]]:
        """Return the states at the join of batches of single sides: [rows, length, width] each."""
        ...

    def products(self, values: NDArray[Any], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values [n, m] times vectors [k, m]: [n, k].

        The values are int8, float16 or float32, or codes: uint8 [n, m / 4] (states/compact.py).
        """
        ...

    def decode(
        self, codes: NDArray[np.uint8], scales: NDArray[np.float32], directions: Any
    ) -> NDArray[np.float32]:
        """Return the states [n, width] of codes and scales [n]; `directions` are the model's."""
        ...

    def exact_products(
        self, values: NDArray[Any], vectors: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return the products of one text's values, computed in float32."""
        ...

    def lengths(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the lengths [n] of the projections of states [n, width], computed in float32."""
        ...

    def above(self, batches: Iterable[JoinedBatch]) -> list[NDArray[np.float32]]:
        """Return the logits [rows] of batches of states of both sides."""
        ...


class JoinedBatch(NamedTuple):
    """Rows at the join, the query's tokens first.

    states: float32 [rows, length, width]; early: float32 [rows, 1], the score there.
    attention_mask, token_type_ids: int32 [rows, length], 0 or 1 each; type 1 is the text's.
    """

    states: NDArray[np.float32]
    early: NDArray[np.float32]
    attention_mask: NDArray[np.int32]
    token_type_ids: NDArray[np.int32]


class Engine(Protocol):
    """A loaded model. `run` may be called by several threads at once."""

    @property
    def info(self) -> EngineInfo:
        """What runs, for records."""
        ...

    @property
    def policy(self) -> Policy:
        """The batches that this engine wants."""
        ...

    @property
    def exits(self) -> Exits | None:
        """The same model in stages; None for a model without exit heads."""
        ...

    @property
    def join(self) -> Join | None:
        """The same model parted at its join; None for one that is not late-joined."""
        ...

    def run(self, batches: Sequence[Batch]) -> list[NDArray[np.float32]]:
        """Return one array [rows, outputs] for each batch, in order.

        Raises:
            EngineError: it is closed, or the device failed.
        """
        ...

    def close(self) -> None:
        """Wait for the batches being computed and free the model; later calls raise EngineError."""
        ...
