"""--budget-ms as it is called."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from secondpass.cli.main import main
from secondpass.cli.search import print_result, result_rows
from secondpass.types import Hit, RetrievedDocument, SearchHit, SearchResult, SearchTimings, Timings

TEXTS = ["a queue", "reads csv files row by row", "a lock"]
QUERY = "how do I read a csv file"


def rerank(*options):
    return subprocess.run(
        [sys.executable, "-m", "secondpass", "rerank", QUERY, *options],
        input="\n".join(json.dumps({"text": text}) for text in TEXTS),
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "120"},
    )


def test_time_enough_reads_all_and_marks_it():
    done = rerank("--budget-ms", "600000")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found[0]["text"] == TEXTS[1]
    assert [one["reranked"] for one in found] == [True] * 3


def test_no_time_keeps_the_order_and_says_so():
    done = rerank("--budget-ms", "0.001")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"text": text, "cross_encoder_score": None, "reranked": False} for text in TEXTS
    ]
    assert done.stderr == (
        "note: 0 of 3 were scored within --budget-ms 0.001; "
        "the others follow in the order they had\n"
    )


@pytest.mark.parametrize("value", ["0", "-5", "nan", "inf", "soon"])
def test_bad_budgets_are_one_line(value, capsys):
    with pytest.raises(SystemExit) as left:
        main(["rerank", QUERY, "--budget-ms", value])
    assert left.value.code == 2
    message = capsys.readouterr().err
    assert len(message.strip().splitlines()) == 1
    assert "--budget-ms" in message


def test_an_unread_document_is_printed_with_a_dash_and_null(capsys):
    document = RetrievedDocument("d1", "a queue", {}, 0.25)
    hit = SearchHit(document, 1, 1, Hit(0, None, "a queue", False, reranked=False))
    result = SearchResult((hit,), SearchTimings(1.0, Timings(candidates=1), 2.0))
    print_result(result, "queue")
    row, passage = capsys.readouterr().out.splitlines()[1:3]
    assert (row.split(), passage) == (["1", "1", "-", "d1"], "    a queue")
    (row,) = result_rows(result, "queue", marked=True)
    assert row["cross_encoder_score"] is None
    assert row["reranked"] is False
    assert "reranked" not in result_rows(result, "queue", marked=False)[0]


def test_searching_passes_the_budget_on_and_says_what_was_read(monkeypatch, capsys):
    """The index and the models are stand-ins; what the command does with them is not."""
    asked = {}

    class Pipeline:
        def __init__(self, *stages, **fusion):
            pass

        def search(self, query, top_k, **options):
            asked.update(options)
            document = RetrievedDocument("d1", "a", {}, 0.5)
            hit = SearchHit(document, 1, 1, Hit(0, None, "a", False, reranked=False))
            return SearchResult((hit,), SearchTimings(1.0, Timings(candidates=4, reranked=0), 2.0))

    class Reranker:
        info = SimpleNamespace(max_length=512)

        def calibrate(self):
            asked["calibrated"] = True

    monkeypatch.setattr("secondpass.pipeline.SearchPipeline", Pipeline)
    monkeypatch.setattr("secondpass.retrieval.embedder.Embedder", lambda *_, **__: None)
    monkeypatch.setattr(
        "secondpass.retrieval.index.Index.open", lambda *_: SimpleNamespace(states=None, columns={})
    )
    monkeypatch.setattr("secondpass.cli.loading.load_reranker", lambda **_: Reranker())
    main(["search", QUERY, "--index", "folder", "--budget-ms", "30"])
    assert asked == {"calibrated": True, "min_score": None, "budget_ms": 30.0}
    printed = capsys.readouterr()
    assert json.loads(printed.out)["reranked"] is False
    assert printed.err == (
        "note: 0 of 4 were scored within --budget-ms 30; the others follow in the order they had\n"
    )
