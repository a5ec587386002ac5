"""The result as Markdown: what it rests on, a table of medians and one of the spread."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.models.result import Result, Shape, Timed
from benchmarks.pages import table

MARKER, SPREAD = "models speed", "models spread"

_OURS = "secondpass_"
_COLUMNS = {
    "sentence_transformers_default": "sentence-transformers",
    "sentence_transformers_openvino": "its OpenVINO",
    "sentence_transformers_openvino_int8": "its OpenVINO int8",
    "sentence_transformers_onnx_int8": "its ONNX int8",
    "secondpass_fp32": "ours, fp32",
    "secondpass_auto": "ours, auto",
    "secondpass_int8": "ours, int8",
}


def pages(result: Result) -> Mapping[str, str]:
    """Return the content of each marker."""
    return {MARKER: f"{_basis(result)}\n\n{_medians(result)}", SPREAD: _spread(result)}


def _basis(result: Result) -> str:
    packages = result.software.packages
    named = ("sentence-transformers", "torch", "openvino", "secondpass")
    versions = ", ".join(f"{name} {packages[name]}" for name in named if name in packages)
    machine = result.machine
    rounds = max((len(row.seconds) for one in result.shapes for row in one.rows), default=0)
    return (
        f"Median pairs a second of {rounds} interleaved rounds; {machine.processor} "
        f"({' '.join(machine.processor_flags)}), {machine.cores_usable} cores; {versions}; "
        f"{result.created[:10]}, `{result.command}`.{_written_by(result)}"
    )


def _written_by(result: Result) -> str:
    """Name the versions of transformers, where there was more than one."""
    versions = {one.transformers for one in result.shapes}
    if len(versions) < 2:
        return ""
    parts = []
    for version in sorted(versions):
        names = [one.name for one in result.shapes if one.transformers == version]
        parts.append(f"{', '.join(names)} on {version}")
    return f" Not every version of transformers has each shape: {'; '.join(parts)}."


def _medians(result: Result) -> str:
    head = ("shape", "parameters", "pairs, tokens", *_COLUMNS.values(), "ours at best")
    return table(head, (_median_cells(one) for one in result.shapes))


def _median_cells(shape: Shape) -> tuple[str, ...]:
    cells = []
    for name in _COLUMNS:
        row = shape.row(name)
        cells.append("–" if row is None else f"{shape.rates(row)[0]:.3g}")
    size = f"{shape.parameters / 1e6:.0f}M"
    read = f"{shape.pairs}, {shape.tokens_mean:.0f}"
    return shape.name, size, read, *cells, _ahead(shape)


def _ahead(shape: Shape) -> str:
    """Say how our fastest compares with the fastest of the others, each by its median."""
    timed = [row for row in shape.rows if row.seconds]
    ours = [shape.rates(row)[0] for row in timed if row.name.startswith(_OURS)]
    others = [shape.rates(row)[0] for row in timed if not row.name.startswith(_OURS)]
    return f"{max(ours) / max(others):.2f} times" if ours and others else "–"


def _spread(result: Result) -> str:
    rows = [_spread_cells(one, row) for one in result.shapes for row in one.rows]
    return table(("shape", "who", "pairs a second, median (least to largest)"), rows)


def _spread_cells(shape: Shape, row: Timed) -> tuple[str, str, str]:
    if not row.seconds:
        return shape.name, _COLUMNS.get(row.name, row.name), f"failed: {_plain(row.failed)}"
    middle, least, largest = shape.rates(row)
    label = f"{row.label} ({row.detail})" if row.detail else row.label
    return shape.name, label, f"{middle:.3g} ({least:.3g} to {largest:.3g})"


def _plain(said: str) -> str:
    return said.replace("|", "/")
