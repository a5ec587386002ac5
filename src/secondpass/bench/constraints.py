"""Reads what the numbers depend on: machine, software, models, data, and how long the texts are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from secondpass.bench.result import Constraints, DataFacts, Lengths
from secondpass.bench.workload import Loaded, Workload
from secondpass.environment.machine import read_machine
from secondpass.environment.software import read_software
from secondpass.models.files import find_weights
from secondpass.models.folder import ModelFolder, find_folder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.models.tokenizer import load_tokenizer
from secondpass.scoring.encode import TextEncoder
from secondpass.stats.percentiles import percentile
from secondpass.types import ModelInfo

# The candidates of this many queries are counted.
_COUNTED_QUERIES = 40


def read_constraints(
    loaded: Loaded, workload: Workload, queries: Sequence[str], depth: int
) -> Constraints:
    """Return the constraints of a run of these queries."""
    info = loaded.reranker.info
    folder = _folder(info)
    texts = Counter(
        document.text
        for query in queries[:_COUNTED_QUERIES]
        for document in workload.first.search(query, depth)
    )
    return Constraints(
        machine=read_machine(),
        software=read_software(),
        reranker=info,
        reranker_bytes=find_weights(folder.path).bytes,
        embedder=loaded.embedder,
        vectors=workload.vectors,
        dimension=workload.dimension,
        queries_from=workload.queries_from,
        distinct_queries=len(set(queries)),
        candidates_from=workload.candidates_from,
        data=DataFacts(workload.data_name, workload.data_sha256),
        candidate_tokens=_lengths(texts, folder, info.threads),
    )


def _folder(info: ModelInfo) -> ModelFolder:
    """Find a loaded model's folder again, without asking the hub."""
    return find_folder(info.name, revision=info.revision, local_files_only=True)


def _lengths(texts: Counter[str], folder: ModelFolder, threads: int) -> Lengths:
    """Count tokens; a text that is a candidate of several queries counts as often."""
    if not texts:
        return Lengths(0, 0.0, 0.0, 0.0)
    encoder = TextEncoder(load_tokenizer(read_cross_encoder_spec(folder).tokenizer_file), threads)
    each = [len(ids) for ids in encoder.encode(list(texts))]
    lengths = np.repeat(each, list(texts.values()))
    return Lengths(
        count=len(lengths),
        mean=float(lengths.mean()),
        p50=float(percentile(lengths, 50)),
        p95=float(percentile(lengths, 95)),
    )
