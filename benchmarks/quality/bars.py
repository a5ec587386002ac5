"""The bars that issue 4 sets, and whether a system meets them."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.quality.measured import Measured
from benchmarks.quality.result import Bar, Gate
from benchmarks.quality.statistics import mean_of_means

DL19 = 0.68
DL19_REACH = 0.70
ABOVE_BI_ENCODER = 0.03
BELOW_BETTER = 0.01
INT8_LOSS = 0.005


def check_bars(
    measured: Sequence[Measured], label: str, *, first: str, bi_encoder: str
) -> tuple[Bar, ...]:
    """Check one system; a bar on a collection that was not measured is left out."""
    mean = {
        one: mean_of_means([each.values[one] for each in measured]) for one in measured[0].values
    }
    over_both = [
        (f"mean above the bi-encoder's by {ABOVE_BI_ENCODER}", ABOVE_BI_ENCODER, bi_encoder)
    ]
    over_both.append(("mean above BM25's", 0.0, first))
    worst, where = worst_margin(measured, label, first=first, bi_encoder=bi_encoder)
    by_name = {one.task.name: one.values for one in measured}
    bars = []
    if "dl19" in by_name:
        found = float(by_name["dl19"][label].mean())
        bars.append(_bar(f"dl19 at least {DL19}", label, f"{found:.4f}", found >= DL19))
        reach = f"dl19 at {DL19_REACH:.2f}, to reach for"
        bars.append(_bar(reach, label, f"{found:.4f}", found >= DL19_REACH))
    if "scifact" in by_name:
        values = by_name["scifact"]
        margin = float(
            values[label].mean() - max(values[one].mean() for one in (first, bi_encoder))
        )
        bars.append(_bar("scifact above both", label, f"{margin:+.4f}", margin > 0))
    for bar, least, other in over_both:
        margin = mean[label] - mean[other]
        met = margin > 0 and margin >= least
        bars.append(_bar(bar, label, f"{margin:+.4f}", met))
    bar = f"on no collection more than {BELOW_BETTER} below the better of both"
    bars.append(_bar(bar, label, f"{worst:+.4f} ({where})", worst >= -BELOW_BETTER))
    return tuple(bars)


def check_gate(gate: Gate) -> Bar:
    """Check what int8 loses of the fp32 mean."""
    bar = f"int8 loses at most {INT8_LOSS} of the fp32 mean"
    return _bar(bar, gate.int8, f"{gate.difference:+.4f}", gate.difference >= -INT8_LOSS)


def worst_margin(
    measured: Sequence[Measured], label: str, *, first: str, bi_encoder: str
) -> tuple[float, str]:
    """Return the least of (system - better of BM25 and bi-encoder), and on which collection."""
    margins = [
        (
            float(
                one.values[label].mean()
                - max(one.values[first].mean(), one.values[bi_encoder].mean())
            ),
            one.task.name,
        )
        for one in measured
    ]
    return min(margins)


def _bar(bar: str, label: str, found: str, met: bool) -> Bar:
    return Bar(bar, label, found, bool(met))
