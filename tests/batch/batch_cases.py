"""Rows for the tests of batches, and what the library itself makes of them."""

import json
import random

import pyarrow.dataset

WORDS = ["csv", "file", "reader", "row", "column", "path", "open", "close", "list", "sort", "key"]


def rows(count, seed=0):
    """Rows of different numbers of documents of different lengths, an empty text among them."""
    random_ = random.Random(seed)

    def text(most):
        return " ".join(random_.choices(WORDS, k=random_.randrange(most)))

    return [
        {
            "id": f"q{at}",
            "query": f"how to {random_.choice(WORDS)} {at}",
            "documents": [
                {"id": f"d{at}-{one}", "text": text(40), "score": float(one)}
                for one in range(random_.randrange(1, 9))
            ],
        }
        for at in range(count)
    ]


def write_rows(file, given):
    file.write_text("".join(json.dumps(row) + "\n" for row in given))
    return file


def read(folder):
    """Return the rows of all result files, by their number."""
    found = pyarrow.dataset.dataset(folder, format="parquet").to_table().to_pylist()
    numbers = [row["row"] for row in found]
    assert len(set(numbers)) == len(numbers), "a row is there twice"
    return {row["row"]: row for row in found}


def expected(reranker, row, **options):
    """Return what a call of the library gives for a row, as the results have it."""
    hits = reranker.rank(
        row["query"], [one["text"] for one in row["documents"]], None, **options
    ).hits
    return [(row["documents"][hit.index]["id"], hit.score, hit.logit) for hit in hits]


def scored(row):
    return [(one["id"], one["score"], one["logit"]) for one in row["ranking"]]


def assert_equal_to_the_library(folder, given, reranker):
    """Compare every row bit for bit with a call of the library."""
    found = read(folder)
    assert sorted(found) == list(range(len(given)))
    for number, row in enumerate(given):
        assert found[number]["error"] is None
        assert found[number]["id"] == row["id"]
        assert scored(found[number]) == expected(reranker, row)
