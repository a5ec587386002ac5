"""The only importer of all first stages: their names to one run of candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from secondpass.checks import shortened
from secondpass.errors import InputError
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.first_stages import bm25, dense, fusion, hybrid, run_file
from secondpass.evaluation.runs import Run
from secondpass.evaluation.self_matches import without_self_matches
from secondpass.options.fusion import K
from secondpass.progress import ProgressBar, silent
from secondpass.retrieval.contract import TextEmbedder
from secondpass.types import ModelInfo

# As long as TREC's runs, so that AP and R@100 mean what they mean elsewhere.
RUN_LENGTH = 1000

_NAMES = ("dense", "bm25", "hybrid")


class DescribedEmbedder(TextEmbedder, Protocol):
    """An embedder that says what it is, such as `Embedder`."""

    @property
    def info(self) -> ModelInfo:
        """What is loaded."""
        ...


@dataclass(frozen=True, slots=True)
class DenseFacts:
    """The bi-encoder of a dense stage, and how many vectors of how many numbers were searched."""

    embedder: ModelInfo
    vectors: int
    dimension: int


@dataclass(frozen=True, slots=True)
class FirstStage:
    """What was found, how it came about, and how many queries met their own document.

    `dense` is None where no dense stage is in it. `similarities_of` names the bi-encoder whose
    similarities are the scores of the run, or a hybrid search's part of them; None where they are
    others, as those of a fusion of runs are.
    """

    description: str
    run: Run
    own_documents_dropped: int
    dense: DenseFacts | None = None
    similarities_of: str | None = None


def check_names(names: Sequence[str]) -> None:
    """Check the names of first stages before any of them works.

    Raises:
        InputError: one is not known.
    """
    for name in names:
        if name not in _NAMES and not name.startswith(run_file.PREFIX):
            near = get_close_matches(name.lower(), _NAMES, n=1)
            raise InputError(
                f"--first-stage {shortened(name)} is not known: give {', '.join(_NAMES)} or "
                "run:FILE" + (f"; did you mean {near[0]}?" if near else "")
            )


def find_candidates(
    names: Sequence[str],
    collection: Collection,
    *,
    limit: int,
    load_embedder: Callable[[], DescribedEmbedder],
    cache_dir: Path,
    progress: ProgressBar = silent,
) -> FirstStage:
    """Run the first stages of these names; several are fused.

    "dense" and "hybrid" are what a search in these modes finds, "bm25" is bm25s, and "run:FILE" a
    run that another system made.

    Raises:
        InputError: another name, or a run that is not usable.
        MissingExtraError: what a first stage needs is not installed.
    """
    check_names(names)
    # Read before the others work, for a file may be missing or of another collection.
    given = {
        name: run_file.given_run(collection, name.removeprefix(run_file.PREFIX))
        for name in names
        if name.startswith(run_file.PREFIX)
    }
    facts: DenseFacts | None = None

    def one(name: str) -> tuple[str, Run]:
        nonlocal facts
        if name in ("dense", "hybrid"):
            embedder = load_embedder()
            find = dense.dense_run if name == "dense" else hybrid.hybrid_run
            found = find(collection, embedder, limit=limit, cache_dir=cache_dir, progress=progress)
            facts = DenseFacts(embedder.info, len(collection.documents), embedder.dimension)
            how = "every vector compared" if name == "dense" else hybrid.DESCRIPTION
            return f"{name} ({embedder.name}, {how})", found
        if name == "bm25":
            return bm25.DESCRIPTION, bm25.bm25_run(collection, limit=limit)
        return name.removeprefix(run_file.PREFIX), given[name]

    described, runs = zip(*map(one, dict.fromkeys(names)), strict=True)
    run, dropped = without_self_matches(
        runs[0] if len(runs) == 1 else fusion.fuse(runs), collection
    )
    similarities_of = facts.embedder.name if facts and len(runs) == 1 else None
    return FirstStage(_describe(described), run, dropped, facts, similarities_of)


def _describe(parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return f"{' + '.join(parts)}, fused by reciprocal rank (k = {K}, Cormack et al. 2009)"
