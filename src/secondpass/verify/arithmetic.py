"""Whether two machines compute a model alike, and how far its scores may then lie apart.

The figures are in docs/reference/records.md with the command that measures them: on one processor,
kept to lesser instruction sets, two documents of the int8 example move against each other by up to
4.1 % of their query's range of scores without BF16, and by up to 10.9 % without VNNI too, where
int8 products saturate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from secondpass.environment.machine import UNKNOWN, Machine
from secondpass.types import ModelInfo

# Scores of one model at fp32 agree to this on any processor.
SCORE_TOLERANCE = 1e-4

# Two documents may change places on another processor if they lie closer than this part of the
# range between their query's first and last recorded score.
SWAP_SHARE = 0.05

# What such swaps may move the mean of a quality measure by.
MEASURE_TOLERANCE = 0.005

# Multiply-and-add of int8 without saturation. A processor has one of these or computes otherwise.
INT8_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})

# "exact" fp32 on both sides: order and scores decide. "alike" the same int8 or bf16 arithmetic:
# order decides. "other" arithmetic: order decides where the scores lie apart. "none" cannot be
# compared.
Grade = Literal["exact", "alike", "other", "none"]


@dataclass(frozen=True, slots=True)
class Comparability:
    """How closely outputs of two runs can be compared, and why no closer.

    `saturates` says that one of both processors computes int8 with saturation.
    """

    grade: Grade
    why: str = ""
    saturates: bool = False

    @property
    def scores_decide(self) -> bool:
        """Tell whether scores must agree, not only the order."""
        return self.grade == "exact"

    @property
    def measure_tolerance(self) -> float:
        """Return how far the mean of a measure may move."""
        return MEASURE_TOLERANCE if self.grade == "other" else SCORE_TOLERANCE

    def swap_margin(self, recorded_scores: Sequence[float]) -> float:
        """Return how far apart two documents may lie, by recorded score, that change places."""
        # Two scores that each move by the tolerance move against each other by twice as much.
        least = 2 * SCORE_TOLERANCE
        if self.grade != "other" or not recorded_scores:
            return least
        return max(least, SWAP_SHARE * (max(recorded_scores) - min(recorded_scores)))


# For a stage that computes without a model, such as BM25.
WITHOUT_MODEL = Comparability("exact")


def compare_arithmetic(
    recorded: ModelInfo, here: ModelInfo, *, recorded_on: Machine, here_on: Machine
) -> Comparability:
    """Return how closely a model's outputs can be compared."""
    if recorded.weights_sha256 != here.weights_sha256:
        return Comparability("none", "another model")
    if recorded.tokenizer_sha256 != here.tokenizer_sha256:
        return Comparability("none", "another tokenizer")
    if recorded.instruction != here.instruction:
        return Comparability("none", "another instruction")
    if recorded.chat_template_sha256 != here.chat_template_sha256:
        return Comparability("none", "another chat template")
    if recorded.precision != here.precision:
        return Comparability(
            "none", f"another precision: {recorded.precision} there, {here.precision} here"
        )
    if _is_fp32(recorded) and _is_fp32(here):
        return Comparability("exact")
    return _lower_precision(recorded, here, recorded_on, here_on)


def _lower_precision(
    recorded: ModelInfo, here: ModelInfo, recorded_on: Machine, here_on: Machine
) -> Comparability:
    saturates = recorded.precision == "int8" and _has_int8(recorded_on) != _has_int8(here_on)
    if saturates:
        where = "here" if _has_int8(recorded_on) else "there"
        why = f"another processor: int8 products saturate {where}, for want of {_wanted(here_on)}"
        return Comparability("other", why, saturates=True)
    if recorded.arithmetic != here.arithmetic:
        why = f"another arithmetic: {recorded.arithmetic} there, {here.arithmetic} here"
        return Comparability("other", why)
    if recorded_on.processor_flags != here_on.processor_flags:
        return Comparability("other", "another processor: its flags differ")
    if UNKNOWN in (recorded_on.processor_flags, here_on.processor_flags):
        return Comparability("other", "the processor's flags are unknown")
    if (recorded.engine, recorded.device) != (here.engine, here.device):
        return Comparability("other", "another engine or device")
    return Comparability("alike", f"{recorded.precision} weights, {recorded.arithmetic} arithmetic")


def _is_fp32(model: ModelInfo) -> bool:
    return model.precision == "fp32" and model.arithmetic == "f32"


def _has_int8(machine: Machine) -> bool:
    """Unknown flags count as present: then nothing is excused by them."""
    flags = machine.processor_flags
    return flags == UNKNOWN or not INT8_FLAGS.isdisjoint(flags)


def _wanted(machine: Machine) -> str:
    return "VNNI" if machine.architecture.lower() in ("x86_64", "amd64") else "dot products"
