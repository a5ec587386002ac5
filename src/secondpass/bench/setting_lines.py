"""The constraints a number depends on, as lines of name and value."""

from __future__ import annotations

import os
from pathlib import Path

from secondpass.bench.result import BenchResult, Setting
from secondpass.bench.table import number

_SHOWN_PACKAGES = ("secondpass", "openvino", "tokenizers", "numpy", "lancedb", "torch")


def facts(result: BenchResult) -> list[tuple[str, str]]:
    """Return (name, value) for each constraint."""
    constraints = result.constraints
    machine, model, lengths = (
        constraints.machine,
        constraints.reranker,
        constraints.candidate_tokens,
    )
    flags = machine.processor_flags
    return [
        ("processor", f"{machine.processor} ({flags if flags == 'unknown' else ' '.join(flags)})"),
        (
            "cores",
            f"{model.threads} used, {machine.cores_usable} usable, {machine.cores_total} there",
        ),
        (
            "memory",
            f"{_gb(machine.memory_available)} available of {_gb(machine.memory_total)}; "
            f"this process used at most {_gb(result.used.peak_memory_bytes)}",
        ),
        ("backend", f"{model.device.upper()}, {model.engine}"),
        ("precision", f"{model.precision} weights, {model.arithmetic} elsewhere"),
        (
            "reranker",
            f"{model.name}, {model.architecture}, {constraints.reranker_bytes / 1e6:.1f} MB, "
            f"sha256 {model.weights_sha256[:16]}, {model.max_length} tokens at most",
        ),
        ("dense stage", _dense(result)),
        ("candidates", _home(constraints.candidates_from)),
        (
            "candidate tokens",
            f"mean {lengths.mean:.0f}, P50 {lengths.p50:.0f}, P95 {lengths.p95:.0f} "
            f"(of {lengths.count} candidates)",
        ),
        ("queries", _queries(result)),
        ("load", load(result.setting)),
        ("software", _software(result)),
        ("command", result.setting.command),
    ]


def start_lines(result: BenchResult) -> list[tuple[str, str]]:
    """Return what comes before the first warm answer, and what a query takes of the machine."""
    start, used = result.start, result.used
    lines = [
        ("load the reranker", f"{number(start.reranker_load_ms)} ms"),
        ("cold first query", f"{number(start.cold_query.pipeline_ms)} ms"),
        ("CPU a query", f"{number(used.cpu_seconds_per_query)} s"),
        ("peak memory", f"{used.peak_memory_bytes / 1e6:.0f} MB"),
        ("answered", f"{number(used.queries_per_second)} queries a second"),
    ]
    if start.embedder_load_ms is not None:
        lines.insert(0, ("load the embedder", f"{number(start.embedder_load_ms)} ms"))
    return lines


def load(setting: Setting) -> str:
    """Say how the queries came."""
    workers = f"{setting.clients} at a time" if setting.clients > 1 else "one at a time"
    if setting.rate_per_second is None:
        return f"closed loop, {setting.clients} client{'s' if setting.clients > 1 else ''}"
    return f"open loop, {setting.rate_per_second:g} queries a second arrive, answered {workers}"


def _dense(result: BenchResult) -> str:
    constraints = result.constraints
    if constraints.embedder is None:
        return "none: the candidates are fixed"
    return (
        f"{constraints.embedder.name}, {constraints.vectors} vectors of "
        f"{constraints.dimension} numbers, every vector compared"
    )


def _queries(result: BenchResult) -> str:
    constraints, count = result.constraints, len(result.measured)
    distinct = min(constraints.distinct_queries, count)
    repeated = f", {distinct} of them distinct" if distinct < count else ""
    return (
        f"{count} measured{repeated} after {result.setting.warm_up} to warm up, "
        f"seed {result.setting.seed}; {_home(constraints.queries_from)}"
    )


def _software(result: BenchResult) -> str:
    software = result.constraints.software
    packages = software.packages
    shown = [f"{name} {packages[name]}" for name in _SHOWN_PACKAGES if name in packages]
    return ", ".join([f"Python {software.python}", *shown])


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB"


def _home(path: str) -> str:
    """Return a path with the user's home folder as "~"."""
    try:
        home = str(Path.home())
    except RuntimeError:  # a user without one
        return path
    return path if home == os.sep else path.replace(home, "~")
