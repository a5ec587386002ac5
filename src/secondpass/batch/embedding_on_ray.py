"""A corpus embedded on Ray: actors with an embedder each write the shards of `embedding.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from secondpass.batch.embedding import (
    Embedding,
    count_vectors,
    decode_texts,
    encode_texts,
    write_vectors,
)
from secondpass.batch.on_ray import OnRay, ShardActor, anywhere, hand_over
from secondpass.batch.place import open_place
from secondpass.options.model import EmbedderOptions
from secondpass.options.option import from_dict, to_dict
from secondpass.progress import Advance
from secondpass.retrieval.embedder import Embedder


@dataclass(frozen=True, slots=True)
class EmbedOnRay:
    """Embeds a corpus on the Ray cluster that this process is connected to.

    Args:
        on: how many actors there are, and with how many processors.
    """

    on: OnRay = field(default_factory=OnRay)

    def __call__(self, embedder: Embedder, work: Embedding, advance: Advance) -> None:
        """Embed and write the missing shards."""
        options = to_dict(anywhere(embedder.options, [embedder.options.model_name]))
        contents = ((one.name, partial(encode_texts, texts)) for one, texts in work.blocks())
        hand_over(work.place, work.missing, contents)
        made_of = {"options": options, "url": work.place.url}
        sizes = {shard.name: shard.characters for shard in work.missing.values()}
        find = partial(count_vectors, work.place)
        for name, _ in self.on.each(ShardEmbedder, made_of, sizes, find):
            advance(work.missing[name].texts)


class ShardEmbedder(ShardActor):
    """An embedder that embeds shards."""

    def __init__(self, options: Mapping[str, Any], url: str) -> None:
        super().__init__(open_place(url))
        self._embedder = Embedder.from_options(from_dict(EmbedderOptions, options))

    def do(self, name: str, content: bytes) -> None:
        """Write the vectors of a shard's texts."""
        write_vectors(self.place, name, self._embedder, decode_texts(content))

    def is_done(self, name: str) -> bool:
        """Tell whether a shard's vectors are there."""
        return count_vectors(self.place, name) is not None
