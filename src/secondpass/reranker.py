"""CrossEncoderReranker: reads each candidate together with the query and puts them in order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import Precision
from secondpass.engine.describe import describe
from secondpass.engine.load import load_engine
from secondpass.engine.schedules import block_texts, find_schedule, run
from secondpass.errors import InputError
from secondpass.models.activation import Activation, configured_activation
from secondpass.models.embedded import CROSS_ENCODER
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.options import Options, checked_max_length, whole
from secondpass.scoring.candidates import (
    candidate_text,
    checked_pairs,
    checked_query,
    checked_text,
    checked_texts,
    with_scores,
)
from secondpass.scoring.cascade import DEFAULT_KEEP, checked_cascade, read_again
from secondpass.scoring.clock import StageClock
from secondpass.scoring.effort import Effort, Schedule, checked_effort
from secondpass.scoring.encode import TextEncoder, load_tokenizer
from secondpass.scoring.exits import settled
from secondpass.scoring.first_scores import FirstScores, candidate_scores, given_scores
from secondpass.scoring.fusion_rule import Fuse
from secondpass.scoring.pairs import read_pair_layout
from secondpass.scoring.prepare import Preparer
from secondpass.scoring.ranking import to_scores
from secondpass.scoring.selection import Scored, Selection
from secondpass.types import ModelInfo, Ranking

Scores = NDArray[np.float32]

# This many texts are in memory as token ids at a time, however many there are.
BLOCK = 1024


class CrossEncoderReranker:
    """A cross-encoder, loaded once and safe to use from many threads.

    Args:
        model_name: a Hugging Face name, a local folder, or nothing for the embedded model.
        max_length: the most tokens of query, text and special tokens together. A longer text is
            cut and reported as truncated; a query is never cut.
        precision: "auto" (what the processor computes best; the embedded model's int8), "fp32", or
            "int8" (calibrated at the first load, needs the `int8` extra).
        device: "cpu", or another device OpenVINO finds, such as "gpu".
        threads: compute threads; by default the processors this process may use.
        revision: branch, tag or commit of a hub model.
        local_files_only: never ask the hub, use what is cached.
        activation: "sigmoid", "identity", ... in place of the model's own.
        max_batch_tokens: padded tokens in one batch; more takes more memory.
        cache_dir: where built graphs are kept, by default the user's cache folder.
        effort: "full" reads every text through all layers. "balanced" and "fast" let the hopeless
            leave at exits on the way, as the model's config.json says (docs/effort.md).
        cascade: two models in place of `model_name`, such as [small, large]: the first reads all,
            the second reads the best `keep` of them again. The other options apply to both; `info`
            and `predict` are the second's.
        keep: how many the second model of a cascade reads, by default 30.

    Raises:
        InputError: an option is not usable; the message says what is.
        ModelError: the model is not there, not whole, or cannot rank.
        MissingExtraError: it needs the `torch` or `int8` extra.
    """

    def __init__(
        self,
        model_name: str | os.PathLike[str] = CROSS_ENCODER,
        max_length: int = 512,
        *,
        precision: Precision = "auto",
        device: str = "cpu",
        threads: int | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        activation: Activation | None = None,
        max_batch_tokens: int = 2048,
        cache_dir: str | os.PathLike[str] | None = None,
        effort: Effort = "full",
        cascade: Sequence[str | os.PathLike[str]] | None = None,
        keep: int | None = None,
    ) -> None:
        self._first: CrossEncoderReranker | None = None
        self._keep = DEFAULT_KEEP if keep is None else whole("keep", keep)
        models = checked_cascade(cascade, keep)
        if models is not None:
            if model_name != CROSS_ENCODER:
                raise InputError(
                    f"model_name is {model_name!r} and cascade {cascade!r}: give one of them"
                )
            small, model_name = models
            self._first = CrossEncoderReranker(
                small,
                max_length,
                precision=precision,
                device=device,
                threads=threads,
                revision=revision,
                local_files_only=local_files_only,
                activation=activation,
                max_batch_tokens=max_batch_tokens,
                cache_dir=cache_dir,
            )
        options = Options.checked(
            precision=precision,
            device=device,
            threads=threads,
            activation=activation,
            max_batch_tokens=max_batch_tokens,
            cache_dir=cache_dir,
        )
        self._spec = read_cross_encoder_spec(
            find_folder(model_name, revision=revision, local_files_only=local_files_only)
        )
        tokenizer = load_tokenizer(self._spec.tokenizer_file)
        layout = read_pair_layout(tokenizer)
        self._max_length = checked_max_length(max_length, self._spec, layout.special_tokens)
        self._activation = options.activation or configured_activation(
            self._spec.config, self._spec.modular, name=self._spec.name
        )
        self._engine = load_engine(
            self._spec,
            precision=options.precision,
            device=options.device,
            threads=options.threads,
            cache_dir=options.cache_dir,
        )
        self._preparer = Preparer(
            encoder=TextEncoder(tokenizer, options.threads),
            layout=layout,
            max_length=self._max_length,
            max_batch_tokens=options.max_batch_tokens,
            padding_id=self._spec.padding_id,
            streams=self._engine.streams,
        )
        self._effort = checked_effort(effort)
        self._schedule(None)

    @property
    def info(self) -> ModelInfo:
        """What is loaded and how it runs."""
        return describe(
            self._spec,
            self._engine.info,
            max_length=self._max_length,
            activation=self._activation,
        )

    def rerank(
        self,
        query: str,
        candidates: Iterable[Mapping[str, Any]],
        top_k: int | None = 10,
        *,
        min_score: float | None = None,
        fuse: Fuse = "none",
        fuse_weight: float | None = None,
        first_stage_score: str = "score",
        effort: Effort | None = None,
    ) -> list[dict[str, Any]]:
        """Return copies of the `top_k` best candidates with `cross_encoder_score`, best first.

        A candidate's text is its `text`, else its `content`; an empty string is a legal text. Every
        other field is kept; the caller's list and dicts are not changed. Equal scores keep the
        candidates' order. `top_k` larger than the list, or None, gives all.

        Args:
            query: what to rank by.
            candidates: dicts, in the order the first stage gave them.
            top_k: how many to return.
            min_score: candidates whose `cross_encoder_score` is below it are dropped, before
                `top_k` counts; `rank` says how many.
            fuse: "none" ranks by the cross-encoder alone. "rrf" and "weighted" rank by the first
                stage as well and add `fused_score`; `cross_encoder_score` stays the model's own.
                "rrf" adds the reciprocal ranks of both orders (k = 60, Cormack et al. 2009).
                "weighted" is z(logit) + fuse_weight * z(first-stage score), with z-scores over
                these candidates (Bruch et al. 2022), and of the logit, for an activation such as
                the sigmoid squashes the differences among the best.
            fuse_weight: what the first stage counts in "weighted", by default `DEFAULT_WEIGHT` of
                scoring/fusion_rule.py; 0 gives the order of "none".
            first_stage_score: the field that holds the first stage's score, higher is better; read
                only for "weighted".
            effort: for this call in place of the reranker's own. A candidate that left early stands
                below those that went further, and its score is one that agrees with that;
                `min_score` and `fuse` take it as it is.

        Raises:
            InputError: the query is empty, an option is not usable, or a candidate has no text, one
                that is no string, or for "weighted" no finite first-stage score; the message names
                its position. Nothing is scored then.
        """
        selection = Selection.checked(
            top_k=top_k, min_score=min_score, fuse=fuse, fuse_weight=fuse_weight
        )
        given = checked_texts(candidates, "candidates")
        texts = [candidate_text(candidate, at) for at, candidate in enumerate(given)]
        first_scores = candidate_scores(given, first_stage_score, selection.fusion)
        ranking = self._rank(query, texts, selection, first_scores, self._schedule(effort))
        return with_scores(given, ranking)

    def rank(
        self,
        query: str,
        texts: Iterable[str],
        top_k: int | None = 10,
        *,
        min_score: float | None = None,
        fuse: Fuse = "none",
        fuse_weight: float | None = None,
        first_scores: Iterable[float] | None = None,
        effort: Effort | None = None,
    ) -> Ranking:
        """Return the `top_k` best texts as typed hits, best first, with the timings of each stage.

        The options are those of `rerank`; `first_scores` are the first stage's scores of the texts,
        for fuse="weighted". `timings.dropped` counts the texts below `min_score`.

        Raises:
            InputError: as for `rerank`, or `first_scores` are not one for each text.
        """
        selection = Selection.checked(
            top_k=top_k, min_score=min_score, fuse=fuse, fuse_weight=fuse_weight
        )
        given = checked_texts(texts)
        checked = [checked_text(text, f"text {at}") for at, text in enumerate(given)]
        checked_scores = given_scores(first_scores, len(checked), selection.fusion)
        return self._rank(query, checked, selection, checked_scores, self._schedule(effort))

    def predict(self, pairs: Iterable[tuple[str, str]]) -> Scores:
        """Return one score for each (query, text) pair: float32 [n], in input order.

        Every text is read whole, whatever the effort, and by the second model of a cascade.

        Raises:
            InputError: an item is not a pair of strings, or a query is empty.
        """
        clock = StageClock()
        given = checked_pairs(pairs)
        scores = np.empty(len(given), np.float32)
        for start in range(0, len(given), BLOCK):
            queries, texts = zip(*given[start : start + BLOCK], strict=True)
            scores[start : start + BLOCK] = self._score(queries, texts, start, clock).scores
        return scores

    def _rank(
        self,
        query: str,
        texts: Sequence[str],
        selection: Selection,
        first_scores: FirstScores | None,
        schedule: Schedule,
    ) -> Ranking:
        """The main loop: score all, then put them in order."""
        clock = StageClock()
        query = checked_query(query)
        scored = self._read(query, texts, schedule, clock)
        with clock.time("rank_ms"):
            scored = settled(scored, self._activation)
            hits, clock.dropped = selection.select(texts, scored, first_scores)
        return Ranking(hits, clock.timings())

    def _read(
        self, query: str, texts: Sequence[str], schedule: Schedule, clock: StageClock
    ) -> Scored:
        """Score all texts, by both models of a cascade."""
        if self._first is None:
            scored = self._read_blocks(query, texts, schedule, clock)
        else:
            scored = read_again(
                self._first._read_blocks(query, texts, schedule, clock),
                self._keep,
                lambda best: self._read_blocks(query, [texts[at] for at in best], schedule, clock),
            )
            # A text that two models read is still one candidate.
            clock.candidates, clock.truncated = len(texts), int(scored.truncated.sum())
        clock.exited = int(np.count_nonzero(scored.left))
        return scored

    def _read_blocks(
        self, query: str, texts: Sequence[str], schedule: Schedule, clock: StageClock
    ) -> Scored:
        """Score block by block by this model."""
        blocks = []
        size = block_texts(self._engine, schedule, max_length=self._max_length, most=BLOCK)
        for start in range(0, len(texts), size):
            block = texts[start : start + size]
            blocks.append(self._score([query] * len(block), block, start, clock, schedule))
        return Scored.joined(blocks)

    def _score(
        self,
        queries: Sequence[str],
        texts: Sequence[str],
        start: int,
        clock: StageClock,
        schedule: Schedule = (),
    ) -> Scored:
        """Prepare, score and finish one block, whose first text is number `start`."""
        prepared = self._preparer.prepare(queries, texts, clock)
        with clock.time("infer_ms"):
            logits, left = run(self._engine, prepared.batches, schedule)
        with clock.time("rank_ms"):
            scores = to_scores(logits, self._activation, start)
            return Scored(logits, scores, np.array(prepared.truncated, np.bool_), left)

    def _schedule(self, effort: Effort | None) -> Schedule:
        """Return the exits of an effort, by default the reranker's own."""
        asked = self._effort if effort is None else checked_effort(effort)
        if asked != "full" and self._first is not None:
            raise InputError(
                f"effort is {asked!r}, but a cascade reads whole: leave cascade or effort out"
            )
        return find_schedule(asked, self._spec, self._engine)
