"""The gate: what int8 must keep of fp32 to be admitted."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.checks import finite_number
from secondpass.compiling.result import Agreement, Criterion, Quality, Speed
from secondpass.errors import InputError


@dataclass(frozen=True, slots=True)
class Limits:
    """Each at least; a limit that decides nothing is as low as its value can be.

    `tau` and `top10_tau` are mean Kendall taus, -1 to 1; `quality` is the largest loss of nDCG@10
    on a given collection; `speedup` is the median time of the source at "auto" over int8's.
    """

    tau: float = 0.9
    top10_tau: float = 0.7
    quality_loss: float = 0.01
    speedup: float = 1.0

    def __post_init__(self) -> None:
        """Check each limit, before minutes of work.

        Raises:
            InputError: a limit is not a number within its range.
        """
        ranges = {"tau": (-1, 1), "top10_tau": (-1, 1), "quality_loss": (0, 1), "speedup": (0, 1e6)}
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            if (number := finite_number(value)) is None or not least <= number <= most:
                raise InputError(f"{name} is {value!r}, expected a number from {least} to {most:g}")


def criteria(
    limits: Limits,
    agreement: Agreement,
    quality: Quality | None,
    speed: Speed,
    *,
    calibrated: bool = True,
) -> tuple[Criterion, ...]:
    """Return what decides, each with its value, its limit and the way out.

    `calibrated` is False where no text sets the scales.
    """
    more_text = "calibrate on text like your own with --calibrate FILE, " if calibrated else ""
    keep = f"{more_text}keep fp32"
    found = [
        _criterion(
            "Kendall tau over all texts",
            agreement.tau,
            limits.tau,
            f"{keep}, or lower --min-tau",
        ),
        _criterion(
            "Kendall tau over the top 10",
            agreement.top10_tau,
            limits.top10_tau,
            f"{keep}, or lower --min-top10-tau",
        ),
        _criterion(
            "speed, int8 over " + ("fp32" if speed.auto_ms is None else "'auto'"),
            speed.speedup,
            limits.speedup,
            f"{_over_both(speed)}: keep the source at precision 'auto', which is the default, or "
            "lower --min-speedup",
        ),
    ]
    if quality is not None:
        found.append(
            _criterion(
                f"{quality.measure} on {quality.collection}, int8 minus fp32",
                quality.int8 - quality.fp32,
                -limits.quality_loss,
                f"{keep}, or raise --max-loss",
            )
        )
    return tuple(found)


def _over_both(speed: Speed) -> str:
    """Say how fast int8 is beside what one has, and beside fp32 where that is something else."""
    if speed.auto_ms is None:
        return "'auto' computes float32 on this processor, and int8 gains too little over it"
    return (
        f"int8 takes {speed.int8_ms:.1f} ms, the source {speed.auto_ms:.1f} ms at 'auto' and "
        f"{speed.fp32_ms:.1f} ms at fp32 on this processor"
    )


def _criterion(what: str, value: float, limit: float, way_out: str) -> Criterion:
    # What is not a number does not meet any limit.
    return Criterion(what, value, limit, met=value >= limit, way_out=way_out)
