"""One model, loaded: reads texts beside a query and gives each its numbers, in input order."""

from __future__ import annotations

from collections.abc import Sequence

from secondpass.engine.describe import describe
from secondpass.engine.load import load_engine
from secondpass.engine.schedules import block_texts, find_schedule, run
from secondpass.models.activation import configured_activation
from secondpass.models.folder import ModelFolder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.options import Options, checked_max_length
from secondpass.scoring.clock import StageClock
from secondpass.scoring.effort import Effort, Schedule
from secondpass.scoring.encode import TextEncoder, load_tokenizer
from secondpass.scoring.merging import merge
from secondpass.scoring.pairs import read_pair_layout
from secondpass.scoring.prepare import Preparer
from secondpass.scoring.prepare_windows import with_windows
from secondpass.scoring.ranking import to_scores
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
            max_batch_tokens=options.max_batch_tokens,
            padding_id=self.spec.padding_id,
            streams=self.engine.streams,
        )
        self.preparer = with_windows(preparer, self.window_rule)

    @property
    def info(self) -> ModelInfo:
        """What is loaded and how it runs."""
        return describe(
            self.spec, self.engine.info, max_length=self.max_length, activation=self.activation
        )

    def schedule(self, effort: Effort) -> Schedule:
        """Return after which layers how many go on; an error where the model has no such exits."""
        return find_schedule(effort, self.spec, self.engine)

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
        """Prepare, score and finish one block, whose first text is number `start`."""
        parts = []
        for prepared in self.preparer.prepare(queries, texts, clock):
            with clock.time("infer_ms"):
                logits, left = run(
                    self.engine, prepared.batches, schedule, prepared.windows["text"]
                )
            parts.append((logits, left, prepared.windows))
        with clock.time("rank_ms"):
            logits, left, windows = merge(parts, self.window_rule.best_windows)
            return Scored(logits, to_scores(logits, self.activation, start), windows, left)
