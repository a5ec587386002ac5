"""The reranker as a document compressor of LangChain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from secondpass.errors import MissingExtraError
from secondpass.integrations.ranker import (
    Options,
    Ranker,
    documents_of,
    lists_options,
    renamed,
    with_details,
)
from secondpass.pipeline import SecondPass

try:
    from langchain_core.callbacks import Callbacks
    from langchain_core.documents import BaseDocumentCompressor, Document
    from pydantic import ConfigDict, PrivateAttr
except ImportError as error:
    raise MissingExtraError("secondpass.integrations.langchain", "langchain") from error


@lists_options
class SecondpassRerank(BaseDocumentCompressor):
    """Reranks the documents that a retriever found: a document compressor.

        from langchain_classic.retrievers import ContextualCompressionRetriever

        from secondpass.integrations.langchain import SecondpassRerank

        retriever = ContextualCompressionRetriever(
            base_compressor=SecondpassRerank(top_n=3), base_retriever=store.as_retriever()
        )
        documents = retriever.invoke("how do I read a csv file")

    `compress_documents` returns copies of the best, best first, with `relevance_score` in their
    metadata: the model's score, None for a document that was not scored. Where there is more to
    say, such as that a text was cut, it is in their metadata as "secondpass", by the names of
    docs/reference/results.md. The documents that were given are not changed.
    `acompress_documents` does the same in a thread.

    Args:
        top_n: how many documents are returned, None for all.
        min_score: documents with a lower score are dropped, before `top_n` counts.
        first_stage_score: the key of the metadata that has the retriever's score, for
            fuse="weighted".
        reranker: one that is loaded, in place of the options of a model.

    Raises:
        InputError: an option is not usable.
        ModelError: the model is not there, not whole, or cannot rank.
    """

    model_config = ConfigDict(extra="forbid")

    top_n: int | None = 3
    min_score: float | None = None
    first_stage_score: str = "score"
    _ranker: Ranker = PrivateAttr()

    def __init__(
        self,
        *,
        top_n: int | None = 3,
        min_score: float | None = None,
        first_stage_score: str = "score",
        reranker: SecondPass | None = None,
        **options: Unpack[Options],
    ) -> None:
        ranker = Ranker(reranker, options)
        super().__init__(
            top_n=renamed("top_k", "top_n", top_n),
            min_score=renamed("min_score", "min_score", min_score),
            first_stage_score=first_stage_score,
        )
        self._ranker = ranker
        ranker.load()

    @property
    def reranker(self) -> SecondPass:
        """What scores; by default a `CrossEncoderReranker`."""
        return self._ranker.load()

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        """Return copies of the best documents, best first, with `relevance_score` in metadata.

        Raises:
            InputError: the query is empty, or an item is not a document.
        """
        given = documents_of(documents, Document)
        if not given:
            return []
        hits = self._ranker.rank(
            query,
            [document.page_content for document in given],
            renamed("top_k", "top_n", self.top_n),
            renamed("min_score", "min_score", self.min_score),
            [(document.metadata or {}).get(self.first_stage_score) for document in given],
        )
        ranked = []
        for hit in hits:
            document = given[hit.index]
            metadata = with_details(document.metadata, hit) | {"relevance_score": hit.score}
            ranked.append(document.model_copy(update={"metadata": metadata}))
        return ranked
