"""Candidates as an index's search returns them: strings that bring their token ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.speed.work import Work
from secondpass import Embedder
from secondpass.models.tokenizer import load_tokenizer
from secondpass.retrieval.stores.contract import TOKEN_IDS
from secondpass.scoring.tokenized import TokenizedText, tokenizer_digest


def stored_texts(work: Work, embedder: Embedder) -> Callable[[Sequence[str]], list[str]]:
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
    texts = sorted({text for some in work.candidates for text in some})
    token_ids = embedder.features(texts).columns[TOKEN_IDS]
    stored = {
        text: TokenizedText(text, ids, digest) for text, ids in zip(texts, token_ids, strict=True)
    }
    return lambda some: [stored[text] for text in some]
