"""A collection of four queries, a reranker with fixed scores, and a silent progress bar."""

import json
from contextlib import contextmanager

from secondpass import InputError
from secondpass.testing import FakeReranker

DOCUMENTS = {
    "a": "csv reader",
    "b": "date and time",
    "c": "a lock for threads",
    "d": "csv writer",
    "e": "queue",
}
QUERIES = {"q1": "read csv", "q2": "what time is it", "q3": "thread lock", "q4": "unjudged"}
QRELS = {"q1": {"a": 2, "d": 1}, "q2": {"b": 1, "e": 0}, "q3": {"c": 1}}


def write_collection(folder, *, qrels=QRELS, queries=QUERIES, documents=DOCUMENTS):
    folder.mkdir(exist_ok=True)
    (folder / "corpus.jsonl").write_text(
        "\n".join(json.dumps({"_id": id_, "title": "", "text": t}) for id_, t in documents.items())
    )
    (folder / "queries.jsonl").write_text(
        "\n".join(json.dumps({"_id": id_, "text": text}) for id_, text in queries.items())
    )
    (folder / "qrels").mkdir(exist_ok=True)
    lines = [f"{q}\t{d}\t{grade}" for q, judged in qrels.items() for d, grade in judged.items()]
    (folder / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\n" + "\n".join(lines) + "\n"
    )
    return folder


def write_trec(file, rows):
    file.write_text("".join(f"{q} Q0 {d} 0 {score} tag\n" for q, d, score in rows))
    return file


MODEL = FakeReranker().info


def fixed_reranker(scores=None, *, refuses=(), interrupted_at=None):
    """Scores a text by a table, else 0. Refuses or is interrupted at the queries it is told."""
    table = scores or {}

    def on_call(query, texts):
        if query == interrupted_at:
            raise KeyboardInterrupt
        if query in refuses:
            raise InputError("the query leaves no room for a text")

    return FakeReranker(lambda _, text: table.get(text, 0.0), ms_per_text=10.0, on_call=on_call)


@contextmanager
def silent(description, total):
    yield lambda advance: None
