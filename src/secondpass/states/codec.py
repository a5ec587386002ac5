"""A text's states below the join as flat columns that a store can keep, and back.

A late-joined cross-encoder encodes query and text apart in its first layers. What these give of a
text of n tokens, its last special token among them, is kept as

    column                 numbers           n tokens of `width` take
    states_int8            int8 [n * width]  width bytes a token, with "int8"
    state_scales           float16 [n]       2 bytes a token, not with "float16"
    states_float16         float16 [n * w.]  2 * width bytes a token, with "float16"
    states_compact         uint8 [n * code]  some width / 4 bytes a token, with "compact"
    state_lengths          float32 [n + 1]   4 bytes a token, and 4
    states_digest          int64 [1]         8 bytes a text

With a width of 384 that is 390 bytes a token at int8, 772 at float16 and 98 compact. A state is its
int8 numbers times its scale; compact.py has what it is of its code. `state_lengths` are what late
interaction divides by: the length of each token's projection and, last, that of the sum of all
states, both of the states as they are kept.

One digest stands for all that decides the columns (`FeatureIdentity` of a store): each weight and
setting at or below the join, the tokenizer, the directions of compact states where the model has
them, and `VERSION`. No length limit is among them: only whole texts have states. `states_digest` is
a row's own: it shows states that were damaged or put to another text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from secondpass.checks import one_of
from secondpass.states.compact import (
    LEAST_SCALE,
    Directions,
    Floats,
    Products,
    code_bytes,
    numpy_products,
)

# Raise it with any change of what a column holds: states of another version are not used.
VERSION = 1

StatePrecision = Literal["int8", "float16", "compact"]
STATE_PRECISIONS: tuple[StatePrecision, ...] = get_args(StatePrecision)

STATES_INT8 = "states_int8"
STATES_FLOAT16 = "states_float16"
STATES_COMPACT = "states_compact"
STATE_SCALES = "state_scales"
STATE_LENGTHS = "state_lengths"
STATES_DIGEST = "states_digest"

# Column -> the type of its numbers.
STATE_TYPES: Mapping[str, type[np.generic]] = {
    STATES_INT8: np.int8,
    STATES_FLOAT16: np.float16,
    STATES_COMPACT: np.uint8,
    STATE_SCALES: np.float16,
    STATE_LENGTHS: np.float32,
    STATES_DIGEST: np.int64,
}
# The column of the states themselves is the first.
STATE_COLUMNS: Mapping[StatePrecision, tuple[str, ...]] = {
    "int8": (STATES_INT8, STATE_SCALES, STATE_LENGTHS, STATES_DIGEST),
    "float16": (STATES_FLOAT16, STATE_LENGTHS, STATES_DIGEST),
    "compact": (STATES_COMPACT, STATE_SCALES, STATE_LENGTHS, STATES_DIGEST),
}

_OF_STATES = frozenset(names[0] for names in STATE_COLUMNS.values())

Columns = Mapping[str, NDArray[Any]]
# The lengths [n + 1] of states [n, width]: those of the projected tokens, and that of their sum.
Measure = Callable[[Floats], Floats]

_MOST = 127


@dataclass(frozen=True, slots=True, eq=False)
class KeptStates:
    """A text's states as they are kept.

    values: int8, float16 or float32 [n, width]; a state is a row of them times its scale. With
        directions uint8 [n, bytes of a code].
    scales: float32 [n]; 1 for float16.
    lengths: float32 [n + 1], see above.
    directions: what compact states are of, None for others.
    """

    values: NDArray[Any]
    scales: Floats
    lengths: Floats
    directions: Directions | None = None

    def __len__(self) -> int:
        return len(self.values)

    def states(self, products: Products) -> Floats:
        """Return the states: float32 [n, width]; `products` computes them where they are coded."""
        if self.directions is not None:
            return self.directions.decode(self.values, self.scales, products)
        states: Floats = np.multiply(self.values, self.scales[:, None], dtype=np.float32)
        return states


def checked_precision(precision: Any) -> StatePrecision:
    """Return `precision` if it is one of them; an InputError if not."""
    return one_of("precision", precision, STATE_PRECISIONS)


def numbers_a_token(precision: StatePrecision, width: int) -> int:
    """Return how many numbers the column of states has a token."""
    return code_bytes(width) if precision == "compact" else width


def encode(
    states: Floats,
    precision: StatePrecision,
    measure: Measure,
    directions: Directions | None = None,
    products: Products = numpy_products,
) -> KeptStates:
    """Return states [n, width] as they are kept, with the lengths that `measure` gives of them.

    "compact" needs the model's directions.

    Raises:
        ValueError: a state is not a finite number, or too large for a float16.
    """
    if precision == "compact":
        assert directions is not None
        codes, scales = directions.encode(states, products)
        lengths = measure(directions.decode(codes, scales, products))
        return KeptStates(codes, scales, np.asarray(lengths, np.float32), directions)
    with np.errstate(over="ignore"):
        if precision == "float16":
            values = states.astype(np.float16)
            scales = np.ones(len(states), np.float32)
            finite = np.isfinite(values).all()
        else:
            largest = np.abs(states).max(axis=1, initial=0.0)
            halves = np.maximum((largest / _MOST).astype(np.float16), LEAST_SCALE)
            finite = np.isfinite(halves).all()
            scales = halves.astype(np.float32)
    if not finite:
        raise ValueError("a state is not a finite number that a float16 holds")
    if precision == "int8":
        values = np.clip(np.rint(states / scales[:, None]), -_MOST, _MOST).astype(np.int8)
    kept = KeptStates(values, scales, np.empty(0, np.float32))
    return KeptStates(values, scales, np.asarray(measure(kept.states(products)), np.float32))


def to_columns(kept: KeptStates, text: str, identity: str) -> dict[str, NDArray[Any]]:
    """Return the columns of a text's states; `identity` is the digest of what made them."""
    flat = kept.values.reshape(-1)
    name = next(name for name in _OF_STATES if STATE_TYPES[name] == flat.dtype)
    columns = {name: flat}
    if name != STATES_FLOAT16:
        columns[STATE_SCALES] = kept.scales.astype(np.float16)
    columns[STATE_LENGTHS] = kept.lengths
    columns[STATES_DIGEST] = np.array([_digest(columns, text, identity)], np.int64)
    return columns


def from_columns(columns: Columns, width: int, directions: Directions | None = None) -> KeptStates:
    """Undo `to_columns`: columns of which `damage` says nothing."""
    precision = precision_of(columns)
    assert precision is not None
    flat = columns[STATE_COLUMNS[precision][0]]
    values = flat.reshape(-1, numbers_a_token(precision, width))
    scales = columns.get(STATE_SCALES, np.ones(len(values))).astype(np.float32)
    own = directions if precision == "compact" else None
    return KeptStates(values, scales, columns[STATE_LENGTHS], own)


def precision_of(columns: Sequence[str] | Columns) -> StatePrecision | None:
    """Return how states are kept in these columns; None where there are none."""
    for precision, names in STATE_COLUMNS.items():
        if set(names) <= set(columns):
            return precision
    return None


def damage(columns: Columns, width: int) -> str | None:
    """Return what is wrong with the types and sizes of columns, None for nothing."""
    precision = precision_of(columns)
    if precision is None:
        return f"they are the columns {sorted(columns)}, which are not all that states need"
    for name in STATE_COLUMNS[precision]:
        if columns[name].dtype != STATE_TYPES[name] or columns[name].ndim != 1:
            found = f"{columns[name].dtype} {list(columns[name].shape)}"
            return f"{name} is {found}, expected {np.dtype(STATE_TYPES[name])} [n]"
    numbers, each = len(columns[STATE_COLUMNS[precision][0]]), numbers_a_token(precision, width)
    tokens, rest = divmod(numbers, each)
    if rest:
        return f"{numbers} numbers are not states of {each} each"
    sizes = {STATE_SCALES: tokens, STATE_LENGTHS: tokens + 1, STATES_DIGEST: 1}
    for name in STATE_COLUMNS[precision][1:]:
        if len(columns[name]) != sizes[name]:
            return f"{name} has {len(columns[name])} numbers for {tokens} tokens"
    return None


def are_of(columns: Columns, text: str, identity: str) -> bool:
    """Tell whether columns are what `to_columns` made of this text: its digest is theirs.

    They are no seal: whoever writes states can write their digest as well.
    """
    kept = columns.get(STATES_DIGEST)
    return kept is not None and kept.tolist() == [_digest(columns, text, identity)]


def bytes_of(columns: Columns) -> int:
    """Return how many bytes the numbers of columns take."""
    return sum(column.nbytes for column in columns.values())


def _digest(columns: Columns, text: str, identity: str) -> int:
    """Return 64 bits, signed, that stand for a text, its states and what made them.

    A hash of every byte would take longer than late interaction does: of the states themselves two
    sums are hashed.
    """
    hashed = blake2b(digest_size=8)
    parts = [text.encode("utf-8", "surrogatepass"), identity.encode()]
    for name in sorted(columns):
        if name in _OF_STATES:
            parts.append(_sums(columns[name]))
        elif name != STATES_DIGEST:
            parts.append(columns[name].tobytes())
    for part in parts:
        hashed.update(len(part).to_bytes(8, "little") + part)
    return int.from_bytes(hashed.digest(), "little", signed=True)


def _sums(numbers: NDArray[Any]) -> bytes:
    """Return the number of bytes, and the sum and the exclusive or of their 64-bit words."""
    raw = np.ascontiguousarray(numbers).view(np.uint8)
    whole = len(raw) // 8 * 8
    words = raw[:whole].view("<u8")
    rest = int.from_bytes(raw[whole:].tobytes(), "little")
    added = int(np.add.reduce(words, dtype=np.uint64)) + rest
    crossed = int(np.bitwise_xor.reduce(words)) ^ rest
    sizes = (len(raw), added % 2**64, crossed)
    return b"".join(size.to_bytes(8, "little") for size in sizes)
