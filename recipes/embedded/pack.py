"""python -m recipes.embedded.pack: what the device needs, as token ids: texts, queries, and the development collections.

Writes texts.npz (training) and dev.npz (evaluation), compressed; every text is cut, without special tokens.
"""

from __future__ import annotations

import argparse
import gzip
import json
import lzma
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

PASSAGE_TOKENS, QUERY_TOKENS, DEV_TOKENS, DEV_QUERY_TOKENS = 200, 64, 300, 280
DEPTH = 100
# Queries drawn from each source at most, and its kind: what decides the teachers' weights.
SOURCES: dict[str, tuple[int, str]] = {
    "nqopen": (9999999, "web"),
    "medquad": (15000, "web"),
    "squadshifts_wiki": (9999999, "web"),
    "squadshifts_amazon": (3000, "web"),
    "squadshifts_reddit": (3000, "web"),
    "squad_sent": (9999999, "web"),
    "qamr": (10000, "web"),
    "dstc9_faq": (8000, "web"),
    "policyqa": (661, "web"),
    "covidqa": (9999999, "web"),
    "pubmedqa": (9999999, "web"),
    "multispanqa_valid": (9999999, "web"),
    "selqa_dev": (9999999, "web"),
    "arxiv_title_abstract": (25000, "web"),
    "wordnet_defs": (6000, "web"),
    "tldr": (12000, "docs"),
    "factbook": (5000, "web"),
    "opensearch_docs": (9999999, "docs"),
    "powershell_docs": (9999999, "docs"),
    "otel_docs": (9999999, "docs"),
    "haystack_docs": (9999999, "docs"),
}
# Sources whose passages also stand as queries: long queries, and how many.
LONG = {
    "arxiv_title_abstract": 6000,
    "squadshifts_wiki": 1600,
    "medquad": 3000,
    "nqopen": 2500,
    "pubmedqa": 1000,
    "covidqa": 1200,
    "opensearch_docs": 2000,
    "squadshifts_amazon": 1500,
    "squadshifts_reddit": 1500,
}


class Texts:
    """Distinct texts, numbered as they come."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def add(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--train", type=Path, nargs="+", required=True, help="folders of SOURCE.jsonl.gz"
    )
    parser.add_argument("--dev", type=Path, required=True, help="folder of collections")
    parser.add_argument("--questions", type=Path, required=True, help="stdlib_questions.json")
    parser.add_argument(
        "--documents",
        type=Path,
        required=True,
        help="JSON Lines of the standard library's documentation",
    )
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--most", type=int, default=10**9, help="queries of each source, for a dry run"
    )
    arguments = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(arguments.tokenizer))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    arguments.out.mkdir(parents=True, exist_ok=True)
    pack_training(arguments.train, tokenizer, arguments.out / "texts.npz.xz", arguments.most)
    pack_dev(arguments, tokenizer, arguments.out / "dev.npz.xz")


def pack_training(folders: list[Path], tokenizer: Tokenizer, file: Path, most: int) -> None:
    """Write passages and queries; a query has its source, its positive, and its own negatives (-1 fills)."""
    files = sorted(file for folder in folders for file in folder.glob("*.jsonl.gz"))
    passages, queries, rows = Texts(), [], []
    names, kinds, ranges = [], [], []
    for path in files:
        name = path.name.removesuffix(".jsonl.gz")
        limit, kind = SOURCES.get(name, (12000, "docs"))
        first = len(passages.numbers)
        pairs = list(read(path))
        random.Random(13).shuffle(pairs)
        seen: set[str] = set()
        for row in pairs:
            query = row["query"].strip()
            if not query or query in seen or len(seen) >= min(limit, most):
                continue
            seen.add(query)
            kept = 3 if name in SOURCES else 1
            own = [passages.add(text) for text in row.get("negatives", ())[:kept] if text.strip()]
            positive = passages.add(row["positive"])
            queries.append(query)
            rows.append((len(names), positive, (own + [-1, -1, -1])[:3], 0))
        if name in LONG:
            texts = [text for text, number in passages.numbers.items() if number >= first]
            random.Random(14).shuffle(texts)
            for text in texts[: min(LONG[name], most)]:
                queries.append(text)
                rows.append((len(names), passages.numbers[text], [-1, -1, -1], 1))
        names.append(name)
        kinds.append(kind)
        ranges.append((first, len(passages.numbers)))
        print(name, kind, len(seen), "queries", ranges[-1][1] - first, "passages", flush=True)
    passage_ids = encode(tokenizer, list(passages.numbers), PASSAGE_TOKENS)
    long = np.array([row[3] for row in rows], bool)
    query_ids = encode(tokenizer, queries, [180 if one else QUERY_TOKENS for one in long])
    save(
        file,
        **flat("passages", passage_ids),
        **flat("queries", query_ids),
        source=np.array([row[0] for row in rows], np.int16),
        positive=np.array([row[1] for row in rows], np.int32),
        own=np.array([row[2] for row in rows], np.int32),
        long=long,
        ranges=np.array(ranges, np.int32),
        names=np.array(names),
        kinds=np.array(kinds),
    )


def pack_dev(arguments: argparse.Namespace, tokenizer: Tokenizer, file: Path) -> None:
    """Write each collection's documents, judged queries, judgements, and BM25's candidates."""
    arrays: dict[str, Any] = {}
    names = []
    for folder in sorted(path for path in arguments.dev.iterdir() if path.is_dir()):
        name = folder.name
        names.append(name)
        corpus = {
            row["_id"]: (row.get("title", "") + " " + row["text"]).strip()
            for row in lines(find(folder, "corpus.jsonl"))
        }
        queries = {row["_id"]: row["text"] for row in lines(find(folder, "queries.jsonl"))}
        qrels: dict[str, dict[str, int]] = {}
        for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
            query, document, grade = line.split("\t")
            qrels.setdefault(query, {})[document] = int(grade)
        run: dict[str, list[str]] = {}
        for line in opened(find(folder, "run.bm25.trec")):
            query, _, document, *_ = line.split()
            if not (name == "arguana" and query == document):
                run.setdefault(query, []).append(document)
        chosen = [query for query in qrels if query in run and max(qrels[query].values()) > 0]
        numbers = {id_: number for number, id_ in enumerate(corpus)}
        arrays |= flat(f"{name}.documents", encode(tokenizer, list(corpus.values()), DEV_TOKENS))
        arrays |= flat(
            f"{name}.queries", encode(tokenizer, [queries[id_] for id_ in chosen], DEV_QUERY_TOKENS)
        )
        arrays[f"{name}.bm25"] = np.array(
            [padded([numbers[d] for d in run[q] if d in numbers]) for q in chosen], np.int32
        )
        arrays[f"{name}.self"] = np.array(
            [numbers.get(q, -1) if name == "arguana" else -1 for q in chosen], np.int32
        )
        judged = [
            (row, numbers.get(d, -1), grade)
            for row, q in enumerate(chosen)
            for d, grade in qrels[q].items()
        ]
        arrays[f"{name}.qrels"] = np.array(judged, np.int32)
        print(name, len(corpus), "documents", len(chosen), "queries", flush=True)
    stdlib(arguments, tokenizer, arrays)
    save(file, names=np.array([*names, "stdlib"]), **arrays)


def stdlib(arguments: argparse.Namespace, tokenizer: Tokenizer, arrays: dict[str, Any]) -> None:
    """Add the questions to the standard library's docstrings; they have no BM25 run."""
    documents = {row["id"]: row["text"] for row in lines(arguments.documents)}
    questions = json.loads(arguments.questions.read_text())["questions"]
    numbers = {id_: number for number, id_ in enumerate(documents)}
    arrays |= flat("stdlib.documents", encode(tokenizer, list(documents.values()), DEV_TOKENS))
    arrays |= flat(
        "stdlib.queries",
        encode(tokenizer, [one["question"] for one in questions], DEV_QUERY_TOKENS),
    )
    arrays["stdlib.bm25"] = np.full((len(questions), DEPTH), -1, np.int32)
    arrays["stdlib.self"] = np.full(len(questions), -1, np.int32)
    judged = [
        (row, numbers[id_], 1)
        for row, one in enumerate(questions)
        for id_ in one["answers"]
        if id_ in numbers
    ]
    arrays["stdlib.qrels"] = np.array(judged, np.int32)
    print(
        "stdlib",
        len(documents),
        "documents",
        len(questions),
        "questions",
        len(judged),
        "answers",
        flush=True,
    )


def read(path: Path) -> Iterator[dict[str, Any]]:
    for line in opened(path):
        yield json.loads(line)


def lines(path: Path) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in opened(path) if line.strip())


def opened(path: Path) -> Iterator[str]:
    with (
        gzip.open(path, "rt", encoding="utf-8")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8")
    ) as file:
        yield from file


def find(folder: Path, name: str) -> Path:
    return folder / name if (folder / name).exists() else folder / f"{name}.gz"


def padded(numbers: list[int]) -> list[int]:
    return (numbers[:DEPTH] + [-1] * DEPTH)[:DEPTH]


def encode(tokenizer: Tokenizer, texts: list[str], limit: int | list[int]) -> list[list[int]]:
    """Return each text's ids; at most limit * 8 characters are looked at."""
    limits = [limit] * len(texts) if isinstance(limit, int) else limit
    ids = []
    for start in range(0, len(texts), 4096):
        block = [
            text[: most * 8]
            for text, most in zip(
                texts[start : start + 4096], limits[start : start + 4096], strict=True
            )
        ]
        ids += [one.ids for one in tokenizer.encode_batch(block, add_special_tokens=False)]
    return [one[:most] for one, most in zip(ids, limits, strict=True)]


def flat(name: str, ids: list[list[int]]) -> dict[str, Any]:
    return {
        f"{name}.ids": np.array([one for text in ids for one in text], np.uint16),
        f"{name}.lengths": np.array([len(text) for text in ids], np.uint16),
    }


def save(file: Path, **arrays: Any) -> None:
    with lzma.open(file, "wb", preset=4) as out:
        np.savez(out, **arrays)
    print(file, f"{file.stat().st_size / 1e6:.1f} MB", flush=True)


if __name__ == "__main__":
    main()
