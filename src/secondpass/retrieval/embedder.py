"""Embedder: the bi-encoder. Embeds query and documents apart, as unit vectors."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from functools import cached_property
from hashlib import sha256
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np

from secondpass.checks import called
from secondpass.engine.load import load_engine
from secondpass.graph.fits import require_fitting
from secondpass.identity import describe
from secondpass.models.embedded import BI_ENCODER
from secondpass.models.folder import find_folder, located
from secondpass.models.prompts import read_prompts
from secondpass.models.spec import checked_max_length, read_bi_encoder_spec
from secondpass.native import RefusedInForks, is_fork, rebuilt, require_no_fork
from secondpass.options.model import EmbedderOptions, Precision
from secondpass.options.option import from_dict, in_words, to_dict
from secondpass.retrieval.contract import Features, Progress
from secondpass.retrieval.stores.contract import TOKEN_IDS, FeatureIdentity, Vectors
from secondpass.scoring.batches import balanced, make_batches, restore_order
from secondpass.scoring.candidates import checked_query, checked_text, checked_texts
from secondpass.scoring.encode import TextEncoder, TokenIds
from secondpass.scoring.model_tokenizer import model_tokenizer
from secondpass.scoring.pairs import Pair, read_single_layout
from secondpass.scoring.tokenized import vocabulary_end
from secondpass.types import ModelInfo

# Texts are embedded this many at a time, so that memory does not grow with their number.
BLOCK = 256


class Embedder(RefusedInForks):
    """A sentence-transformers embedding model, loaded once and safe to use from many threads.

    Args:
        model_name: a Hugging Face name, a local folder, or nothing for the embedded model.
        max_length: the most tokens of a text that are read; by default the model's own limit.
            A longer text is embedded by its beginning, which the first such call says in a
            warning: chunk texts before they are indexed.
        precision: "auto" (what the processor computes best), "fp32", or "int8".
        device: "cpu", or another device, as for `CrossEncoderReranker`.
        threads: compute threads; by default the processors this process may use.
        revision: branch, tag or commit of a hub model.
        local_files_only: never ask the hub, use what is cached.
        max_batch_tokens: padded tokens in one batch, as for `CrossEncoderReranker`.
        cache_dir: where built graphs are kept, by default the user's cache folder.

    It is closed by `close` or at the end of a `with`. Pickling and copying it take its options: the
    other process loads the model itself.

    Raises:
        InputError: an option is not usable.
        ModelError: the model is not there, not whole, or no embedding model.
        EngineError: this process is a fork of one that had loaded a model.
    """

    def __init__(
        self,
        model_name: str | os.PathLike[str] = BI_ENCODER,
        max_length: int | None = None,
        *,
        precision: Precision = "auto",
        device: str = "cpu",
        threads: int | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        max_batch_tokens: int | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        self.options = options = from_dict(
            EmbedderOptions,
            {
                "model_name": model_name,
                "max_length": max_length,
                "precision": precision,
                "device": device,
                "threads": threads,
                "revision": revision,
                "local_files_only": local_files_only,
                "max_batch_tokens": max_batch_tokens,
                "cache_dir": cache_dir,
            },
        )
        folder = find_folder(
            options.model_name,
            revision=options.revision,
            local_files_only=options.local_files_only,
        )
        self._located = located(options, [folder])
        self._spec = read_bi_encoder_spec(folder, cache_dir=options.graph_folder())
        self.prompts = read_prompts(
            self._spec.modular, self._spec.folder / "config_sentence_transformers.json"
        )
        self.tokenizer = model_tokenizer(self._spec)
        self._before, self._after = read_single_layout(self.tokenizer)
        special = len(self._before) + len(self._after)
        self.max_length = checked_max_length(options.max_length, self._spec, special)
        self._room = self.max_length - special
        self._encoder = TextEncoder(self.tokenizer, options.compute_threads())
        require_fitting(self._spec, self.tokenizer, highest_type=0)
        self._engine = load_engine(
            self._spec,
            precision=options.precision,
            device=options.device,
            threads=options.compute_threads(),
            cache_dir=options.graph_folder(),
        )
        self._policy = self._engine.policy.within(options.max_batch_tokens)
        self._said_cut: set[str] = set()
        self.dimension = self._spec.dimension

    def __repr__(self) -> str:
        return in_words(self.options, type(self).__name__)

    @classmethod
    def from_options(cls, options: EmbedderOptions) -> Embedder:
        """Load the embedder that these options describe."""
        return cls(**to_dict(options))

    def __reduce__(self) -> tuple[Any, ...]:
        known = dict.fromkeys(("options", "_located"), self._located)
        return rebuilt, (type(self).from_options, (self._located,), type(self), known)

    def close(self) -> None:
        """Wait for the batches being computed and free the engine; in a fork do nothing.

        A later call raises an EngineError.
        """
        if not is_fork():
            self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The model's name, as it was asked for."""
        return self.options.model_name

    @property
    def digest(self) -> str:
        """A hash of what decides the vectors: the files, the precision and the length limit."""
        rules = (
            self._spec.weights_sha256,
            self._spec.tokenizer_sha256,
            self._spec.settings_sha256,
            self._engine.info.precision,
            self.max_length,
        )
        return sha256(" ".join(map(str, rules)).encode()).hexdigest()

    @property
    def most_tokens(self) -> int:
        """How many tokens of a document are read, without special tokens and the prompt."""
        prompt = self.tokenizer.encode(self.prompts.document, add_special_tokens=False)
        return max(1, self._room - len(prompt))

    @property
    def tokenizer_digest(self) -> str:
        """A hash of what decides a text's token ids; models may share it (scoring/tokenized.py)."""
        return self._encoder.digest

    @cached_property
    def feature_identities(self) -> Mapping[str, FeatureIdentity]:
        """What decides the columns of `features`."""
        return {TOKEN_IDS: FeatureIdentity(self.tokenizer_digest, vocabulary_end(self.tokenizer))}

    @property
    def info(self) -> ModelInfo:
        """What is loaded and how it runs."""
        return describe(
            self._spec, self._engine.info, max_length=self.max_length, activation="none"
        )

    def embed(self, texts: Iterable[str], *, progress: Progress | None = None) -> Vectors:
        """Return one unit vector for each document: float32 [n, dimension], in input order.

        `progress` is called with the number of texts just finished.

        Raises:
            InputError: a text is not a string; the message names its position.
        """
        return self._run("texts", texts, self._room, progress, self.prompts.document).vectors

    def embed_queries(self, queries: Iterable[str]) -> Vectors:
        """Return one unit vector for each query: float32 [n, dimension], in input order.

        It is `embed` with the model's query prompt, such as bge's "Represent this sentence for
        searching relevant passages: "; for a model without prompts both are the same.

        Raises:
            InputError: a query is empty or not a string; the message names its position.
        """
        checked = [
            checked_query(query, f"query {position}")
            for position, query in enumerate(checked_texts(queries, "queries"))
        ]
        return self._run("queries", checked, self._room, None, self.prompts.query).vectors

    def features(self, texts: Iterable[str], *, progress: Progress | None = None) -> Features:
        """Return the vectors of `embed`, and in the column "token_ids" each whole text's token ids.

        The ids are int32 [n] a text, without special tokens; each text is tokenized once.

        Raises:
            InputError: a text is not a string; the message names its position.
        """
        checked = list(checked_texts(texts))
        features = self._run("texts", checked, None, progress, self.prompts.document)
        if not self.prompts.document:
            return features
        return Features(features.vectors, {TOKEN_IDS: self._encoder.encode(checked)})

    def _run(
        self,
        what: Literal["texts", "queries"],
        texts: Iterable[str],
        most_tokens: int | None,
        progress: Progress | None,
        prompt: str,
    ) -> Features:
        """Tokenize and embed block by block, of each text `most_tokens` or a few more."""
        require_no_fork()
        if progress is not None:
            called("progress", progress, "a function of a number of texts")
        given = enumerate(checked_texts(texts))
        checked = [prompt + checked_text(text, f"text {position}") for position, text in given]
        vectors = np.empty((len(checked), self.dimension), np.float32)
        token_ids: list[TokenIds] = []
        for start in range(0, len(checked), BLOCK):
            block = self._encoder.encode(checked[start : start + BLOCK], most_tokens)
            vectors[start : start + len(block)] = self._embed_block(block)
            token_ids += block
            if progress is not None:
                progress(len(block))
        # Of a text that is cut one token more than there is room for is kept.
        self._say_cut(what, sum(len(ids) > self._room for ids in token_ids), len(checked))
        return Features(vectors, {TOKEN_IDS: token_ids})

    def _say_cut(self, what: Literal["texts", "queries"], cut: int, count: int) -> None:
        """Warn, once for texts and once for queries, that some are embedded by their beginning."""
        if not cut or what in self._said_cut:
            return
        self._said_cut.add(what)
        way_out = {
            "texts": "cut them into chunks, as 'secondpass index' does with text files",
            "queries": "ask with fewer words",
        }
        warnings.warn(
            f"{cut} of {count} {what} have more than the {self._room} tokens that {self.name} "
            f"reads: they are embedded by their beginning; {way_out[what]} (said once)",
            stacklevel=4,
        )

    def _embed_block(self, token_ids: list[TokenIds]) -> Vectors:
        sequences = [
            np.concatenate((self._before, ids[: self._room], self._after)) for ids in token_ids
        ]
        batches = make_batches(
            [Pair(ids, np.zeros_like(ids)) for ids in sequences],
            balanced(self._policy, [len(ids) for ids in sequences]),
            padding_id=self._spec.padding_id,
            length_limit=self.max_length,
        )
        return restore_order(batches, self._engine.run(batches))
