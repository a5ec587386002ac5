"""One plan: does it fit, load it, calibrate, and predict from then on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from secondpass.bench.clock import Clock
from secondpass.cost.line import Cost, fit
from secondpass.environment.machine import read_machine
from secondpass.environment.usage import read_usage
from secondpass.errors import InputError
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.options.model import Precision
from secondpass.plan.background_load import OtherWork
from secondpass.plan.calibration import LENGTHS, TURNS, Subject, calibrate
from secondpass.plan.check import REPEATS, check
from secondpass.plan.memory import Need, estimate
from secondpass.plan.result import Checked
from secondpass.plan.texts import QUERY, text_maker
from secondpass.progress import Advance, ProgressBar, silent
from secondpass.reranker import CrossEncoderReranker
from secondpass.scoring.model_tokenizer import model_tokenizer
from secondpass.states.codec import StatePrecision
from secondpass.types import ModelInfo

# Texts that are encoded to see how long states take to make.
_ENCODED = 24


@dataclass(frozen=True, slots=True)
class Wanted:
    """A reranker to plan for."""

    model: str
    precision: Precision
    max_length: int
    threads: int | None
    states: StatePrecision | None = None


@dataclass(frozen=True, slots=True)
class KeptCost:
    """What a reranker costs from states: of a call, and to make them, in seconds a token."""

    precision: StatePrecision
    width: int
    cost: Cost
    token_seconds: float


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
    states: KeptCost | None = None

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
        InputError: the model does not fit in memory, and is not loaded then; or states are wanted
            and it has none.
        ModelError, MissingExtraError: it is not available in this precision.
    """
    memory = _check_memory(wanted)
    subject = _load(wanted, clock)
    if wanted.states is not None:
        subject.reranker.encode_texts([], wanted.states)  # raises where it has none
    before = read_usage()
    with progress("calibrating", TURNS) as advance:
        cost = fit(calibrate(subject, seconds, advance))
    states = None
    if wanted.states is not None:
        with progress(f"calibrating from states at {wanted.states}", TURNS) as advance:
            states = _from_states(subject, wanted.states, seconds, advance)
    background_load = OtherWork.between(before, read_usage(), subject.reranker.info.threads)
    checked: list[Checked] = []
    if checking:
        with progress("checking", REPEATS) as advance:
            checked = check(subject, cost, advance)
    info = subject.reranker.info
    return Plan(info, cost, subject.overhead, memory, background_load, tuple(checked), states)


def _from_states(
    subject: Subject, precision: StatePrecision, seconds: float, advance: Advance
) -> KeptCost:
    """Calibrate with texts that bring their states, and measure how long these take to make."""
    reranker = subject.reranker
    texts = [subject.make_text(max(LENGTHS), number) for number in range(_ENCODED)]
    reranker.encode_texts(texts[:4], precision)
    started = subject.clock.now()
    reranker.encode_texts(texts, precision)
    token_seconds = (subject.clock.now() - started) / (len(texts) * max(LENGTHS))

    @cache
    def passage(text: str) -> str:
        return reranker.passages([text], precision)[0]

    kept = replace(subject, as_kept=lambda texts: list(map(passage, texts)))
    cost = fit(calibrate(kept, seconds, advance))
    return KeptCost(precision, reranker.states_width, cost, token_seconds)


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
