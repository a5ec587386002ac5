"""One model, loaded: reads texts beside a query and gives each its numbers, in input order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from secondpass.deadline.known import FindKnown
from secondpass.deadline.reader import DeadlineReader
from secondpass.engine.load import load_engine
from secondpass.engine.schedules import block_texts, find_schedule, run
from secondpass.errors import InputError
from secondpass.identity import describe, scoring_rules
from secondpass.models.activation import configured_activation
from secondpass.models.folder import ModelFolder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.options import Options, checked_max_length
from secondpass.score_cache.cache import ScoreCache, open_cache
from secondpass.scoring.clock import StageClock
from secondpass.scoring.effort import Effort, Schedule
from secondpass.scoring.encode import TextEncoder, load_tokenizer
from secondpass.scoring.merging import Left, Merged, merge, read_whole
from secondpass.scoring.pairs import read_pair_layout
from secondpass.scoring.prepare import Preparer
from secondpass.scoring.prepare_long import for_long_documents
from secondpass.scoring.ranking import to_scores
from secondpass.scoring.readings import Readings, readings_of
from secondpass.scoring.selection import Scored
from secondpass.scoring.window_rule import WindowRule
from secondpass.types import ModelInfo

# This many texts are in memory as token ids at a time, however many there are.
BLOCK = 1024


class LoadedModel:
    """A cross-encoder in memory, safe to use from many threads."""

    def __init__(
        self, folder: ModelFolder, max_length: int, options: Options, window_rule: WindowRule
    ) -> None:
        self.spec = read_cross_encoder_spec(folder)
        tokenizer = load_tokenizer(self.spec.tokenizer_file)
        layout = read_pair_layout(tokenizer)
        self.max_length = checked_max_length(max_length, self.spec, layout.special_tokens)
        self.window_rule = window_rule.checked_for(self.max_length - layout.special_tokens - 1)
        self.activation = options.activation or configured_activation(
            self.spec.config, self.spec.modular, name=self.spec.name
        )
        self.engine = load_engine(
            self.spec,
            precision=options.precision,
            device=options.device,
            threads=options.threads,
            cache_dir=options.cache_dir,
        )
        preparer = Preparer(
            encoder=TextEncoder(tokenizer, options.threads),
            layout=layout,
            max_length=self.max_length,
            policy=replace(self.engine.policy, max_tokens=options.max_batch_tokens),
            padding_id=self.spec.padding_id,
        )
        self.preparer = for_long_documents(preparer, self.window_rule)
        self._schedules: dict[Effort, Schedule] = {}
        self._cache = None if options.cache is None else self._open_cache(options)

    @property
    def info(self) -> ModelInfo:
        """What is loaded and how it runs."""
        return describe(
            self.spec, self.engine.info, max_length=self.max_length, activation=self.activation
        )

    def schedule(self, effort: Effort) -> Schedule:
        """Return after which layers how many go on; the config is read once for each effort.

        Raises:
            InputError: the model has no such exits, or long documents are read in windows: of a
                text's windows some would leave and others not.
        """
        if effort not in self._schedules:
            self._schedules[effort] = self._find_schedule(effort)
        return self._schedules[effort]

    def deadline_reader(self, schedule: Schedule) -> DeadlineReader:
        """Return a reader that ends in time, for blocks of at most what fits in memory."""
        rule = self.window_rule
        return DeadlineReader(
            streams=self.engine.policy.streams,
            max_length=self.max_length,
            most_texts=block_texts(self.engine, schedule, max_length=self.max_length, most=BLOCK),
            stride=rule.stride_in(self.max_length) if rule.in_windows else None,
            select_tokens=rule.select_tokens,
        )

    def find_known(self, schedule: Schedule) -> FindKnown | None:
        """Return what tells which texts the cache has; None where it is not asked."""
        return None if self._cache is None or schedule else self._cache.knows

    def read_all(
        self, query: str, texts: Sequence[str], clock: StageClock, schedule: Schedule = ()
    ) -> list[Scored]:
        """Read texts block by block."""
        size = block_texts(self.engine, schedule, max_length=self.max_length, most=BLOCK)
        blocks = []
        for start in range(0, len(texts), size):
            block = texts[start : start + size]
            blocks.append(self.read([query] * len(block), block, start, clock, schedule))
        return blocks

    def read(
        self,
        queries: Sequence[str],
        texts: Sequence[str],
        start: int,
        clock: StageClock,
        schedule: Schedule = (),
    ) -> Scored:
        """Score one block, whose first text is number `start`, and finish it.

        What a schedule gives depends on the other candidates and is not kept in the cache.
        """
        if self._cache is None or schedule:
            return self.read_anew(queries, texts, start, clock, schedule)
        readings = self._cache.read(queries, texts, clock, self._readings)
        return self._finished(readings, read_whole(len(texts)), start, clock)

    def read_anew(
        self,
        queries: Sequence[str],
        texts: Sequence[str],
        start: int,
        clock: StageClock,
        schedule: Schedule = (),
    ) -> Scored:
        """Score one block as `read` does, whatever the cache knows."""
        merged = self._merged(queries, texts, clock, schedule)
        return self._finished(readings_of(merged), merged.left, start, clock)

    def _readings(
        self, queries: Sequence[str], texts: Sequence[str], clock: StageClock
    ) -> Readings:
        return readings_of(self._merged(queries, texts, clock, ()))

    def _merged(
        self, queries: Sequence[str], texts: Sequence[str], clock: StageClock, schedule: Schedule
    ) -> Merged:
        """Prepare and score texts: one logit for each, in order."""
        parts = []
        for prepared in self.preparer.prepare(queries, texts, clock):
            with clock.time("infer_ms"):
                logits, left = run(
                    self.engine, prepared.batches, schedule, prepared.windows["text"]
                )
            parts.append((logits, left, prepared.windows))
        with clock.time("rank_ms"):
            return merge(parts, self.window_rule.best_windows)

    def _finished(self, readings: Readings, left: Left, start: int, clock: StageClock) -> Scored:
        with clock.time("rank_ms"):
            scores = to_scores(readings["logit"], self.activation, start)
            return Scored(readings["logit"], scores, readings["window"], left)

    def _find_schedule(self, effort: Effort) -> Schedule:
        schedule = find_schedule(effort, self.spec, self.engine)
        if schedule and self.window_rule.in_windows:
            raise InputError(
                f"effort is {effort!r} and long_documents {self.window_rule.long_documents!r}: "
                "exits choose among texts that are one window each; use effort='full', or "
                "long_documents='truncate'"
            )
        return schedule

    def _open_cache(self, options: Options) -> ScoreCache:
        assert options.cache is not None
        rules = scoring_rules(
            self.spec,
            self.engine.info,
            max_length=self.max_length,
            long_documents=self.window_rule.long_documents,
            stride=self.window_rule.stride,
            choice=self.window_rule.choice,
        )
        return open_cache(options.cache, options.cache_bytes, rules)
