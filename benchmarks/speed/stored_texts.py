"""Candidates as an index's search returns them: strings that bring token ids, or states too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.speed.work import Work
from secondpass import CrossEncoderReranker, Embedder
from secondpass.models.tokenizer import load_tokenizer
from secondpass.retrieval.stores.contract import TOKEN_IDS
from secondpass.scoring.tokenized import TokenizedText, tokenizer_digest

# A text of this many tokens is read whole beside each of the queries, as a chunk of an index is.
MOST_TOKENS = 480

TextsOf = Callable[[Sequence[str]], list[str]]


def stored_texts(work: Work, embedder: Embedder) -> TextsOf:
    """Tokenize all candidates now; return what gives a list's texts with their ids.

    Raises:
        SystemExit: the weights have another tokenizer than the embedder, so no index has their ids.
    """
    digest = embedder.tokenizer_digest
    if tokenizer_digest(load_tokenizer(Path(work.model) / "tokenizer.json")) != digest:
        raise SystemExit(
            f"{work.model} has another tokenizer than the embedder {embedder.name}: leave "
            "secondpass_token_ids out with --only"
        )
    texts = _texts(work)
    token_ids = embedder.features(texts).columns[TOKEN_IDS]
    stored = {
        text: TokenizedText(text, ids, digest) for text, ids in zip(texts, token_ids, strict=True)
    }
    return lambda some: [stored[text] for text in some]


def texts_with_states(work: Work, reranker: CrossEncoderReranker) -> TextsOf:
    """Compute all candidates' int8 states now; return what gives a list's texts with them.

    A text over `MOST_TOKENS` is cut there: the states of one that is cut beside a query cannot be
    kept.
    """
    texts = _texts(work)
    cut = [reranker.model.encoder.cut(text, MOST_TOKENS)[0] for text in texts]
    stored = dict(zip(texts, reranker.passages(cut), strict=True))
    return lambda some: [stored[text] for text in some]


def _texts(work: Work) -> list[str]:
    return sorted({text for some in work.candidates for text in some})
