"""Writes docs/reference/models.md: make models-page, or with --measure the matrix first.

Parity is what `scripts/model_matrix.py` saw on tiny random models of a kind, kept as PARITY_FILE;
the speed is that of the newest result of `make bench-models`.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.models.result import Result, newest_result
from benchmarks.pages import put_between, table

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "models.md"
PARITY_FILE = ROOT / "tests" / "engine" / "model_matrix.json"
MARKER, KINDS_MARKER = "models", "kinds"
HEAD = ("model", "family", "engine", "parity seen", "pairs a second, `auto`")
_LONGEST_REASON = 150


class Row(NamedTuple):
    """A model that people use: its kind in the matrix, and its shape in `make bench-models`."""

    name: str
    family: str
    kind: str
    shape: str | None = None


def _rows(family: str, kind: str, *names: str) -> list[Row]:
    """Return rows of one kind; a name may have its shape behind a `=`."""
    split = [name.partition("=") for name in names]
    return [Row(name, family, kind, shape or None) for name, _, shape in split]


ROWS: list[Row] = [
    *_rows(
        "BERT",
        "bert",
        "cross-encoder/ms-marco-MiniLM-L6-v2=minilm-l6",
        "cross-encoder/ms-marco-MiniLM-L12-v2=minilm-l12",
        "cross-encoder/ms-marco-MiniLM-L2-v2",
        "cross-encoder/ms-marco-MiniLM-L4-v2",
        "cross-encoder/ms-marco-TinyBERT-L2",
        "cross-encoder/ms-marco-TinyBERT-L2-v2",
        "cross-encoder/ms-marco-TinyBERT-L4",
        "cross-encoder/ms-marco-TinyBERT-L6",
        "cross-encoder/stsb-TinyBERT-L4",
        "cross-encoder-testing/reranker-bert-tiny-gooaq-bce",
        "cross-encoder-testing/reranker-bert-tiny-gooaq-bce-tanh-v4",
        "DiTy/cross-encoder-russian-msmarco",
        "nickprock/cross-encoder-italian-bert-stsb",
    ),
    *_rows(
        "BERT, an older key of the activation",
        "bert-legacy-activation",
        "cross-encoder-testing/reranker-bert-tiny-gooaq-bce-tanh-v3",
    ),
    *_rows(
        "BERT on XLM-R's tokens",
        "bert, XLM-R's tokens",
        "cross-encoder/msmarco-MiniLM-L12-en-de-v1",
        "cross-encoder/msmarco-MiniLM-L6-en-de-v1",
    ),
    *_rows(
        "ELECTRA",
        "electra",
        "cross-encoder/ms-marco-electra-base",
        "cross-encoder/qnli-electra-base",
    ),
    *_rows(
        "RoBERTa",
        "roberta",
        "cross-encoder/qnli-distilroberta-base",
        "cross-encoder/quora-distilroberta-base",
        "cross-encoder/quora-roberta-base",
        "cross-encoder/quora-roberta-large",
        "cross-encoder/stsb-distilroberta-base",
        "cross-encoder/stsb-roberta-base",
        "cross-encoder/stsb-roberta-large",
        "radlab/polish-cross-encoder",
        "sdadas/polish-reranker-base-ranknet",
        "sdadas/polish-reranker-large-ranknet",
    ),
    *_rows("DistilBERT", "distilbert", "ml6team/cross-encoder-mmarco-german-distilbert-base"),
    *_rows(
        "XLM-R",
        "xlm-roberta",
        "BAAI/bge-reranker-base=bge-reranker-base",
        "BAAI/bge-reranker-large",
        "BAAI/bge-reranker-v2-m3=bge-v2-m3",
        "cross-encoder/mmarco-mMiniLMv2-L12-H384-v1",
        "dragonkue/bge-reranker-v2-m3-ko",
        "hotchpotch/japanese-bge-reranker-v2-m3-v1",
        "hotchpotch/japanese-reranker-cross-encoder-xsmall-v1",
        "maidalun1020/bce-reranker-base_v1",
        "qilowoq/bge-reranker-v2-m3-en-ru",
        "seroe/bge-reranker-v2-m3-turkish-triplet",
    ),
    *_rows(
        "DeBERTa v3",
        "deberta",
        "mixedbread-ai/mxbai-rerank-xsmall-v1=mxbai-xsmall-v1",
        "mixedbread-ai/mxbai-rerank-base-v1",
        "mixedbread-ai/mxbai-rerank-large-v1",
    ),
    *_rows(
        "ModernBERT, mean",
        "modernbert-mean",
        "Alibaba-NLP/gte-reranker-modernbert-base=gte-modernbert",
        "ibm-granite/granite-embedding-reranker-english-r2",
    ),
    *_rows(
        "ModernBERT",
        "modernbert",
        "cl-nagoya/ruri-v3-reranker-310m",
        "hotchpotch/japanese-reranker-xsmall-v2",
    ),
    *_rows(
        "ModernBERT, modules",
        "modernbert, modules ettin",
        "cross-encoder/ettin-reranker-17m-v1=ettin-17m",
        "cross-encoder/ettin-reranker-32m-v1=ettin-32m",
        "cross-encoder/ettin-reranker-68m-v1=ettin-68m",
        "cross-encoder/ettin-reranker-150m-v1=ettin-150m",
        "cross-encoder/ettin-reranker-400m-v1",
        "cross-encoder/ettin-reranker-1b-v1",
    ),
    *_rows("GTE", "gte-new", "Alibaba-NLP/gte-multilingual-reranker-base=gte-multilingual"),
    *_rows(
        "JinaBERT",
        "jina-bert",
        "jinaai/jina-reranker-v1-tiny-en",
        "jinaai/jina-reranker-v1-turbo-en",
    ),
    *_rows(
        "XLM-R, names of its own",
        "xlm-roberta-flash",
        "jinaai/jina-reranker-v2-base-multilingual",
    ),
    *_rows(
        "Qwen3, two tokens",
        "qwen3-causal",
        "Qwen/Qwen3-Reranker-0.6B=qwen3-0.6b",
        "Qwen/Qwen3-Reranker-4B",
        "Qwen/Qwen3-Reranker-8B",
    ),
    *_rows("Qwen3, classifier", "qwen3-classifier", "tomaarsen/Qwen3-Reranker-0.6B-seq-cls"),
    *_rows(
        "Qwen3, one token",
        "qwen3-one-token",
        "zeroentropy/zerank-1-small",
        "zeroentropy/zerank-1",
        "zeroentropy/zerank-2-reranker",
    ),
    *_rows(
        "Qwen2",
        "qwen2-causal",
        "mixedbread-ai/mxbai-rerank-base-v2",
        "mixedbread-ai/mxbai-rerank-large-v2",
    ),
    *_rows("Japanese BERT", "Japanese BERT", "hotchpotch/japanese-reranker-cross-encoder-large-v1"),
    *_rows("ModChemBERT", "ModChemBERT", "Derify/ChemRanker-alpha-sim"),
    *_rows("Qwen3, listwise", "listwise on Qwen3", "jinaai/jina-reranker-v3"),
    *_rows("Llama, bidirectional", "bidirectional Llama", "nvidia/llama-nemotron-rerank-1b-v2"),
    *_rows("MiniCPM", "MiniCPM, layerwise", "BAAI/bge-reranker-v2-minicpm-layerwise"),
    *_rows("Gemma", "gemma-causal", "BAAI/bge-reranker-v2-gemma"),
    *_rows("Qwen3-VL", "Qwen3-VL", "Qwen/Qwen3-VL-Reranker-2B"),
    *_rows("GGUF", "GGUF", "ggml-org/Qwen3-Reranker-0.6B-Q8_0-GGUF"),
]


def page(text: str, seen: dict[str, Any], speed: Result | None) -> str:
    """Return the page with its tables as the matrix and the benchmark saw them."""
    rows = [_cells(row, seen, speed) for row in ROWS]
    text = put_between(text, MARKER, table(HEAD, rows))
    kinds = [
        (f"`{kind}`", one["engine"], f"{one['parity']:.0e}") for kind, one in seen["kinds"].items()
    ]
    refused = [
        (f"`{kind}`", f"refused: {_short(why)}", "") for kind, why in seen["refused"].items()
    ]
    return put_between(
        text, KINDS_MARKER, table(("kind", "engine", "parity seen"), kinds + refused)
    )


def _cells(row: Row, seen: dict[str, Any], speed: Result | None) -> tuple[str, ...]:
    if row.kind in seen["refused"]:
        return row.name, row.family, f"refused: {_short(seen['refused'][row.kind])}", "", ""
    one = seen["kinds"][row.kind]
    fast = speed.pairs_a_second(row.shape, "secondpass_auto") if speed and row.shape else None
    shown = "not measured" if fast is None else f"{fast:.3g}"
    return row.name, row.family, one["engine"], f"{one['parity']:.0e}", shown


def _short(why: str) -> str:
    """Return the first sentence, in one cell of a table."""
    first = why.partition("\n")[0].partition(". ")[0].replace("|", "/")
    return first if len(first) <= _LONGEST_REASON else f"{first[: _LONGEST_REASON - 3]}..."


def measure() -> dict[str, Any]:
    """Return what the matrix sees of every kind here."""
    from scripts.model_matrix import KINDS, REFUSED, compare, refusal

    kinds, refused = {}, {}
    for name in KINDS:
        with tempfile.TemporaryDirectory() as scratch:
            one = compare(name, Path(scratch))
        print(f"{name}: {one.engine}, {one.difference:.1e}", flush=True)
        kinds[name] = {"engine": one.engine, "parity": float(f"{one.difference:.0e}")}
    for name in REFUSED:
        with tempfile.TemporaryDirectory() as scratch:
            refused[name] = refusal(name, Path(scratch))
    packages = ("sentence-transformers", "transformers", "torch", "openvino")
    versions = {package: version(package) for package in packages}
    return {"versions": versions, "kinds": kinds, "refused": refused}


def main() -> None:
    """Write the page; with --measure run the matrix first."""
    if "--measure" in sys.argv[1:]:
        warnings.simplefilter("ignore")
        text = json.dumps(measure(), indent=1, ensure_ascii=False)
        PARITY_FILE.write_text(text + "\n", encoding="utf-8")
    seen = json.loads(PARITY_FILE.read_text(encoding="utf-8"))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), seen, newest_result()), encoding="utf-8")


if __name__ == "__main__":
    main()
