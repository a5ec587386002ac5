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
from secondpass.engine.rules import scoring_rules
from secondpass.models.activation import Activation, configured_activation
from secondpass.models.embedded import CROSS_ENCODER
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.options import Options, checked_max_length
from secondpass.score_cache.cache import ScoreCache, open_cache
from secondpass.scoring.batches import restore_order
from secondpass.scoring.candidates import (
    candidate_text,
    checked_pairs,
    checked_query,
    checked_text,
    checked_texts,
    with_scores,
)
from secondpass.scoring.clock import StageClock
from secondpass.scoring.encode import TextEncoder, load_tokenizer
from secondpass.scoring.first_scores import FirstScores, candidate_scores, given_scores
from secondpass.scoring.fusion_rule import Fuse
from secondpass.scoring.pairs import read_pair_layout
from secondpass.scoring.prepare import Preparer
from secondpass.scoring.ranking import to_scores
from secondpass.scoring.readings import Readings, readings_of
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
        self._cache: ScoreCache | None = None
        if options.cache is not None:
            rules = scoring_rules(self._spec, self._engine.info, max_length=self._max_length)
            self._cache = open_cache(options.cache, options.cache_bytes, rules)

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
        return with_scores(given, self._rank(query, texts, selection, first_scores))

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
        return self._rank(
            query, checked, selection, given_scores(first_scores, len(checked), selection.fusion)
        )

    def predict(self, pairs: Iterable[tuple[str, str]]) -> Scores:
        """Return one score for each (query, text) pair: float32 [n], in input order.

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
    ) -> Ranking:
        """The main loop: score block by block, then put all in order."""
        clock = StageClock()
        query = checked_query(query)
        blocks = []
        for start in range(0, len(texts), BLOCK):
            block = texts[start : start + BLOCK]
            blocks.append(self._score([query] * len(block), block, start, clock))
        with clock.time("rank_ms"):
            hits, clock.dropped = selection.select(texts, Scored.joined(blocks), first_scores)
        return Ranking(hits, clock.timings())

    def _score(
        self, queries: Sequence[str], texts: Sequence[str], start: int, clock: StageClock
    ) -> Scored:
        """Read one block, whose first text is number `start`, and finish it."""
        if self._cache is None:
            readings = self._read(queries, texts, clock)
        else:
            readings = self._cache.read(queries, texts, clock, self._read)
        with clock.time("rank_ms"):
            scores = to_scores(readings["logit"], self._activation, start)
            return Scored(readings["logit"], scores, readings["truncated"])

    def _read(self, queries: Sequence[str], texts: Sequence[str], clock: StageClock) -> Readings:
        """Prepare and score texts: one row for each, in order."""
        prepared = self._preparer.prepare(queries, texts, clock)
        with clock.time("infer_ms"):
            rows = self._engine.run(prepared.batches)
        with clock.time("rank_ms"):
            logits = restore_order(prepared.batches, rows)[:, 0]
            return readings_of(logits, prepared.truncated)
