"""One model in memory: the scorer that all others are built on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secondpass.checks import shortened
from secondpass.engine.contract import NO_EXIT, Batch, Staged
from secondpass.engine.directions import read_directions
from secondpass.engine.kept_states import KeptStatesOf
from secondpass.engine.load import load_engine
from secondpass.engine.parted import PartedModel
from secondpass.engine.schedules import block_texts, find_join_schedule, find_schedule, run
from secondpass.engine.torch import TorchEngine
from secondpass.errors import Argument, InputError
from secondpass.graph.fits import require_fitting
from secondpass.identity import describe, scoring_rules
from secondpass.models.activation import configured_activation
from secondpass.models.chat_template import takes_instruction, template_sha256
from secondpass.models.folder import ModelFolder, located
from secondpass.models.spec import (
    checked_max_length,
    read_cross_encoder_spec,
    warn_of_untaught_score,
)
from secondpass.native import RefusedInForks, is_fork, rebuilt, require_no_fork
from secondpass.options.effort import Effort
from secondpass.options.model import Activation, RerankerOptions
from secondpass.score_cache.rules import ScoringRules
from secondpass.scorer import Pricing
from secondpass.scoring.aggregate import aggregate
from secondpass.scoring.batches import balanced, make_batches
from secondpass.scoring.calibration_map import CalibrationMap, read_calibration
from secondpass.scoring.chat import ChatLayout, ChatPreparer, read_chat_layout
from secondpass.scoring.effort import Schedule
from secondpass.scoring.encode import TextEncoder
from secondpass.scoring.model_tokenizer import model_tokenizer, pair_layout
from secondpass.scoring.pairs import PairLayout
from secondpass.scoring.prefixes import prefix_batches
from secondpass.scoring.prepare import Preparer
from secondpass.scoring.scored import Scored
from secondpass.scoring.sequences import Logits, Owners, Prepared, TokenSequence, divided
from secondpass.scoring.stats import Stats, ms_since
from secondpass.settings import absolute
from secondpass.states.codec import Columns, StatePrecision
from secondpass.types import ModelInfo

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# This many texts are in memory as token ids at a time, however many there are.
BLOCK = 1024
# This many sequences are laid out as batches at a time, of however few or many texts.
SEQUENCES_AT_A_TIME = 1024


class LoadedModel(RefusedInForks):
    """A cross-encoder and its `Scorer`, safe to use from many threads."""

    def __init__(
        self, folder: ModelFolder, options: RerankerOptions, *, or_held: bool = False
    ) -> None:
        """Load it; `or_held` takes a graph file of another precision than is asked for as it is."""
        self.spec = read_cross_encoder_spec(
            folder, cache_dir=options.graph_folder(), several_labels=True
        )
        tokenizer = model_tokenizer(self.spec)
        self._read_as(options, tokenizer)
        self._template = template_sha256(self.spec)
        fed = self.layout.fed if isinstance(self.layout, ChatLayout) else ()
        require_fitting(self.spec, tokenizer, highest_type=self.layout.highest_type, fed=fed)
        self.engine = load_engine(
            self.spec,
            precision=options.precision,
            device=options.device,
            threads=options.compute_threads(),
            cache_dir=options.graph_folder(),
            or_held=or_held,
        )
        if or_held and self.spec.weights.format != "safetensors":
            held = self.engine.info.precision
            options = replace(options, precision="fp32" if held == "fp32" else "auto")
        self._made_of = replace(folder, path=absolute(folder.path)), located(options, [folder])
        warn_of_untaught_score(self.spec)
        if isinstance(self.engine, TorchEngine):
            self.engine.require_length(self.max_length)
        self.labels = self.engine.info.outputs
        if self.labels != 1:
            _require_no_order(options, self.labels, self.spec.name)
        self.activation = self._activation(options)
        self.encoder = TextEncoder(tokenizer, options.compute_threads())
        self._policy = self.engine.policy.within(options.max_batch_tokens)
        self._preparer = self._make_preparer()
        self._states = self._kept_states()
        self._schedules: dict[tuple[Effort, bool], Schedule] = {}

    def _activation(self, options: RerankerOptions) -> Activation | CalibrationMap:
        """Return what makes scores of logits: a calibration, what is asked for, or its own."""
        place, spec = options.calibration_place(), self.spec
        if place is not None:
            return read_calibration(place, name=spec.name, weights_sha256=spec.weights_sha256)
        if options.activation is not None:
            return options.activation
        return configured_activation(spec.config, spec.modular, name=spec.name, labels=self.labels)

    def reading(self, options: RerankerOptions, *, least_room: int = 1) -> LoadedModel:
        """Return this model on the same engine, with another `max_length` or `instruction`.

        Whoever closes one of them closes both. A query has to leave a text `least_room` tokens; 0
        is for empty texts.

        Raises:
            InputError: the model does not read so many tokens, or no instruction.
        """
        made = object.__new__(type(self))
        vars(made).update(vars(self), _made_of=(self._made_of[0], options), _schedules={})
        # Of layouts only a chat template's depends on what is asked for.
        tokenizer = None if self.spec.chats is None else model_tokenizer(self.spec)
        made._read_as(options, tokenizer, least_room)
        if isinstance(self.engine, TorchEngine):
            self.engine.require_length(made.max_length)
        made._preparer = made._make_preparer(least_room)
        made._states = made._kept_states()
        return made

    def _read_as(
        self, options: RerankerOptions, tokenizer: Tokenizer | None, least_room: int = 1
    ) -> None:
        """Set how texts are laid out and cut; without a tokenizer the layout stays."""
        given = options.instruction
        self._instruction = self.spec.prompt if given is None else given
        if tokenizer is not None:
            self.layout = self._layout(tokenizer, given)
        special = self.layout.special_tokens
        self.max_length = checked_max_length(options.max_length, self.spec, special, 1 + least_room)
        self.window_rule = options.long_document_policy().checked_for(self.max_length - special - 1)

    def _make_preparer(self, least_room: int = 1) -> Preparer | ChatPreparer:
        layout, length, rule = self.layout, self.max_length, self.window_rule
        if isinstance(layout, ChatLayout):
            return ChatPreparer(self.encoder, layout, length, rule)
        return Preparer(self.encoder, layout, length, rule, self._instruction, least_room)

    def _kept_states(self) -> KeptStatesOf | None:
        """Return what makes and finds states; None for a model that is not late-joined."""
        sides = self.layout.sides() if isinstance(self.layout, PairLayout) else None
        if self.engine.join is None or sides is None:
            return None
        parted = PartedModel(
            self.engine.join,
            sides,
            self._policy,
            padding_id=self.spec.padding_id,
            max_length=self.max_length,
            tokenizer=lambda: self.encoder.digest,
            directions=lambda: read_directions(self.spec),
        )
        most = self.max_length - self.layout.special_tokens - 1
        return KeptStatesOf(parted, self.encoder, most, self.spec.weights.entry)

    def _layout(self, tokenizer: Tokenizer, given: str | None) -> PairLayout | ChatLayout:
        if self.spec.chats is None:
            return pair_layout(tokenizer, self.spec)
        layout = read_chat_layout(tokenizer, self.spec, self._instruction)
        if given and not takes_instruction(self.spec, given):
            raise InputError(
                Argument("instruction"),
                f" {shortened(given)} reaches no text: the chat template of {self.spec.name} "
                "leaves the system's message out; leave ",
                Argument("instruction"),
                " out",
            )
        return layout

    def __reduce__(self) -> tuple[Any, ...]:
        known = {"_made_of": self._made_of}
        return rebuilt, (type(self), self._made_of, type(self), known)

    @property
    def options(self) -> RerankerOptions:
        """What an equal one is made of, from any folder."""
        return self._made_of[1]

    @property
    def info(self) -> ModelInfo:
        """What is loaded and how it runs."""
        return describe(
            self.spec,
            self.engine.info,
            max_length=self.max_length,
            activation=str(self.activation),
            instruction=self._instruction,
            template=self._template,
        )

    @property
    def rules(self) -> ScoringRules:
        """Everything a logit depends on, as a cache key."""
        return scoring_rules(
            self.spec,
            self.engine.info,
            max_length=self.max_length,
            long_documents=self.window_rule.long_documents,
            stride=self.window_rule.stride,
            choice=self.window_rule.choice,
            instruction=self._instruction,
        )

    def most_texts(self, effort: Effort = "full") -> int:
        """Return how many texts may be scored at a time.

        Raises:
            InputError: the model has no such exits, or long documents are scored in windows: of a
                text's windows some would leave and others not.
            EngineError: this process is a fork of the one that loaded the model.
        """
        require_no_fork()
        schedule = self._schedule(effort, joined=effort == "instant")
        return block_texts(self.engine, schedule, max_length=self.max_length, most=BLOCK)

    def pricing(self) -> Pricing:
        """Return what a deadline has to know."""
        require_no_fork()
        rule = self.window_rule
        stride = rule.stride_in(self.max_length) if rule.in_windows else None
        return Pricing(self.engine.policy.streams, self.max_length, stride, rule.select_tokens)

    def cut_query(self, query: str) -> tuple[str, int]:
        """Return a query cut to half of the tokens that it shares with a text, and the rest's.

        The prompt before it counts; a token of the query is kept however long that is.
        """
        half = (self.max_length - self.layout.special_tokens) // 2
        prompt = "" if isinstance(self.layout, ChatLayout) else self._instruction
        if not prompt:
            return self.encoder.cut(query, max(1, half))
        (before,) = self.encoder.encode([prompt])
        asked, left = self.encoder.cut(prompt + query, max(len(before) + 1, half))
        return asked.removeprefix(prompt), left

    def prepare(self, query: str, texts: Sequence[str], effort: Effort = "full") -> Prepared:
        """Return the texts beside the query as sequences."""
        require_no_fork()
        kept = self._states.brought(texts) if self._states is not None else []
        joined = effort == "instant" or (effort != "full" and any(kept))
        schedule = self._schedule(effort, joined=joined)
        prepared = self._preparer.prepare(query, texts, schedule)
        if self._states is not None and any(kept):
            prepared = self._states.with_states(prepared, kept)
        return replace(prepared, joined=joined)

    def score(self, prepared: Sequence[Prepared]) -> list[Logits]:
        """Return the logits of each request's sequences; those of one schedule share batches."""
        logits: dict[int, Logits] = {}
        for way in dict.fromkeys((one.schedule, one.joined) for one in prepared):
            numbers = [at for at, one in enumerate(prepared) if (one.schedule, one.joined) == way]
            together = self._score_together([prepared[number] for number in numbers], *way)
            logits.update(zip(numbers, together, strict=True))
        return [logits[number] for number in range(len(prepared))]

    def finish(self, prepared: Prepared, logits: Logits) -> Scored:
        """Return the request's texts, each by its best window."""
        started = perf_counter()
        of_texts, best = aggregate(logits.logits, prepared.texts, self.window_rule.best_windows)
        return Scored.of(
            of_texts,
            prepared.stats + logits.stats + Stats(rank_ms=ms_since(started)),
            exit_layer=logits.exit_layer[best],
            tokens=prepared.tokens,
            dropped_tokens=prepared.dropped_tokens,
            span=prepared.span[best],
            spans=prepared.spans,
        )

    @property
    def keeps_states(self) -> bool:
        """Whether texts have states of this model: it is late-joined."""
        return self._states is not None

    @property
    def states_identity(self) -> str:
        """A digest of all that decides a text's states.

        Raises:
            InputError: the model is not late-joined.
        """
        return self._needed_states().parted.identity

    @property
    def states_width(self) -> int:
        """How many numbers a token's state has."""
        return self._needed_states().parted.width

    def encode_texts(
        self, texts: Sequence[str], precision: StatePrecision = "int8"
    ) -> list[Columns | None]:
        """Return each text's states as columns (states/codec.py); None for one that is too long.

        Raises:
            InputError: the model is not late-joined, or "compact" is asked for, and it has no
                directions.
            ModelFileError: a state is not a number that a float16 holds.
        """
        require_no_fork()
        return self._needed_states().encode(texts, precision)

    def passages(self, texts: Sequence[str], precision: StatePrecision = "int8") -> list[str]:
        """Return each text with its token ids and states; one that is too long as it is.

        Raises:
            InputError, ModelFileError: as `encode_texts`.
        """
        require_no_fork()
        return self._needed_states().passages(texts, precision)

    def _needed_states(self) -> KeptStatesOf:
        if self._states is None:
            raise InputError(
                f"{self.spec.name} has no states to keep: it encodes query and text together from "
                "the first layer on; use a late-joined model such as the embedded one"
            )
        return self._states

    def close(self) -> None:
        """Wait for the batches being computed and free the engine; in a fork do nothing."""
        if not is_fork():
            self.engine.close()

    def _score_together(
        self, prepared: Sequence[Prepared], schedule: Schedule, joined: bool
    ) -> list[Logits]:
        sequences = [sequence for one in prepared for sequence in one.sequences]
        owners = Owners.of(prepared)
        logits = self._empty(len(sequences))
        exit_layer = np.full(len(sequences), NO_EXIT, np.int16)
        stats = Stats()
        # Exits choose among all of a request, so it is not scored in parts.
        size = max(1, len(sequences)) if schedule else SEQUENCES_AT_A_TIME
        for start in range(0, len(sequences), size):
            part = slice(start, start + size)
            staged, spent = self._staged(sequences[part], schedule, joined, owners.part(part))
            logits[part], exit_layer[part] = staged
            stats += spent
        return divided(prepared, logits, exit_layer, stats)

    def _staged(
        self, sequences: Sequence[TokenSequence], schedule: Schedule, joined: bool, owners: Owners
    ) -> tuple[Staged, Stats]:
        """Return the logits, of each sequence from where it can begin, and what they took."""
        from_join = np.array([joined or one.states is not None for one in sequences], np.bool_)
        logits = self._empty(len(sequences))
        exit_layer = np.full(len(sequences), NO_EXIT, np.int16)
        stats = Stats()
        if from_join.any():
            assert self._states is not None
            begun = perf_counter()
            chosen = [one for one, begins in zip(sequences, from_join, strict=True) if begins]
            staged = self._states.parted.run(chosen, schedule, owners.part(from_join))
            logits[from_join], exit_layer[from_join] = staged
            stats += Stats(infer_ms=ms_since(begun))
        if not from_join.all():
            begun = perf_counter()
            whole = [one for one, begins in zip(sequences, from_join, strict=True) if not begins]
            of_whole = owners.part(~from_join)
            batches = self._batches(whole, of_whole, schedule)
            batch_ms, begun = ms_since(begun), perf_counter()
            staged = run(self.engine, batches, schedule, of_whole)
            logits[~from_join], exit_layer[~from_join] = staged
            stats += Stats(batch_ms=batch_ms, infer_ms=ms_since(begun))
        return Staged(owners.levelled(logits, exit_layer), exit_layer), stats

    def _empty(self, sequences: int) -> NDArray[np.float32]:
        """Return room for the logits of so many sequences, a row each where there are labels."""
        shape = (sequences,) if self.labels == 1 else (sequences, self.labels)
        return np.empty(shape, np.float32)

    def _batches(
        self, sequences: Sequence[TokenSequence], owners: Owners, schedule: Schedule
    ) -> list[Batch]:
        """Return padded batches that give every stream of the engine about the same work."""
        pairs = [self.layout.join(one.query, one.text) for one in sequences]
        padding, limit = self.spec.padding_id, self.max_length
        if self._policy.prefixes and not schedule:
            return prefix_batches(
                pairs, owners.groups, self._policy, padding_id=padding, length_limit=limit
            )
        policy = balanced(self._policy, [len(pair.ids) for pair in pairs])
        return make_batches(pairs, policy, padding_id=padding, length_limit=limit)

    def _schedule(self, effort: Effort, *, joined: bool) -> Schedule:
        """Return the exits of an effort; the config is read once for each."""
        if (effort, joined) not in self._schedules:
            self._schedules[effort, joined] = self._find_schedule(effort, joined)
        return self._schedules[effort, joined]

    def _find_schedule(self, effort: Effort, joined: bool) -> Schedule:
        if joined:
            schedule = find_join_schedule(
                effort, self.spec, self._states.parted if self._states else None
            )
        else:
            schedule = find_schedule(effort, self.spec, self.engine)
        if schedule and self.window_rule.in_windows:
            raise InputError(
                Argument("effort"),
                f" is {effort!r} and ",
                Argument("long_documents"),
                f" {self.window_rule.long_documents!r}: exits choose among texts that are one "
                "window each; use ",
                Argument("effort", "full"),
                ", or ",
                Argument("long_documents", "truncate"),
            )
        return schedule


# Of each option that puts texts or windows in an order: the values that do not.
_WITHOUT_ORDER: Mapping[str, tuple[Any, ...]] = {
    "effort": ("full",),
    "long_documents": ("truncate", "first", "select"),
    "cascade": (None,),
    "cache": (None,),
    "calibration": (None,),
}


def _require_no_order(options: RerankerOptions, labels: int, name: str) -> None:
    """Raise where an option needs one score a text: early exits, windows, a cascade, the cache.

    Raises:
        InputError: one does; the message names option and value.
    """
    for option, allowed in _WITHOUT_ORDER.items():
        value = getattr(options, option)
        if value not in allowed:
            raise InputError(
                Argument(option),
                f" is {shortened(value)}, which needs one score a text, and {name} has {labels} "
                "labels: ",
                "leave " if allowed == (None,) else "use ",
                Argument(option) if allowed == (None,) else Argument(option, allowed[0]),
                " out" if allowed == (None,) else "",
            )
