"""`secondpass calibrate`, its file, and the scores of a calibrated model."""

import json
import shutil

import numpy as np
import pytest

from secondpass import CrossEncoder, CrossEncoderReranker, InputError
from secondpass.calibration.judged import (
    Labelled,
    judge_collection,
    judge_labelled,
    read_labelled,
)
from secondpass.cli.main import main
from secondpass.evaluation.collection import Collection

pytest.importorskip("scipy", reason="needs the measure extra")

TEXTS = [f"{one} {two}" for one in ("csv", "file", "row", "key", "sort") for two in "abcdefghijkl"]


@pytest.fixture(scope="module")
def model(parity, tmp_path_factory):
    return shutil.copytree(parity / "bert", tmp_path_factory.mktemp("model") / "bert")


@pytest.fixture(scope="module")
def reranker(model):
    return CrossEncoderReranker(model, precision="fp32")


@pytest.fixture(scope="module")
def pairs(reranker, tmp_path_factory):
    """Labels drawn by a probability that the tiny model's logits do not say themselves."""
    generator = np.random.default_rng(3)
    file = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    with file.open("w") as lines:
        for query in [f"read {word}" for word in TEXTS[:30]]:
            logits = reranker.score(query, TEXTS).logits.astype(float)
            chance = 1 / (1 + np.exp(-(6 * logits + 1)))
            labels = generator.random(len(TEXTS)) < chance
            for text, label in zip(TEXTS, labels.tolist(), strict=True):
                lines.write(json.dumps({"query": query, "text": text, "label": int(label)}) + "\n")
    return file


def run(*arguments):
    try:
        return main([str(one) for one in arguments])
    except SystemExit as ended:
        return ended.code


def test_the_file_makes_scores_probabilities(model, reranker, pairs, tmp_path, capsys):
    out = tmp_path / "out.json"
    assert not run("calibrate", model, "--on", pairs, "--out", out, "--precision", "fp32", "--json")
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(out.read_text())
    assert printed["schema"] == "secondpass/calibration/1"
    assert printed["pairs"] == 30 * len(TEXTS)
    assert printed["depth"] is None
    calibrated = CrossEncoderReranker(model, precision="fp32", calibration=out)
    assert calibrated.info.activation == f"calibrated ({printed['map']['method']})"
    plain, own = reranker.score("read csv a", TEXTS), calibrated.score("read csv a", TEXTS)
    np.testing.assert_array_equal(own.logits, plain.logits)
    chance = 1 / (1 + np.exp(-(6 * plain.logits.astype(float) + 1)))
    assert np.abs(own.scores - chance).mean() < 0.05
    assert (np.argsort(own.scores, kind="stable") == np.argsort(plain.logits, kind="stable")).all()
    kept = calibrated.rank("read csv a", TEXTS, None, min_score=0.5)
    assert len(kept) == (own.scores >= 0.5).sum()
    own_words = reranker.rank("read csv a", TEXTS, activation="identity")
    assert (
        calibrated.rank("read csv a", TEXTS, activation="identity")[0].score == own_words[0].score
    )


def test_beside_the_model_by_default_and_in_the_drop_in(model, pairs, capsys):
    assert not run("calibrate", model, "--on", pairs, "--precision", "fp32")
    assert (model / "calibration.json").is_file()
    assert capsys.readouterr().out
    ranked = [("read csv a", text) for text in TEXTS]
    drop_in = CrossEncoder(model, calibration=model).predict(ranked)
    reranker = CrossEncoderReranker(model, precision="fp32", calibration=model)
    np.testing.assert_allclose(drop_in, reranker.predict(ranked), atol=1e-6)
    with pytest.raises(InputError, match="is not saved with the model"):
        CrossEncoder(model, calibration=model).save_pretrained(model.parent / "saved")


@pytest.mark.parametrize(
    ("option", "value"), [("--depth", 3), ("--split", "train"), ("--max-queries", 5)]
)
def test_an_option_of_a_collection_is_refused_beside_a_file_of_pairs(
    model, pairs, tmp_path, capsys, option, value
):
    assert run("calibrate", model, "--on", pairs, option, value, "--out", tmp_path / "o.json") == 2
    said = capsys.readouterr().err
    assert f"{option} is of a collection, and --on is a file of pairs" in said
    assert not (tmp_path / "o.json").exists()


class Unasked:
    """A model that must not be asked."""

    def score(self, query, texts):
        raise AssertionError("scored")


@pytest.mark.parametrize("right", [0, 1])
def test_too_few_labels_of_a_file_are_known_before_it_is_scored(right):
    texts = {f"q{at}": ((f"t{at}", bool(right)),) for at in range(200)}
    with pytest.raises(InputError, match="at least 50, 50 and 10"):
        judge_labelled(Labelled("pairs", "0" * 64, texts), Unasked(), lambda _: None)


def test_too_few_labels_of_a_collection_are_known_before_it_is_scored():
    collection = Collection("few", {"d": "csv"}, {"q": "csv"}, {"q": {"d": 1}})
    with pytest.raises(InputError, match="few has 1 relevant candidates, 0 others"):
        judge_collection(collection, Unasked(), depth=5, relevant_from=1, advance=lambda _: None)


def test_a_collection_is_scored_by_its_candidates(model, reranker, tmp_path, capsys):
    folder = tmp_path / "judged"
    (folder / "qrels").mkdir(parents=True)
    words = [f"word{number}" for number in range(40)]
    with (folder / "corpus.jsonl").open("w") as file:
        for number in range(160):
            text = f"{words[number % 40]} csv {TEXTS[number % len(TEXTS)]} {number}"
            file.write(json.dumps({"_id": f"d{number}", "text": text}) + "\n")
    with (folder / "queries.jsonl").open("w") as file:
        for number, word in enumerate(words):
            file.write(json.dumps({"_id": f"q{number}", "text": f"read {word}"}) + "\n")
    lines = (folder / "corpus.jsonl").read_text().splitlines()
    corpus = [json.loads(line)["text"] for line in lines]
    rows = ["query-id\tcorpus-id\tscore"]
    for number, word in enumerate(words):
        logits = reranker.score(f"read {word}", corpus).logits
        candidates = [at for at in range(160) if at % 40 == number]
        best = sorted(candidates, key=lambda at: -logits[at])[:2]
        rows += [f"q{number}\td{at}\t1" for at in best]
    (folder / "qrels" / "test.tsv").write_text("\n".join(rows) + "\n")
    out = tmp_path / "out.json"
    assert not run("calibrate", model, "--on", folder, "--depth", 4, "--out", out, "--json")
    capsys.readouterr()
    found = json.loads(out.read_text())
    assert (found["collection"], found["depth"], found["queries"]) == ("judged", 4, 40)
    assert (found["pairs"], found["relevant"]) == (160, 80)


def test_too_few_labels_write_nothing(model, tmp_path, capsys):
    file = tmp_path / "few.csv"
    file.write_text("query,text,label\n" + "read,csv,1\n" + "read,row,0\n")
    assert run("calibrate", model, "--on", file, "--out", tmp_path / "out.json") == 2
    assert "has 1 relevant candidates, 1 others, and 1 queries" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"query": "a", "text": "b"}, "'label' is"),
        ({"query": "a", "text": "b", "label": "maybe"}, "'label' is 'maybe'"),
        ({"query": "", "text": "b", "label": 1}, "'query' is ''"),
        ({"query": "a", "label": 1}, "'text' is"),
        ({"query": "a", "text": "x", "label": 0}, "have another label"),
    ],
)
def test_rows_that_are_no_labelled_pair_are_named(tmp_path, row, words):
    file = tmp_path / "pairs.jsonl"
    first = {"query": "a", "text": "x", "label": True}
    file.write_text(json.dumps(first) + "\n" + json.dumps(row) + "\n")
    with pytest.raises(InputError) as error:
        read_labelled(file)
    assert words in str(error.value)
    assert "line 2" in str(error.value) or ":2" in str(error.value)


def test_labels_are_grades_or_words(tmp_path):
    file = tmp_path / "pairs.csv"
    rows = [("a", "1", 1), ("a", "2", "0"), ("b", "3", "true"), ("b", "4", "No"), ("b", "5", 2.5)]
    file.write_text("query,text,label\n" + "".join(f"{q},{t},{label}\n" for q, t, label in rows))
    assert read_labelled(file).texts == {
        "a": (("1", True), ("2", False)),
        "b": (("3", True), ("4", False), ("5", True)),
    }
    assert dict(read_labelled(file, 2).texts["b"]) == {"3": False, "4": False, "5": True}


@pytest.mark.parametrize(
    "beside", [{"activation": "tanh"}, {"cascade": ["embedded/cross-encoder", "embedded/accurate"]}]
)
def test_a_calibration_stands_alone(beside):
    with pytest.raises(InputError, match="calibration is of one model"):
        CrossEncoderReranker(calibration="file.json", **beside)


def test_another_models_calibration_is_refused(model, pairs, parity, tmp_path):
    out = tmp_path / "out.json"
    assert not run("calibrate", model, "--on", pairs, "--out", out, "--precision", "fp32", "--json")
    with pytest.raises(InputError, match="whose weights are not those of"):
        CrossEncoderReranker(parity / "roberta", calibration=out)
