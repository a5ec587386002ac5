"""The reranker as a node postprocessor of LlamaIndex."""

from __future__ import annotations

from typing import Any, Unpack

from secondpass.errors import InputError, MissingExtraError
from secondpass.integrations.ranker import (
    DETAILS,
    Options,
    Ranker,
    lists_options,
    renamed,
    with_details,
)
from secondpass.pipeline import SecondPass
from secondpass.types import Hit

try:
    from llama_index.core.instrumentation import get_dispatcher
    from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore, QueryBundle
    from pydantic import PrivateAttr
except ImportError as error:
    raise MissingExtraError("secondpass.integrations.llamaindex", "llamaindex") from error

_dispatcher = get_dispatcher(__name__)


@lists_options
class SecondpassRerank(BaseNodePostprocessor):
    """Reranks the nodes that a retriever found: a node postprocessor.

        from secondpass.integrations.llamaindex import SecondpassRerank

        engine = index.as_query_engine(
            similarity_top_k=20, node_postprocessors=[SecondpassRerank(top_n=3)]
        )

    `postprocess_nodes` returns the best, best first, each with the model's score; None for a node
    that was not scored. Where there is more to say, such as that a text was cut, the node is a copy
    that has it in its metadata as "secondpass", by the names of docs/reference/results.md, which
    no language model or embedding sees. The nodes that were given are not changed.
    `apostprocess_nodes` does the same in a thread.

    Args:
        top_n: how many nodes are returned, None for all.
        min_score: nodes with a lower score are dropped, before `top_n` counts.
        metadata_mode: which metadata is scored with the text of a node; by default what an
            embedding sees.
        reranker: one that is loaded, in place of the options of a model.

    With fuse="weighted" the retriever's score is that of the nodes.

    Raises:
        InputError: an option is not usable.
        ModelError: the model is not there, not whole, or cannot rank.
    """

    top_n: int | None = 2
    min_score: float | None = None
    metadata_mode: MetadataMode = MetadataMode.EMBED
    _ranker: Ranker = PrivateAttr()

    def __init__(
        self,
        *,
        top_n: int | None = 2,
        min_score: float | None = None,
        metadata_mode: MetadataMode = MetadataMode.EMBED,
        reranker: SecondPass | None = None,
        **options: Unpack[Options],
    ) -> None:
        ranker = Ranker(reranker, options)
        super().__init__(
            top_n=renamed("top_k", "top_n", top_n),
            min_score=renamed("min_score", "min_score", min_score),
            metadata_mode=metadata_mode,
        )
        self._ranker = ranker
        ranker.load()

    @classmethod
    def class_name(cls) -> str:
        """Return the name by which it is serialized."""
        return "SecondpassRerank"

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """Return the options as values that JSON has; `from_dict` makes an equal one."""
        written: dict[str, Any] = super().to_dict(**kwargs) | self._ranker.to_dict()
        return written

    @property
    def reranker(self) -> SecondPass:
        """What scores; by default a `CrossEncoderReranker`."""
        return self._ranker.load()

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise InputError("there is no query: give query_str or query_bundle")
        if not nodes:
            return []
        _dispatcher.event(
            ReRankStartEvent(
                query=query_bundle,
                nodes=nodes,
                top_n=len(nodes) if self.top_n is None else self.top_n,
                model_name=self._ranker.name,
            )
        )
        hits = self._ranker.rank(
            query_bundle.query_str,
            [node.node.get_content(metadata_mode=self.metadata_mode) for node in nodes],
            renamed("top_k", "top_n", self.top_n),
            renamed("min_score", "min_score", self.min_score),
            [node.score for node in nodes],
        )
        ranked = [
            NodeWithScore(node=_with_details(nodes[hit.index].node, hit), score=hit.score)
            for hit in hits
        ]
        _dispatcher.event(ReRankEndEvent(nodes=ranked))
        return ranked


def _with_details(node: BaseNode, hit: Hit) -> BaseNode:
    """Return a node, or a copy that says what there is to say of its text."""
    metadata = with_details(node.metadata, hit)
    if metadata == node.metadata:
        return node
    hidden = [DETAILS] if DETAILS in metadata else []
    changed = {
        "metadata": metadata,
        "excluded_llm_metadata_keys": _and(node.excluded_llm_metadata_keys, hidden),
        "excluded_embed_metadata_keys": _and(node.excluded_embed_metadata_keys, hidden),
    }
    return node.model_copy(update=changed)


def _and(keys: list[str], more: list[str]) -> list[str]:
    return list(dict.fromkeys([*keys, *more]))
