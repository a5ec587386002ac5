"""The one place that imports OpenVINO, without its telemetry.

`openvino_telemetry` posts to an analytics host when OpenVINO or NNCF is imported, writes a client
id into the home folder, and starts a process, which under spawn runs an unguarded script twice.
Both libraries have a stub for a Python that lacks the package: to them it is not installed.
"""

from __future__ import annotations

import sys
from typing import Any

# A name that stands for None cannot be imported; one that is there already is the caller's own.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402
from openvino import opset13 as op  # noqa: E402

__all__ = ["import_nncf", "op", "ov"]


def import_nncf() -> Any:
    """Import NNCF, whose telemetry is OpenVINO's.

    Raises:
        ImportError: the `int8` extra is not installed.
    """
    import nncf

    return nncf
