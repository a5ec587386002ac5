"""How an index is searched."""

from __future__ import annotations

from typing import Literal, get_args

Mode = Literal["dense", "bm25", "hybrid"]
MODES: tuple[Mode, ...] = get_args(Mode)
