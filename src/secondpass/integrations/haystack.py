"""The reranker as a ranker component of Haystack."""

# Haystack reads the annotations of `run` as types, so they are not postponed.
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Unpack

from secondpass.checks import kind_of, shortened
from secondpass.errors import InputError, MissingExtraError
from secondpass.integrations.ranker import (
    Options,
    Ranker,
    documents_of,
    lists_options,
    renamed,
    with_details,
)
from secondpass.pipeline import SecondPass
from secondpass.scoring.candidates import checked_texts

try:
    from haystack import Document, component, default_from_dict, default_to_dict
except ImportError as error:
    raise MissingExtraError("secondpass.integrations.haystack", "haystack") from error


@lists_options
@component
class SecondpassRanker:
    """Ranks documents by their relevance to the query: a ranker component.

        from secondpass.integrations.haystack import SecondpassRanker

        pipeline.add_component("ranker", SecondpassRanker(top_k=3))
        pipeline.connect("retriever.documents", "ranker.documents")

    `run` returns copies of the best documents, best first, each with the model's score; None for
    one that was not scored. Where there is more to say, such as that a text was cut, it is in their
    meta as "secondpass", by the names of docs/reference/results.md. Of documents with one id the
    one with the highest score is ranked. The documents that were given are not changed.

    Args:
        top_k: how many documents are returned, None for all.
        score_threshold: documents with a lower score are dropped, before `top_k` counts.
        scale_score: True for the sigmoid of the logits, False for the logits, None for the model's
            own scores.
        meta_fields_to_embed: keys of meta whose values are scored with the content.
        embedding_separator: stands between these values and the content.
        reranker: one that is loaded, in place of the options of a model.

    With fuse="weighted" the retriever's score is that of the documents.

    Raises:
        InputError: an option is not usable.
    """

    def __init__(
        self,
        *,
        top_k: int | None = 10,
        score_threshold: float | None = None,
        scale_score: bool | None = None,
        meta_fields_to_embed: Iterable[str] | None = None,
        embedding_separator: str = "\n",
        reranker: SecondPass | None = None,
        **options: Unpack[Options],
    ) -> None:
        self._ranker = Ranker(reranker, options)
        self.top_k = renamed("top_k", "top_k", top_k)
        self.score_threshold = renamed("min_score", "score_threshold", score_threshold)
        _activation(scale_score)
        self.scale_score = scale_score
        self.meta_fields_to_embed = list(
            checked_texts(meta_fields_to_embed or (), "meta_fields_to_embed")
        )
        kind_of("embedding_separator", embedding_separator, str, "a string")
        self.embedding_separator = embedding_separator

    def warm_up(self) -> None:
        """Load the model.

        Raises:
            ModelError: it is not there, not whole, or cannot rank.
        """
        self._ranker.load()

    @property
    def reranker(self) -> SecondPass:
        """What scores; by default a `CrossEncoderReranker`, which is loaded at first."""
        return self._ranker.load()

    def to_dict(self) -> dict[str, Any]:
        """Return the component as values that JSON and YAML have."""
        made: dict[str, Any] = default_to_dict(
            self,
            top_k=self.top_k,
            score_threshold=self.score_threshold,
            scale_score=self.scale_score,
            meta_fields_to_embed=self.meta_fields_to_embed,
            embedding_separator=self.embedding_separator,
            **self._ranker.to_dict(),
        )
        return made

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "SecondpassRanker":
        """Return the component that `to_dict` wrote."""
        made: SecondpassRanker = default_from_dict(cls, data)
        return made

    @component.output_types(documents=list[Document])
    def run(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        score_threshold: float | None = None,
        scale_score: bool | None = None,
    ) -> dict[str, list[Document]]:
        """Return the best documents, best first, as `documents`.

        Args:
            query: what to rank by.
            documents: the documents, in the retriever's order.
            top_k: for this run, in place of the component's own.
            score_threshold: for this run, in place of the component's own.
            scale_score: for this run, in place of the component's own.

        Raises:
            InputError: the query is empty, an item is not a document, or an option is not usable.
        """
        given = _highest_of_each_id(documents_of(documents, Document))
        least = self.score_threshold if score_threshold is None else score_threshold
        limit = self.top_k if top_k is None else top_k
        hits = self._ranker.rank(
            query,
            [self._text(document) for document in given],
            renamed("top_k", "top_k", limit),
            renamed("min_score", "score_threshold", least),
            [document.score for document in given],
            **_activation(self.scale_score if scale_score is None else scale_score),
        )
        ranked = [
            replace(
                given[hit.index], score=hit.score, meta=with_details(given[hit.index].meta, hit)
            )
            for hit in hits
        ]
        return {"documents": ranked}

    def _text(self, document: Document) -> str:
        values = (document.meta.get(field) for field in self.meta_fields_to_embed)
        parts = [str(value) for value in values if value not in (None, "")]
        return self.embedding_separator.join([*parts, document.content or ""])


def _activation(scale_score: Any) -> dict[str, str]:
    """Return the activation by which scores are scaled or not, if that is said."""
    if scale_score is None:
        return {}
    if not isinstance(scale_score, bool):
        raise InputError(
            f"scale_score is {shortened(scale_score)}, expected True, False, or None for the "
            "model's own scores"
        )
    return {"activation": "sigmoid" if scale_score else "identity"}


def _highest_of_each_id(documents: Iterable[Document]) -> list[Document]:
    """Return the documents in their order, of equal ids the one with the highest score."""
    kept: dict[str, Document] = {}
    for document in documents:
        before = kept.get(document.id)
        if before is None or _known(document) > _known(before):
            kept[document.id] = document
    return list(kept.values())


def _known(document: Document) -> float:
    return float("-inf") if document.score is None else float(document.score)
