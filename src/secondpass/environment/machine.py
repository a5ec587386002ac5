"""The machine: processor, cores, memory. What cannot be read is "unknown", never guessed."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from secondpass.cgroup import memory_limits
from secondpass.errors import MissingExtraError
from secondpass.settings import available_processors

Unknown = Literal["unknown"]
UNKNOWN: Unknown = "unknown"

# The instruction sets that decide how fast a matrix product is.
_TELLING_FLAGS = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx_vnni",
    "amx_bf16",
    "amx_int8",
    "asimddp",
    "i8mm",
    "bf16",
)


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine, as this process sees it.

    `cores_usable` counts processors this process may use, `cores_total` those of the machine;
    memory is in bytes, what the machine has or what a control group allows, if that is less.
    """

    processor: str
    processor_flags: tuple[str, ...] | Unknown
    cores_usable: int
    cores_total: int | Unknown
    memory_total: int
    memory_available: int
    system: str
    architecture: str


def read_machine() -> Machine:
    """Read the machine's facts now; the available memory changes, the rest does not.

    Raises:
        MissingExtraError: psutil is not installed.
    """
    try:
        import psutil
    except ImportError as error:
        raise MissingExtraError("reading the machine's memory", "measure") from error
    memory = psutil.virtual_memory()
    allowed, left = memory_limits() or (memory.total, memory.available)
    return Machine(
        processor=_processor_name(),
        processor_flags=_processor_flags(),
        cores_usable=available_processors(),
        cores_total=os.cpu_count() or UNKNOWN,
        memory_total=min(memory.total, allowed),
        memory_available=min(memory.available, left),
        system=platform.platform(),
        architecture=platform.machine() or UNKNOWN,
    )


def processor_name_and_flags() -> str:
    """Return what tells processors apart that may round differently, without psutil."""
    return f"{platform.machine()} {_processor_name()} {_processor_flags()}"


def _processor_name() -> str:
    return _cpuinfo("model name") or platform.processor() or UNKNOWN


def _processor_flags() -> tuple[str, ...] | Unknown:
    listed = _cpuinfo("flags") or _cpuinfo("Features")
    if listed is None:
        return UNKNOWN
    return tuple(flag for flag in _TELLING_FLAGS if flag in listed.split())


def _cpuinfo(key: str, file: Path = Path("/proc/cpuinfo")) -> str | None:
    """Return the first value of a key in Linux's /proc/cpuinfo, None elsewhere."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return None
    found = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in found if name.strip() == key), None)
