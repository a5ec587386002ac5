"""The script as it is and with one import changed."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

SCRIPT = Path(__file__).parent / "script.py"
THEIRS = "from sentence_transformers import CrossEncoder"
OURS = "from secondpass import CrossEncoder"


def script(import_: str) -> ModuleType:
    """Return the script, run with this import in the place of its own.

    Raises:
        ValueError: its own is not there once.
    """
    text = SCRIPT.read_text(encoding="utf-8")
    if text.count(THEIRS) != 1:
        raise ValueError(f"{SCRIPT} does not have {THEIRS!r} once")
    made = ModuleType("script")
    exec(compile(text.replace(THEIRS, import_), str(SCRIPT), "exec"), vars(made))
    return made
