"""What predict is given, to a list of (query, text) pairs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from secondpass.checks import described
from secondpass.errors import InputError
from secondpass.scoring.candidates import checked_text

# Kinds of arrays that hold strings.
_TEXTS = "UOT"


def is_single(inputs: Any) -> bool:
    """Tell whether the input is one pair and no list of pairs, as sentence-transformers does.

    An array of strings of one dimension is a pair; an empty one is an empty list.
    """
    lists = _list_types()
    if isinstance(inputs, lists):
        return len(inputs) > 0 and not isinstance(inputs[0], lists)
    if isinstance(inputs, np.ndarray) and inputs.dtype.kind in _TEXTS:
        return inputs.size > 0 and inputs.ndim < 2
    return True


def _list_types() -> tuple[type[Sequence[Any]], ...]:
    column = getattr(sys.modules.get("datasets"), "Column", None)
    return (list, tuple) if column is None else (list, tuple, column)


def checked_inputs(inputs: Any) -> tuple[list[tuple[str, str]], bool]:
    """Return the pairs, and whether the input is one alone; a query may be empty.

    Raises:
        InputError: an item is not a pair of strings; the message names its position.
    """
    if isinstance(inputs, np.ndarray) and inputs.ndim:
        single, given = inputs.ndim == 1 and inputs.size > 0, inputs.tolist()
    elif isinstance(inputs, _list_types()):
        single, given = is_single(inputs), inputs
    else:
        raise InputError(
            f"inputs is {described(inputs)}, expected a list of (query, text) pairs, or one pair"
        )
    items = [given] if single else list(given)
    return [_pair(item, position) for position, item in enumerate(items)], single


def _pair(item: Any, position: int) -> tuple[str, str]:
    pair = item.tolist() if isinstance(item, np.ndarray) else item
    if isinstance(pair, str | bytes) or not isinstance(pair, Sequence) or len(pair) != 2:
        raise InputError(f"pair {position} is {described(item)}, expected (query, text)")
    return _text(pair[0], position, "query"), _text(pair[1], position, "text")


def _text(value: Any, position: int, part: str) -> str:
    where = f"pair {position}: {part}"
    if not isinstance(value, str):
        raise InputError(
            f"{where} is {described(value)}, expected a string: texts alone are scored here; for "
            "images, sounds and messages take sentence_transformers.CrossEncoder"
        )
    return checked_text(value, where)
