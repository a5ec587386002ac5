"""What counts as a usable number from outside: real, finite, and no bool."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any


def finite_number(value: Any) -> float | None:
    """Return `value` as a float, or None if it is no finite number; numpy's numbers count."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:  # a whole number that no float is large enough for
        return None
    return number if math.isfinite(number) else None


def described(value: Any) -> str:
    """Return a value's type and the beginning of it, for a message."""
    shown = repr(value)
    return f"{type(value).__name__} {shown if len(shown) <= 40 else shown[:37] + '...'}"
