"""One plan: does it fit, load it, calibrate, and predict from then on."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.bench.clock import Clock
from secondpass.cost.line import Cost, fit
from secondpass.environment.machine import read_machine
from secondpass.environment.usage import read_usage
from secondpass.errors import InputError
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.options.model import Precision
from secondpass.plan.background_load import OtherWork
from secondpass.plan.calibration import TURNS, Subject, calibrate
from secondpass.plan.check import REPEATS, check
from secondpass.plan.memory import Need, estimate
from secondpass.plan.result import Checked
from secondpass.plan.texts import QUERY, text_maker
from secondpass.progress import ProgressBar, silent
from secondpass.reranker import CrossEncoderReranker
from secondpass.scoring.model_tokenizer import model_tokenizer
from secondpass.types import ModelInfo


@dataclass(frozen=True, slots=True)
class Wanted:
    """A reranker to plan for."""

    model: str
    precision: Precision
    max_length: int
    threads: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a calibrated reranker costs; `overhead` is the tokens of query and special tokens.

    `memory` was estimated before the model was loaded; `background_load` was measured while it was
    calibrated.
    """

    info: ModelInfo
    cost: Cost
    overhead: int
    memory: Need
    background_load: OtherWork
    checked: tuple[Checked, ...] = ()

    def length(self, document_tokens: int) -> int:
        """Return the tokens of a document with the query, as far as they are scored."""
        return min(self.info.max_length, document_tokens + self.overhead)


def need(wanted: Wanted) -> Need:
    """Estimate from its files whether the model fits in the memory there is now."""
    return estimate(find_folder(wanted.model), read_machine().memory_available)


def make_plan(
    wanted: Wanted,
    clock: Clock,
    progress: ProgressBar = silent,
    *,
    seconds: float,
    checking: bool = False,
) -> Plan:
    """Load a reranker and calibrate it in about `seconds` seconds; with `checking`, check that.

    Raises:
        InputError: the model does not fit in memory; it is not loaded then.
        ModelError, MissingExtraError: it is not available in this precision.
    """
    memory = _check_memory(wanted)
    subject = _load(wanted, clock)
    before = read_usage()
    with progress("calibrating", TURNS) as advance:
        cost = fit(calibrate(subject, seconds, advance))
    background_load = OtherWork.between(before, read_usage(), subject.reranker.info.threads)
    checked: list[Checked] = []
    if checking:
        with progress("checking", REPEATS) as advance:
            checked = check(subject, cost, advance)
    info = subject.reranker.info
    return Plan(info, cost, subject.overhead, memory, background_load, tuple(checked))


def _check_memory(wanted: Wanted) -> Need:
    memory = need(wanted)
    if not memory.fits:
        raise InputError(
            f"{wanted.model} needs about {memory.needed / 1e9:.1f} GB of memory and "
            f"{memory.available / 1e9:.1f} GB are available: free some, or take a smaller model"
        )
    return memory


def _load(wanted: Wanted, clock: Clock) -> Subject:
    tokenizer = model_tokenizer(read_cross_encoder_spec(find_folder(wanted.model)))
    query_tokens = len(tokenizer.encode(QUERY, add_special_tokens=False).ids)
    reranker = CrossEncoderReranker(
        wanted.model, wanted.max_length, precision=wanted.precision, threads=wanted.threads
    )
    overhead = query_tokens + reranker.model.layout.special_tokens
    return Subject(reranker, text_maker(tokenizer), overhead, clock)
