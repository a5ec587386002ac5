"""--cascade and --keep as they are called."""

import json

import pytest
from click.testing import CliRunner

from secondpass import CrossEncoderReranker, InputError
from secondpass.cli.main import group
from secondpass.options.model import RerankerOptions

QUERY = "read the csv rows"


@pytest.fixture
def rerank(parity, documents, tmp_path):
    file = tmp_path / "candidates.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in documents))

    def call(*options):
        model = ["--model", str(parity / "bert"), "--max-length", "64", "--precision", "fp32"]
        return CliRunner().invoke(
            group, ["rerank", QUERY, str(file), *model, "--json", *map(str, options)]
        )

    return call


def test_the_small_model_reads_all_and_the_model_the_best_of_them(rerank, parity, documents):
    done = rerank("--cascade", parity / "electra", "--keep", 10, "--top-k", 12)
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    made = CrossEncoderReranker(
        cascade=[parity / "electra", parity / "bert"], keep=10, max_length=64, precision="fp32"
    )
    assert rows == made.rerank(QUERY, [{"text": text} for text in documents], 12)
    assert [row["scored_by"] for row in rows] == ["second"] * 10 + ["first"] * 2


def test_thirty_are_kept_by_default(rerank, parity):
    done = rerank("--cascade", parity / "electra", "--top-k", 31)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["scored_by"] for row in rows] == ["second"] * 30 + ["first"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--keep", "5"), "keep is 5, but there is no cascade"),
        (("--cascade", "a", "--effort", "fast"), "a cascade scores by all layers"),
        (("--cascade", "missing/model"), "missing/model"),
    ],
)
def test_what_cannot_be_meant_is_refused(rerank, options, message):
    done = rerank(*options)
    assert message in str(done.exception)
    assert done.stdout == ""


def test_a_budget_has_no_place_beside_a_cascade(rerank, parity):
    done = rerank("--cascade", parity / "electra", "--budget-ms", "50")
    assert "budget_ms cannot be used with a cascade" in str(done.exception)


def test_search_makes_the_same_cascade(monkeypatch):
    made = []

    def from_options(options):
        made.append(options)
        raise InputError("enough")

    monkeypatch.setattr("secondpass.reranker.CrossEncoderReranker.from_options", from_options)
    monkeypatch.setattr("secondpass.retrieval.embedder.Embedder", lambda *_, **__: None)
    monkeypatch.setattr("secondpass.retrieval.index.Index.open", lambda *_: None)
    options = ["--cascade", "small", "--model", "large", "--keep", "7"]
    done = CliRunner().invoke(group, ["search", QUERY, "--index", "folder", *options])
    assert str(done.exception) == "enough"
    assert made == [RerankerOptions(cascade=("small", "large"), keep=7)]
