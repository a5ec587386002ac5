"""What a search or a rerank gave, in a shape that records keep and compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from secondpass.errors import InputError

Role = Literal["bi-encoder", "cross-encoder"]


@dataclass(frozen=True, slots=True)
class RankedQuery:
    """What one stage gave for one query, best first: an id and a score for each document."""

    query: str
    ids: tuple[str, ...]
    scores: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check that there is a score for each id, and each id once: a record may come from anyone.

        Raises:
            InputError: there are more of one than of the other, or an id is empty or there twice.
        """
        query = repr(self.query[:80])
        if len(self.ids) != len(self.scores):
            raise InputError(f"query {query} has {len(self.ids)} ids and {len(self.scores)} scores")
        if len(set(self.ids)) < len(self.ids) or "" in self.ids:
            raise InputError(f"query {query} has an id that is empty or there twice")


@dataclass(frozen=True, slots=True)
class StageOutput:
    """Rankings of one stage.

    `model` is the role of the model that scored, None for a stage without one, such as BM25.
    `reranks` names the stage whose documents this one puts in another order, if it does.
    `run_sha256` hashes all ids and scores where `queries` holds only the first few.
    """

    stage: str
    model: Role | None
    queries: tuple[RankedQuery, ...]
    reranks: str | None = None
    run_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Outputs:
    """The stages, in the data's order."""

    stages: tuple[StageOutput, ...]
