"""CrossEncoderReranker: scores each candidate together with the query, and ranks them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from types import TracebackType
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from secondpass.cascade import CascadeScorer
from secondpass.checks import kind_of, shortened
from secondpass.cost.text_cost import TextCost
from secondpass.deadline.budget import Budget
from secondpass.deadline.cached_texts import FindKnown
from secondpass.deadline.scorer import DeadlineScorer
from secondpass.deadline.speed import Speed
from secondpass.deadline.timeout import ThreadTimeoutRunner
from secondpass.errors import InputError
from secondpass.loaded_model import LoadedModel
from secondpass.models.folder import find_folder, located
from secondpass.models.spec import require_one_label
from secondpass.native import RefusedInForks, rebuilt
from secondpass.options.call import LongQuery, OnError, RankOptions
from secondpass.options.effort import Effort
from secondpass.options.fusion import Fuse
from secondpass.options.long_documents import LongDocuments
from secondpass.options.model import (
    CACHE_BYTES,
    CROSS_ENCODER,
    DEFAULT_MAX_LENGTH,
    Activation,
    Precision,
    RerankerOptions,
)
from secondpass.score_cache.scorer import CachedScorer, open_store
from secondpass.scorer import AnyScorer, Request, score_requests, score_texts
from secondpass.scoring.calibration_map import CalibrationMap
from secondpass.scoring.candidates import (
    checked_list,
    checked_pairs,
    checked_query,
    checked_texts,
    is_pair,
    with_scores,
    without_scores,
)
from secondpass.scoring.first_stage_scores import FirstStageScores
from secondpass.scoring.passage import bring_states
from secondpass.scoring.result import Result
from secondpass.scoring.scored import Scored
from secondpass.scoring.scores import to_label_scores, to_scores
from secondpass.scoring.selection import select
from secondpass.scoring.stats import ms_since
from secondpass.scoring.usable import Usable, usable_candidates, usable_texts
from secondpass.states.codec import Columns, StatePrecision, checked_precision
from secondpass.types import ModelInfo, Ranking, Scores


class CrossEncoderReranker(RefusedInForks):
    """A cross-encoder, loaded once and safe to use from many threads.

    Args:
        model_name: a Hugging Face name, a local folder, or nothing for the embedded model.
        max_length: the most tokens of query, text and special tokens together. A longer text is
            cut and reported as truncated; a query is not, unless a call asks for it. The default is
            less where the model reads less; None is what the model was saved to read;
            `info.max_length` says which.
        precision: "auto" (what the processor computes best; the embedded model's int8), "fp32", or
            "int8" (calibrated at the first load, needs the `int8` extra).
        device: "cpu", or another device OpenVINO finds, such as "gpu".
        threads: compute threads; by default the processors this process may use.
        revision: branch, tag or commit of a hub model.
        local_files_only: never ask the hub, use what is cached.
        activation: "sigmoid", "identity", ... in place of the model's own.
        instruction: what a text is judged by, in place of the model's own: the content of the
            system's message where its texts go through a chat template, else what stands before
            every query. An empty one is none.
        max_batch_tokens: padded tokens in one batch, by default 2,048, on CUDA 32,768; more takes
            more memory.
        cache_dir: where built graphs are kept, by default the user's cache folder.
        long_documents: what is scored of a text that does not fit. "truncate" and "first" score
            what fits and drop the rest; "first" also says where it ends. "max" and "mean-top-k"
            score all of it in windows: the text's logit is that of the best window, or the mean of
            the three best. "select" scores, of a text of more than `select_tokens`, the sentences
            nearest to the query by their words. A text that fits scores the same by all five.
        stride: tokens from the start of one window to the next, by default half a window. A text of
            n tokens costs 1 + (n - window) / stride windows.
        select_tokens: how many tokens of a text "select" scores, by default 256, and never more
            than fit beside the query.
        effort: "full" scores every text by all layers. "balanced" and "fast" drop clearly
            irrelevant texts after a few layers, as the model's config.json says
            (docs/guide/early-exit.md). "instant" compares query and text by late interaction alone,
            below the join of a late-joined model (docs/guide/states.md).
        cascade: two models in place of `model_name`, such as [small, large]: the first scores
            all, the second scores the best `keep` of them again. The other options apply to both;
            `info` and `predict` are the second's.
        keep: how many the second model of a cascade scores, by default 30.
        cache: keep scores and score no (query, text) twice: "memory", or a folder that processes of
            this machine share. A cache never gives a score made by another model or other rules.
            A folder that cannot be used is a warning (docs/guide/caching.md).
        cache_bytes: the most the cache holds, by default 64 MiB; the longest unused goes first.
        calibration: a file that `secondpass calibrate` wrote for this model, or the folder that
            holds it as calibration.json: scores are probabilities of relevance
            (docs/guide/calibrate.md).

    Raises:
        InputError: an option is not usable; the message says what is.
        ModelError: the model is not there, not whole, or cannot rank.
        MissingExtraError: it needs the `torch` or `int8` extra.
    """

    def __init__(
        self,
        model_name: str | os.PathLike[str] = CROSS_ENCODER,
        max_length: int | None = DEFAULT_MAX_LENGTH,
        *,
        precision: Precision = "auto",
        device: str = "cpu",
        threads: int | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        activation: Activation | None = None,
        instruction: str | None = None,
        max_batch_tokens: int | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        long_documents: LongDocuments = "truncate",
        stride: int | None = None,
        select_tokens: int | None = None,
        effort: Effort = "full",
        cascade: Sequence[str | os.PathLike[str]] | None = None,
        keep: int | None = None,
        cache: str | os.PathLike[str] | None = None,
        cache_bytes: int | None = None,
        calibration: str | os.PathLike[str] | None = None,
    ) -> None:
        self.options = RerankerOptions.from_dict(
            {
                "model_name": model_name,
                "max_length": max_length,
                "precision": precision,
                "device": device,
                "threads": threads,
                "revision": revision,
                "local_files_only": local_files_only,
                "activation": activation,
                "instruction": instruction,
                "max_batch_tokens": max_batch_tokens,
                "cache_dir": cache_dir,
                "long_documents": long_documents,
                "stride": stride,
                "select_tokens": select_tokens,
                "effort": effort,
                "cascade": cascade,
                "keep": keep,
                "cache": cache,
                "cache_bytes": cache_bytes,
                "calibration": calibration,
            }
        )
        options = self.options
        folders = [
            find_folder(name, revision=options.revision, local_files_only=options.local_files_only)
            for name in options.models
        ]
        self._located = located(options, folders)
        models = [LoadedModel(folder, options) for folder in folders]
        first, *second = (_with_cache(model, options) for model in models)
        self.model = models[-1]
        self._last = second[0] if second else first
        self._find_known = first.knows if isinstance(first, CachedScorer) else None
        self._scorer: AnyScorer = (
            CascadeScorer(first, self._last, options.kept) if second else first
        )
        # What each effort costs is learnt apart, with states and without.
        self._speeds: dict[tuple[Effort, bool], Speed] = {}
        self._models = models
        self._runner = ThreadTimeoutRunner(2 * self.model.engine.policy.streams)
        self._scorer.most_texts(self.options.effort)

    @classmethod
    def from_options(cls, options: RerankerOptions) -> CrossEncoderReranker:
        """Load the reranker that these options describe."""
        return cls(**options.to_dict())

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> CrossEncoderReranker:
        """Load the reranker of a dict, such as `to_dict` gives."""
        return cls.from_options(RerankerOptions.from_dict(given))

    def to_dict(self) -> dict[str, Any]:
        """Return the options as values that JSON has, from which `from_dict` loads an equal one."""
        return self.options.to_dict()

    def __repr__(self) -> str:
        return self.options.in_words(type(self).__name__)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy the options: another process loads the model itself."""
        known = dict.fromkeys(("options", "_located"), self._located)
        return rebuilt, (type(self).from_options, (self._located,), type(self), known)

    @property
    def info(self) -> ModelInfo:
        """What is loaded and how it runs."""
        return self.model.info

    @property
    def scorer(self) -> AnyScorer:
        """What scores: the model, with its cache if it has one, or two models as one.

        Raises:
            UnsupportedModelError: the model has several labels.
        """
        self._require_one_label()
        return self._scorer

    @property
    def models(self) -> tuple[LoadedModel, ...]:
        """The models in memory: one, or the two of a cascade."""
        return tuple(self._models)

    @property
    def find_known(self) -> FindKnown | None:
        """What tells which texts the score cache knows; None without a cache."""
        return self._find_known

    def cut_query(self, query: str) -> tuple[str, int]:
        """Return a query as long_query="truncate" cuts it, and how many tokens it lost.

        Raises:
            InputError: the query is empty or not a string.
        """
        query, dropped = checked_query(query), 0
        for model in self._models:
            query, left = model.cut_query(query)
            dropped += left
        return query, dropped

    def text_cost(self) -> TextCost:
        """Return what scoring a text takes on this machine by all layers, measured at first.

        Of a cascade it is what both models take: too much for texts beyond the best `keep`.
        """
        if self.options.cascade is None:
            return self._speed("full").calibrate()
        both = CascadeScorer(self._models[0], self._models[-1], self.options.kept)
        return Speed(self.model.pricing(), partial(score_texts, both)).calibrate()

    @property
    def states_identity(self) -> str:
        """A digest of all that decides a text's states: every weight and setting at or below the
        join, and the tokenizer.

        Raises:
            InputError: the model is not late-joined.
        """
        return self.model.states_identity

    @property
    def states_width(self) -> int:
        """How many numbers a token's state has; raises as `states_identity`."""
        return self.model.states_width

    def encode_texts(
        self, texts: Sequence[str], precision: StatePrecision = "int8"
    ) -> list[Columns | None]:
        """Return each text's states as a store keeps them (docs/guide/states.md).

        None stands for a text that has more tokens than fit beside a query of one token.

        Args:
            texts: the texts, read whole.
            precision: "int8" takes half the room of "float16", which rounds less, and "compact" a
                quarter of that of "int8"; it needs directions in the model's folder.

        Raises:
            InputError: the model is not late-joined, has no directions for "compact", or a text is
                not a string.
        """
        return self.model.encode_texts(checked_list(texts), checked_precision(precision))

    def passages(self, texts: Iterable[str], precision: StatePrecision = "int8") -> list[str]:
        """Return the texts as strings that bring their token ids and states.

        They rank as the texts do, without being read again. A text that is too long is returned as
        it is; the others are each a `Passage`.

        Raises:
            InputError: as `encode_texts`.
        """
        return self.model.passages(checked_list(texts), checked_precision(precision))

    def calibrate(self) -> None:
        """Measure this machine for calls with a budget, at the reranker's own effort.

        It takes under half a second with the embedded model. Otherwise the first call with a budget
        does it, before its budget starts; a server does it when it starts.

        Raises:
            InputError: the reranker is a cascade, which takes no budget.
        """
        self._require_one_label()
        self._speed(self.options.effort).calibrate()

    def close(self) -> None:
        """Free the engine, the cache and the threads; the reranker scores no more."""
        if "_scorer" not in vars(self):  # unpickled in a fork, and not loaded
            return
        self._runner.close()
        self._scorer.close()

    def __enter__(self) -> CrossEncoderReranker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

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
        on_error: OnError = "raise",
        long_query: LongQuery = "error",
        effort: Effort | None = None,
        activation: Activation | None = None,
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
            fuse_weight: what the first stage counts in "weighted", by default as
                docs/reference/options.md has it; 0 gives the order of "none".
            first_stage_score: the field that holds the first stage's score, higher is better; only
                "weighted" uses it.
            budget_ms: the wall milliseconds that the call may take. Candidates are scored in
                their order until another would be late. The others follow, in their
                order, with `cross_encoder_score` None; every result then tells whether it was
                `reranked`. `min_score` drops none without a score; a fusion is among the scored.
                The first call with a budget measures the machine before (see `calibrate`).
            on_error: "raise" ends the call at a candidate without a usable text or first-stage
                score, or for which the model gives no finite number. "skip" scores the others: it
                comes last, with `cross_encoder_score` None and its `error`, and every result tells
                whether it was `reranked`.
            long_query: "error" refuses a query that leaves no room for a text. "truncate" cuts
                every query to half of the tokens that it shares with a text; every result of a cut
                one has `query_truncated`.
            effort: for this call in place of the reranker's own. A candidate that exited early
                ranks below those that went further, and its score is adjusted to that order;
                `min_score` and `fuse` take it as it is.
            activation: for this call in place of the reranker's own; "identity" gives logits.

        Raises:
            InputError: the query is empty, an option is not usable, or a candidate has no text, one
                that is not a string, or for "weighted" no finite first-stage score; the message
                names its position. Nothing is scored then.
        """
        options = RankOptions(
            top_k=top_k,
            min_score=min_score,
            fuse=fuse,
            fuse_weight=fuse_weight,
            budget_ms=budget_ms,
            on_error=on_error,
            long_query=long_query,
            effort=effort,
            activation=activation,
        )
        call = self._call(options, candidates)
        given = checked_texts(candidates, "candidates")
        result = self._rank(call, query, _usable(given, options, first_stage_score))
        cut = result.timings.query_dropped_tokens > 0
        marked = options.may_leave_some
        return [
            *with_scores(given, result.chosen.hits, marked=marked, query_truncated=cut),
            *without_scores(given, result.chosen.unscored, query_truncated=cut),
            *with_scores(given, result.skipped, marked=marked, query_truncated=cut),
        ]

    def rank_candidates(
        self,
        query: str,
        candidates: Iterable[Mapping[str, Any]],
        options: RankOptions,
        first_stage_score: str = "score",
        text_field: str | None = None,
    ) -> Ranking:
        """Return the ranking that `rerank` makes dicts of; raises as `rerank`.

        `text_field` names the field of the text, by default `text`, else `content`.
        """
        kind_of("options", options, RankOptions, "RankOptions")
        kind_of("text_field", text_field, str | None, "the name of a field")
        call = self._call(options, candidates)
        given = checked_texts(candidates, "candidates")
        usable = _usable(given, options, first_stage_score, text_field)
        return self._rank(call, query, usable).ranking(call.started)

    def rank(
        self,
        query: str,
        texts: Iterable[str],
        top_k: int | None = 10,
        *,
        min_score: float | None = None,
        fuse: Fuse = "none",
        fuse_weight: float | None = None,
        first_stage_scores: Iterable[float] | None = None,
        budget_ms: float | None = None,
        on_error: OnError = "raise",
        long_query: LongQuery = "error",
        effort: Effort | None = None,
        activation: Activation | None = None,
    ) -> Ranking:
        """Return the `top_k` best texts as typed hits, best first, with the timings of each stage.

        The options are those of `rerank`; `first_stage_scores` are the first stage's scores of the
        texts, for fuse="weighted". `timings.dropped` counts the texts below `min_score`,
        `timings.reranked` those that were scored within `budget_ms`.

        Raises:
            InputError: as for `rerank`, or `first_stage_scores` are not one for each text.
        """
        options = RankOptions(
            top_k=top_k,
            min_score=min_score,
            fuse=fuse,
            fuse_weight=fuse_weight,
            budget_ms=budget_ms,
            on_error=on_error,
            long_query=long_query,
            effort=effort,
            activation=activation,
        )
        call = self._call(options, texts)
        given, skip = checked_texts(texts), options.on_error == "skip"
        usable = usable_texts(given, first_stage_scores, options.fusion(), skip=skip)
        return self._rank(call, query, usable).ranking(call.started)

    def rank_many(
        self,
        queries: Iterable[str],
        texts: Iterable[Iterable[str]],
        top_k: int | None = 10,
        *,
        min_score: float | None = None,
        effort: Effort | None = None,
        activation: Activation | None = None,
    ) -> list[Ranking]:
        """Return for each query the ranking of its own list of texts.

        Each is what `rank` gives, but lists share the engine's batches, so that many short ones
        are scored faster. Each ranking's stages are its share of the time; the total is that of
        the whole call.

        Raises:
            InputError: as for `rank`, or there is not one list for each query.
        """
        started = perf_counter()
        options = RankOptions(
            top_k=top_k, min_score=min_score, effort=effort, activation=activation
        )
        lists = [checked_list(one) for one in checked_texts(texts)]
        given = [checked_query(query) for query in checked_texts(queries, "queries")]
        if len(given) != len(lists):
            raise InputError(
                f"there are {len(given)} queries and {len(lists)} lists of texts: give one list "
                "for each query"
            )
        requests = [Request(*both) for both in zip(given, lists, strict=True)]
        call = self._call(options, ())
        rankings = []
        for table, (_, checked) in zip(
            score_requests(self._scorer, requests, call.effort), requests, strict=True
        ):
            scores = to_scores(table, len(checked), call.activation, started)
            rankings.append(_ordered(scores, checked, options, None, started))
        return rankings

    def score(
        self,
        query: str,
        texts: Iterable[str],
        *,
        budget_ms: float | None = None,
        long_query: LongQuery = "error",
        effort: Effort | None = None,
        activation: Activation | None = None,
    ) -> Scores:
        """Return every text's logit, score and truncation, in the order of the texts.

        This is what `rank` puts in order; the options are those of `rerank`.

        Raises:
            InputError: the query is empty, an option is not usable, or a text is not a string.
        """
        call = self._call(
            RankOptions(
                budget_ms=budget_ms, long_query=long_query, effort=effort, activation=activation
            ),
            texts,
        )
        checked = checked_list(texts)
        table, query_dropped = self._scored(call, query, checked)
        scores = to_scores(table, len(checked), call.activation, call.started)
        timings = replace(scores.timings, query_dropped_tokens=query_dropped)
        return replace(scores, timings=timings)

    def score_pairs(self, pairs: Iterable[tuple[str, str]]) -> Scores:
        """Return the numbers of each (query, text) pair, in input order.

        Pairs of all queries share the engine's batches. Every text is scored by all layers,
        whatever the effort, and by the second model of a cascade.

        Raises:
            InputError: an item is not a pair of strings, or a query is empty.
        """
        started = perf_counter()
        self._require_one_label()
        table = self._scored_pairs(checked_pairs(pairs))
        return to_scores(table, len(table), self.model.activation, started)

    def _scored_pairs(self, given: Sequence[tuple[str, str]]) -> Scored:
        """Return the table of (query, text) pairs; pairs of all queries share batches."""
        positions: dict[str, list[int]] = {}
        for position, (query, _) in enumerate(given):
            positions.setdefault(query, []).append(position)
        requests = [
            Request(query, [given[position][1] for position in of_query])
            for query, of_query in positions.items()
        ]
        table = Scored.joined(score_requests(self._last, requests))
        order = np.array([at for of_query in positions.values() for at in of_query], np.intp)
        return table.take(np.argsort(order))

    @overload
    def predict(
        self, pairs: tuple[str, str] | list[str], *, all_labels: Literal[False] = False
    ) -> np.float32: ...
    @overload
    def predict(
        self, pairs: tuple[str, str] | list[str], *, all_labels: Literal[True]
    ) -> NDArray[np.float32]: ...
    @overload
    def predict(
        self,
        pairs: Iterable[tuple[str, str] | list[str]] | NDArray[Any],
        *,
        all_labels: bool = False,
    ) -> NDArray[np.float32]: ...
    def predict(self, pairs: Any, *, all_labels: bool = False) -> np.float32 | NDArray[np.float32]:
        """Return one score for each (query, text) pair, float32 [n]: those of `score_pairs`.

        Pairs are tuples, lists or the rows of an array. One pair alone gives one number.

        Args:
            pairs: what to score.
            all_labels: give the score of each label, float32 [n, labels], after the model's
                activation; of one pair alone [labels]. A model of several labels is scored so
                alone: it has no single order, so nothing else takes it.

        Raises:
            InputError: as for `score_pairs`.
            UnsupportedModelError: the model has several labels, and not all are asked for.
        """
        if not isinstance(all_labels, bool | np.bool_):
            raise InputError(f"all_labels is {shortened(all_labels)}, expected True or False")
        if all_labels:
            alone = is_pair(pairs)
            table = self._scored_pairs(checked_pairs([pairs] if alone else pairs))
            rows = to_label_scores(table, self.model.labels, self.model.activation)
            return rows[0] if alone else rows
        if is_pair(pairs):
            score: np.float32 = self.score_pairs([pairs]).scores[0]
            return score
        return self.score_pairs(pairs).scores

    def _rank(self, call: _Call, query: str, usable: Usable) -> Result:
        """The main loop: score all texts, then put them in order."""
        options = call.options
        table, query_dropped = self._scored(call, query, usable.texts, options.top_k)
        if options.on_error == "skip":
            table = usable.without_broken(table)
        scores = to_scores(table, len(usable.texts), call.activation, call.started)
        return Result.of(options, usable, scores, query_dropped)

    def _scored(
        self, call: _Call, query: str, texts: Sequence[str], hits: int | None = None
    ) -> tuple[Scored, int]:
        """Return the table of the texts, and how many tokens of the query were cut."""
        asked, dropped = checked_query(query), 0
        if call.options.long_query == "truncate":
            asked, dropped = self.cut_query(asked)
        scorer = self._scorer
        if call.budget is not None and call.speed is not None:
            scorer = self._in_time(call, call.speed, call.budget, hits)
        (table,) = score_requests(scorer, [Request(asked, texts)], call.effort)
        return table, dropped

    def _call(self, options: RankOptions, texts: object) -> _Call:
        """Start a call and its budget, the machine measured for such texts."""
        self._require_one_label()
        effort = options.effort or self.options.effort
        self._scorer.most_texts(effort)
        budget_ms = options.budget_ms
        speed = budget = None
        if budget_ms is not None:
            speed = self._speed(effort, kept=self.model.keeps_states and bring_states(texts))
            budget = speed.start(budget_ms)
        activation = options.activation or self.model.activation
        return _Call(options, perf_counter(), effort, activation, speed, budget)

    def _require_one_label(self) -> None:
        for model in self._models:
            require_one_label(model.labels, model.spec.name)

    def _in_time(
        self, call: _Call, speed: Speed, budget: Budget, hits: int | None
    ) -> DeadlineScorer:
        return DeadlineScorer(
            self._scorer,
            speed,
            budget,
            self._runner,
            hits=hits,
            find_known=self._find_known if call.effort == "full" else None,
        )

    def _speed(self, effort: Effort, *, kept: bool = False) -> Speed:
        """Return what is known of the speed at this effort, whatever a cache knows.

        With `kept` it is that of texts that all bring their states.
        """
        if (effort, kept) not in self._speeds:
            score = partial(score_texts, self.model, effort=effort)
            read = self.model.passages if kept else list
            # Two threads may both make one; the first that is kept serves both.
            speed = Speed(self._scorer.pricing(), score, read=read)
            self._speeds.setdefault((effort, kept), speed)
        return self._speeds[effort, kept]


class _Call(NamedTuple):
    """What a call asks for, when it began, and what holds for it where it does not say."""

    options: RankOptions
    started: float
    effort: Effort
    activation: Activation | CalibrationMap
    speed: Speed | None
    budget: Budget | None


def _usable(
    given: Sequence[Any],
    options: RankOptions,
    first_stage_score: str,
    text_field: str | None = None,
) -> Usable:
    skip, fusion = options.on_error == "skip", options.fusion()
    return usable_candidates(given, first_stage_score, fusion, skip=skip, text_field=text_field)


def _with_cache(model: LoadedModel, options: RerankerOptions) -> AnyScorer:
    place = options.cache_place()
    if place is None:
        return model
    return CachedScorer(model, open_store(place, options.cache_bytes or CACHE_BYTES), model.rules)


def _ordered(
    scores: Scores,
    texts: Sequence[str],
    options: RankOptions,
    first_stage_scores: FirstStageScores | None,
    started: float,
) -> Ranking:
    begun = perf_counter()
    hits, dropped = select(options, texts, scores, first_stage_scores)
    timings = replace(
        scores.timings,
        dropped=dropped,
        rank_ms=scores.timings.rank_ms + ms_since(begun),
        total_ms=ms_since(started),
    )
    return Ranking(hits, timings)
