"""CrossEncoderReranker: reads each candidate together with the query and puts them in order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.deadline.budget import Budget, checked_budget_ms
from secondpass.deadline.reader import DeadlineReader
from secondpass.engine.contract import Precision
from secondpass.loaded_model import BLOCK, LoadedModel
from secondpass.models.activation import Activation
from secondpass.models.embedded import CROSS_ENCODER
from secondpass.models.folder import find_folder
from secondpass.options import Options, whole
from secondpass.scoring.candidates import (
    candidate_text,
    checked_pairs,
    checked_query,
    checked_text,
    checked_texts,
    with_scores,
)
from secondpass.scoring.cascade import read_again
from secondpass.scoring.cascade_rule import (
    checked_keep,
    checked_models,
    refuse_budget,
    require_full,
)
from secondpass.scoring.clock import StageClock
from secondpass.scoring.effort import Effort, Schedule, checked_effort
from secondpass.scoring.exits import settled
from secondpass.scoring.first_scores import FirstScores, candidate_scores, given_scores
from secondpass.scoring.fusion_rule import Fuse
from secondpass.scoring.merging import READ_WHOLE
from secondpass.scoring.selection import Scored, Selection
from secondpass.scoring.window_rule import LongDocuments, WindowRule
from secondpass.types import ModelInfo, Ranking

Scores = NDArray[np.float32]


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
        long_documents: what is read of a text that does not fit. "truncate" and "first" read what
            fits and drop the rest; "first" also says where it ends. "max" and "mean-top-k" read all
            of it in windows: the text's logit is that of the best window, or the mean of the three
            best. "select" reads, of a text of more than `select_tokens`, the sentences nearest to
            the query by their words. A text that fits scores the same by all five.
        stride: tokens from the start of one window to the next, by default half a window. A text of
            n tokens costs 1 + (n - window) / stride windows.
        select_tokens: how many tokens of a text "select" reads, by default 256, and never more than
            fit beside the query.
        effort: "full" reads every text through all layers. "balanced" and "fast" let the hopeless
            leave at exits on the way, as the model's config.json says (docs/effort.md).
        cascade: two models in place of `model_name`, such as [small, large]: the first reads all,
            the second reads the best `keep` of them again. The other options apply to both; `info`
            and `predict` are the second's.
        keep: how many the second model of a cascade reads, by default 30.
        cache: keep scores and read no (query, text) twice: "memory", or a folder that processes of
            this machine share. A cache never gives a score made by another model or other rules.
            A folder that cannot be used is a warning (docs/caching.md).
        cache_bytes: the most the cache holds, by default 64 MiB; the longest unused goes first.

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
        long_documents: LongDocuments = "truncate",
        stride: int | None = None,
        select_tokens: int | None = None,
        effort: Effort = "full",
        cascade: Sequence[str | os.PathLike[str]] | None = None,
        keep: int | None = None,
        cache: str | os.PathLike[str] | None = None,
        cache_bytes: int | None = None,
    ) -> None:
        options = Options.checked(
            precision=precision,
            device=device,
            threads=threads,
            activation=activation,
            max_batch_tokens=max_batch_tokens,
            cache_dir=cache_dir,
            cache=cache,
            cache_bytes=cache_bytes,
        )
        window_rule = WindowRule.checked(long_documents, stride, select_tokens)
        self._effort = checked_effort(effort)
        if cascade is not None:
            require_full(self._effort)
        self._keep = whole("keep", checked_keep(keep, cascade))
        *first, self._model = (
            LoadedModel(
                find_folder(name, revision=revision, local_files_only=local_files_only),
                max_length,
                options,
                window_rule,
            )
            for name in checked_models(model_name, cascade)
        )
        self._first = first[0] if first else None
        # What each schedule of exits costs is learnt apart.
        self._readers: dict[Schedule, DeadlineReader] = {}
        self._schedule(None)

    @property
    def info(self) -> ModelInfo:
        """What is loaded and how it runs."""
        return self._model.info

    def calibrate(self) -> None:
        """Measure this machine for calls with a budget, at the reranker's own effort.

        It takes under half a second with the embedded model. Otherwise the first call with a budget
        does it, before its budget starts; a server does it when it starts.

        Raises:
            InputError: the reranker is a cascade, which takes no budget.
        """
        if self._first is not None:
            refuse_budget()
        schedule = self._schedule(None)
        self._reader(schedule).calibrate(partial(self._model.read_anew, schedule=schedule))

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
        budget_ms: float | None = None,
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
            budget_ms: the wall milliseconds that the call may take. Candidates are read in their
                order until another would be late. The unread follow those that were read, in their
                order, with `cross_encoder_score` None; every result then tells whether it was
                `reranked`. `min_score` drops no unread candidate, and a fusion is among the read.
                The first call with a budget measures the machine before (see `calibrate`).
            effort: for this call in place of the reranker's own. A candidate that left early stands
                below those that went further, and its score is one that agrees with that;
                `min_score` and `fuse` take it as it is.

        Raises:
            InputError: the query is empty, an option is not usable, or a candidate has no text, one
                that is no string, or for "weighted" no finite first-stage score; the message names
                its position. Nothing is scored then.
        """
        schedule = self._schedule(effort)
        budget = self._budget(budget_ms, schedule)
        selection = Selection.checked(
            top_k=top_k, min_score=min_score, fuse=fuse, fuse_weight=fuse_weight
        )
        given = checked_texts(candidates, "candidates")
        texts = [candidate_text(candidate, at) for at, candidate in enumerate(given)]
        first_scores = candidate_scores(given, first_stage_score, selection.fusion)
        ranking = self._rank(query, texts, selection, first_scores, budget, schedule)
        return with_scores(given, ranking, marked=budget is not None)

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
        budget_ms: float | None = None,
        effort: Effort | None = None,
    ) -> Ranking:
        """Return the `top_k` best texts as typed hits, best first, with the timings of each stage.

        The options are those of `rerank`; `first_scores` are the first stage's scores of the texts,
        for fuse="weighted". `timings.dropped` counts the texts below `min_score`,
        `timings.reranked` those that were read within `budget_ms`.

        Raises:
            InputError: as for `rerank`, or `first_scores` are not one for each text.
        """
        schedule = self._schedule(effort)
        budget = self._budget(budget_ms, schedule)
        selection = Selection.checked(
            top_k=top_k, min_score=min_score, fuse=fuse, fuse_weight=fuse_weight
        )
        given = checked_texts(texts)
        checked = [checked_text(text, f"text {at}") for at, text in enumerate(given)]
        numbers = given_scores(first_scores, len(checked), selection.fusion)
        return self._rank(query, checked, selection, numbers, budget, schedule)

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
            scores[start : start + BLOCK] = self._model.read(queries, texts, start, clock).scores
        return scores

    def _rank(
        self,
        query: str,
        texts: Sequence[str],
        selection: Selection,
        first_scores: FirstScores | None,
        budget: Budget | None,
        schedule: Schedule,
    ) -> Ranking:
        """The main loop: score block by block, then put all in order."""
        clock = StageClock()
        query = checked_query(query)
        if budget is None:
            scored = self._read(query, texts, clock, schedule)
        else:
            scored = self._read_within(budget, query, texts, clock, schedule, selection.top_k)
        with clock.time("rank_ms"):
            clock.exited = int(np.count_nonzero(scored.left != READ_WHOLE))
            scored = settled(scored, self._model.activation)
            hits, clock.dropped = selection.select(texts, scored, first_scores)
        return Ranking(hits, clock.timings())

    def _read(
        self, query: str, texts: Sequence[str], clock: StageClock, schedule: Schedule
    ) -> Scored:
        """Score all texts, by both models of a cascade."""
        if self._first is None:
            return Scored.joined(self._model.read_all(query, texts, clock, schedule))
        scored = read_again(
            Scored.joined(self._first.read_all(query, texts, clock)),
            self._keep,
            lambda best: Scored.joined(
                self._model.read_all(query, [texts[at] for at in best], clock)
            ),
        )
        # A text that two models read is still one candidate.
        dropped = scored.windows["dropped_tokens"]
        clock.candidates, clock.cached = len(texts), min(clock.cached, len(texts))
        clock.truncated, clock.dropped_tokens = int(np.count_nonzero(dropped)), int(dropped.sum())
        return scored

    def _read_within(
        self,
        budget: Budget,
        query: str,
        texts: Sequence[str],
        clock: StageClock,
        schedule: Schedule,
        top_k: int | None,
    ) -> Scored:
        """Score the first texts, as many as there is time for."""
        read = partial(self._model.read, schedule=schedule)
        blocks = self._reader(schedule).read(
            budget,
            query,
            texts,
            read,
            clock,
            hits=top_k or len(texts),
            find_known=self._model.find_known(schedule),
        )
        clock.unread = len(texts) - clock.candidates
        return Scored.joined(blocks)

    def _reader(self, schedule: Schedule) -> DeadlineReader:
        """Return what knows the cost of this schedule."""
        if schedule not in self._readers:
            # Two threads may both make one; the first that is kept serves both.
            self._readers.setdefault(schedule, self._model.deadline_reader(schedule))
        return self._readers[schedule]

    def _budget(self, budget_ms: float | None, schedule: Schedule) -> Budget | None:
        """Return a budget that runs from now on, the machine measured; None for no limit."""
        checked = checked_budget_ms(budget_ms)
        if checked is None:
            return None
        if self._first is not None:
            refuse_budget()
        read = partial(self._model.read_anew, schedule=schedule)
        return self._reader(schedule).start(checked, read)

    def _schedule(self, effort: Effort | None) -> Schedule:
        """Return the exits of an effort, by default the reranker's own."""
        asked = self._effort if effort is None else checked_effort(effort)
        if self._first is not None:
            require_full(asked)
        return self._model.schedule(asked)
