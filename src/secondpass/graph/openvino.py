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
    """Import NNCF without its telemetry, which is OpenVINO's.

    Raises:
        ImportError: the `int8` extra is not installed.
    """
    # NNCF looks for it anew, also where the caller imported OpenVINO first.
    given = sys.modules["openvino_telemetry"]
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import nncf
    finally:
        sys.modules["openvino_telemetry"] = given
    return nncf
