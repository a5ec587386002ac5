"""secondpass: a fast, local cross-encoder reranker.

    from secondpass import CrossEncoderReranker

    reranker = CrossEncoderReranker()
    results = reranker.rerank("how do I read a csv file?", [{"text": "..."}, ...], top_k=10)

Names are imported on first use: importing this package loads no engine.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secondpass.batch.candidates import Candidates
    from secondpass.drop_in.cross_encoder import CrossEncoder
    from secondpass.errors import (
        EngineError,
        IndexExistsError,
        IndexFileError,
        InputError,
        MissingExtraError,
        ModelError,
        ModelFileError,
        ModelNotFoundError,
        ScoreError,
        SecondpassError,
        UnsupportedModelError,
    )
    from secondpass.options.call import RankOptions
    from secondpass.options.model import RerankerOptions
    from secondpass.pipeline import SearchPipeline
    from secondpass.reranker import CrossEncoderReranker
    from secondpass.retrieval.embedder import Embedder
    from secondpass.retrieval.index import Index
    from secondpass.retrieval.snippets import Snippet, snippet
    from secondpass.scoring.passage import Passage, TextFeatures
    from secondpass.types import (
        Document,
        Hit,
        ModelInfo,
        Ranking,
        RetrievedDocument,
        Scores,
        SearchHit,
        SearchResult,
        SearchTimings,
        Timings,
    )

__version__ = "0.1.0"

_MODULES = {
    "Candidates": "batch.candidates",
    "CrossEncoder": "drop_in.cross_encoder",
    "CrossEncoderReranker": "reranker",
    "Document": "types",
    "Embedder": "retrieval.embedder",
    "EngineError": "errors",
    "Hit": "types",
    "Index": "retrieval.index",
    "IndexExistsError": "errors",
    "IndexFileError": "errors",
    "InputError": "errors",
    "MissingExtraError": "errors",
    "ModelError": "errors",
    "ModelFileError": "errors",
    "ModelInfo": "types",
    "ModelNotFoundError": "errors",
    "Passage": "scoring.passage",
    "RankOptions": "options.call",
    "Ranking": "types",
    "RerankerOptions": "options.model",
    "RetrievedDocument": "types",
    "ScoreError": "errors",
    "Scores": "types",
    "SearchPipeline": "pipeline",
    "SearchHit": "types",
    "SearchResult": "types",
    "SearchTimings": "types",
    "SecondpassError": "errors",
    "Snippet": "retrieval.snippets",
    "TextFeatures": "scoring.passage",
    "Timings": "types",
    "UnsupportedModelError": "errors",
    "snippet": "retrieval.snippets",
}

__all__ = [
    "Candidates",
    "CrossEncoder",
    "CrossEncoderReranker",
    "Document",
    "Embedder",
    "EngineError",
    "Hit",
    "Index",
    "IndexExistsError",
    "IndexFileError",
    "InputError",
    "MissingExtraError",
    "ModelError",
    "ModelFileError",
    "ModelInfo",
    "ModelNotFoundError",
    "Passage",
    "RankOptions",
    "Ranking",
    "RerankerOptions",
    "RetrievedDocument",
    "ScoreError",
    "Scores",
    "SearchHit",
    "SearchPipeline",
    "SearchResult",
    "SearchTimings",
    "SecondpassError",
    "Snippet",
    "TextFeatures",
    "Timings",
    "UnsupportedModelError",
    "__version__",
    "snippet",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
