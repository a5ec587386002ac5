"""A toy collection that a tiny model can learn: passages with "sort" answer, those with "error" do
not, and the queries of `dev` are others than those trained on.
"""

import json

WORDS = ["csv", "file", "reader", "row", "column", "path", "open", "list", "lock", "queue", "wait"]
DEV_QUERIES = ("sort the row", "sort a list", "key sort", "sort by name")


def write_toy(folder):
    """Write train.jsonl, and a collection `dev` whose run has the wrong ones first."""
    pairs = [f"{one} {other}" for one in WORDS for other in WORDS if one < other]
    train, held_out = pairs[:42], pairs[42:]
    write_lines(
        folder / "train.jsonl",
        [
            {"query": "sort", "positive": f"{pair} sort", "negatives": [f"{pair} error"]}
            for pair in train
        ],
    )
    documents = {f"a{at}": f"{pair} sort" for at, pair in enumerate(held_out)}
    documents |= {f"z{at}": f"{pair} error" for at, pair in enumerate(held_out)}
    write_collection(folder / "dev", documents)
    return folder


def write_collection(folder, documents):
    (folder / "qrels").mkdir(parents=True)
    write_lines(
        folder / "corpus.jsonl", [{"_id": id_, "text": text} for id_, text in documents.items()]
    )
    write_lines(
        folder / "queries.jsonl",
        [{"_id": f"q{at}", "text": text} for at, text in enumerate(DEV_QUERIES)],
    )
    rows = [
        (f"q{at}", id_) for at in range(len(DEV_QUERIES)) for id_ in sorted(documents, reverse=True)
    ]
    judged = "".join(f"{q}\t{id_}\t{int(id_ < 'b')}\n" for q, id_ in rows)
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    (folder / "run.bm25.trec").write_text(
        "".join(f"{q} Q0 {id_} 0 {-at} toy\n" for at, (q, id_) in enumerate(rows))
    )


def write_lines(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file
