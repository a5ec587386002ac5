"""Where `secondpass index` embeds: into files first, here or on Ray, of which the index is made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from secondpass.cli import output
from secondpass.cli.extras import require_extra
from secondpass.cli.ray_options import on_cluster
from secondpass.errors import InputError
from secondpass.retrieval.stores.lance import VECTORS_FOLDER

if TYPE_CHECKING:
    from secondpass.batch.on_ray import OnRay
    from secondpass.ingest.waiting import Waiting
    from secondpass.retrieval.contract import TextEmbedder
    from secondpass.retrieval.embedder import Embedder
    from secondpass.retrieval.places import Place


@dataclass(frozen=True)
class Shards:
    """Files of vectors in a place, by default in the index, and the cluster that makes them.

    Without a place and a cluster there are none: the index embeds itself.
    """

    place: str | None = None
    cluster: AbstractContextManager[None] = field(default_factory=nullcontext)
    on_ray: OnRay | None = None

    @classmethod
    def of(
        cls, index: Place, place: str | None, ray: str | None, cpus: int | None, actors: int | None
    ) -> Shards:
        """Return what the options say.

        Raises:
            InputError: an index in a database has no place for them.
            MissingExtraError: without Ray or pyarrow.
        """
        cluster, on_ray = on_cluster(ray, cpus, actors)
        if on_ray is not None and place is None and not isinstance(index, Path):
            raise InputError(
                "--ray needs --shards, a folder or URL for vectors, where the index is in a "
                "database"
            )
        if place is not None or on_ray is not None:
            require_extra("batch", "index --shards")
        return cls(place, cluster, on_ray)

    @contextmanager
    def embedder(
        self, waiting: Waiting, embedder: Embedder, index: Place
    ) -> Iterator[TextEmbedder]:
        """Give what embeds the records that wait: the embedder, or what it put into files."""
        if (self.place is None and self.on_ray is None) or not len(waiting):
            yield embedder
            return
        from secondpass.batch.embedding import embed_here, embedded
        from secondpass.batch.embedding_on_ray import EmbedOnRay
        from secondpass.batch.place import open_place

        own = index / VECTORS_FOLDER if self.place is None and isinstance(index, Path) else None
        place = self.place or own
        assert place is not None
        with (
            self.cluster,
            embedded(
                lambda: (record.text for record in waiting.records()),
                embedder,
                open_place(place),
                runner=embed_here if self.on_ray is None else EmbedOnRay(self.on_ray),
                progress=output.progress,
                on_wait=lambda: output.say_waiting(place),
            ) as vectors,
        ):
            yield vectors
        if own is not None:
            shutil.rmtree(own, ignore_errors=True)
