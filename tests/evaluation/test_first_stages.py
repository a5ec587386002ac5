import json
from dataclasses import replace
from math import log

import numpy as np
import pytest
from small_collection import MODEL, write_collection, write_trec

from secondpass import InputError, ModelError
from secondpass.evaluation.first_stages import dense
from secondpass.evaluation.first_stages.bm25 import bm25_run
from secondpass.evaluation.first_stages.dense import dense_run
from secondpass.evaluation.first_stages.fusion import fuse
from secondpass.evaluation.first_stages.select import DenseFacts, find_candidates
from secondpass.evaluation.open_collection import open_collection
from secondpass.evaluation.runs import Ranked, top
from secondpass.evaluation.self_matches import without_self_matches
from secondpass.progress import silent


class TableEmbedder:
    """Two-dimensional unit vectors by a table of angles in degrees, 90 for any other text."""

    name, dimension, digest, info = "table", 2, "1" * 64, replace(MODEL, name="table")

    def __init__(self, angles):
        self.angles = angles
        self.texts = []

    def embed(self, texts, *, progress=None):
        self.texts.extend(texts)
        radians = np.radians([self.angles.get(text, 90) for text in texts])
        return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


ANGLES = {"csv reader": 10, "csv writer": 20, "read csv": 0, "date and time": 80, "queue": 180}


@pytest.fixture
def folder(tmp_path):
    return write_collection(tmp_path / "small")


@pytest.fixture
def collection(folder):
    return open_collection(str(folder))


def ids(run, query_id):
    return [one.document_id for one in run[query_id]]


def candidates(names, collection, tmp_path, limit=10):
    return find_candidates(
        names,
        collection,
        limit=limit,
        load_embedder=lambda: TableEmbedder(ANGLES),
        cache_dir=tmp_path / "cache",
    )


def test_dense_is_the_order_of_the_angles(collection, tmp_path):
    run = dense_run(collection, TableEmbedder(ANGLES), limit=3, cache_dir=tmp_path)
    assert ids(run, "q1") == ["a", "d", "b"]
    assert run["q1"][0].score == pytest.approx(np.cos(np.radians(10)), abs=1e-6)
    assert set(run) == {"q1", "q2", "q3"}


def test_the_corpus_is_embedded_once_and_again_when_it_changes(folder, tmp_path):
    def embedded(collection):
        embedder = TableEmbedder(ANGLES)
        run = dense_run(collection, embedder, limit=9, cache_dir=tmp_path)
        return run, len(embedder.texts)

    first, texts = embedded(open_collection(str(folder)))
    assert texts == 5 + 3
    assert embedded(open_collection(str(folder))) == (first, 3)
    (folder / "corpus.jsonl").write_text('{"_id": "a", "text": "another"}')
    assert embedded(open_collection(str(folder)))[1] == 1 + 3


class Ending(TableEmbedder):
    """Interrupted when it has embedded `ends_at` texts."""

    ends_at = None

    def embed(self, texts, *, progress=None):
        if self.ends_at is not None and len(self.texts) >= self.ends_at:
            raise KeyboardInterrupt
        return super().embed(texts, progress=progress)


def test_an_interrupted_corpus_is_gone_on_with(collection, tmp_path, monkeypatch):
    monkeypatch.setattr(dense, "PART", 2)
    texts = list(collection.documents.values())
    embedder, cache = Ending(ANGLES), tmp_path / "cache"
    embedder.ends_at = 2
    with pytest.raises(KeyboardInterrupt):
        dense.corpus_vectors(collection, embedder, cache, silent)
    assert embedder.texts == texts[:2]
    embedder.ends_at = None
    whole = dense.corpus_vectors(collection, embedder, cache, silent)
    assert embedder.texts == texts
    assert np.array_equal(whole, TableEmbedder(ANGLES).embed(texts))
    part = sorted((cache / "eval").iterdir())[1]
    for damage in (b"", b"none of numpy's", part.read_bytes()[:-3]):
        part.write_bytes(damage)
        again = TableEmbedder(ANGLES)
        assert np.array_equal(dense.corpus_vectors(collection, again, cache, silent), whole)
        assert len(again.texts) == 2
    assert len(list(cache.rglob("*"))) == 1 + 3


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nowhere"])
def test_a_cache_that_cannot_be_kept_is_one_warning_before_the_work(
    collection, tmp_path, monkeypatch, place
):
    monkeypatch.setattr(dense, "PART", 2)
    monkeypatch.setattr("secondpass.settings._warned", set())
    (tmp_path / "file").write_text("in the way")
    embedder = Ending(ANGLES)
    embedder.ends_at = 0
    with (
        pytest.warns(UserWarning, match="cannot be written") as warned,
        pytest.raises(KeyboardInterrupt),
    ):
        dense.corpus_vectors(collection, embedder, tmp_path / place, silent)
    assert len(warned) == 1
    embedder.ends_at = None
    # It is said once in a process: another warning would be an error here.
    vectors = dense.corpus_vectors(collection, embedder, tmp_path / place, silent)
    assert vectors.shape == (5, 2)


def test_a_run_is_read_before_another_stage_works(collection, tmp_path):
    def load():
        raise AssertionError("loaded")

    for name in ("run:none.trec", "bm52"):
        with pytest.raises(InputError, match=r"there is no run|did you mean bm25"):
            find_candidates(
                ["dense", name], collection, limit=3, load_embedder=load, cache_dir=tmp_path
            )


def test_dense_keeps_the_tie_rule_at_the_cut(tmp_path):
    same = dict.fromkeys("acbd", "csv reader")
    folder = write_collection(tmp_path / "small", documents={**same, "e": "queue"})
    found = open_collection(str(folder))
    run = dense_run(found, TableEmbedder(ANGLES), limit=2, cache_dir=tmp_path)
    assert ids(run, "q1") == ["d", "c"]


def test_vectors_that_are_not_unit_length_are_refused(collection, tmp_path):
    class Long(TableEmbedder):
        def embed(self, texts, *, progress=None):
            return 2 * super().embed(texts)

    with pytest.raises(ModelError, match="of length 2"):
        dense_run(collection, Long({}), limit=3, cache_dir=tmp_path)


def test_bm25_worked_by_hand(collection):
    """Lucene's formula: idf * tf / (tf + k1 * (1 - b + b * length / mean length))."""
    run = bm25_run(collection, limit=10)
    assert ids(run, "q1") == ["d", "a"]
    # "csv" is in 2 of 5 documents; without stop words their lengths are 2, 2, 2, 2, 1.
    idf = log(1 + (5 - 2 + 0.5) / (2 + 0.5))
    expected = idf / (1 + 1.5 * (1 - 0.75 + 0.75 * 2 / 1.8))
    assert [one.score for one in run["q1"]] == pytest.approx([expected, expected], rel=1e-5)


def test_bm25_of_a_query_without_a_known_word(tmp_path):
    folder = write_collection(tmp_path / "small", queries={"q1": "the", "q2": "zebra", "q3": "csv"})
    run = bm25_run(open_collection(str(folder)), limit=10)
    assert (run["q1"], run["q2"]) == ((), ())
    assert len(run["q3"]) == 2


@pytest.mark.parametrize("text", ["", "the of and", "?!"])
def test_bm25_of_a_corpus_without_a_word(folder, text):
    (folder / "corpus.jsonl").write_text(
        "\n".join(json.dumps({"_id": id_, "text": text}) for id_ in "ab")
    )
    (folder / "POOLED").touch()
    write_trec(folder / "run.x.trec", [("q1", "a", 2), ("q1", "b", 1)])
    collection = open_collection(str(folder))
    in_the_pool = bm25_run(collection, limit=10)
    assert in_the_pool["q1"] == (Ranked("b", 0.0), Ranked("a", 0.0))
    anywhere = bm25_run(replace(collection, pool=None), limit=10)
    assert anywhere == {"q1": (), "q2": (), "q3": ()}


def test_in_a_pool_only_its_documents_are_ranked_and_all_of_them(folder, tmp_path):
    (folder / "POOLED").touch()
    write_trec(folder / "run.x.trec", [("q1", "a", 2), ("q1", "e", 1), ("q1", "gone", 1)])
    collection = open_collection(str(folder))
    assert ids(bm25_run(collection, limit=9), "q1") == ["a", "e"]
    run = dense_run(collection, TableEmbedder(ANGLES), limit=9, cache_dir=tmp_path)
    assert ids(run, "q1") == ["a", "e"]
    assert run["q2"] == ()


def test_reciprocal_rank_fusion_worked_by_hand():
    one = {"q": (Ranked("a", 9.0), Ranked("b", 8.0)), "only": (Ranked("z", 1.0),)}
    two = {"q": (Ranked("b", 0.3), Ranked("c", 0.2), Ranked("a", 0.1))}
    found = fuse([one, two])
    assert found["q"] == (
        Ranked("b", 1 / 62 + 1 / 61),
        Ranked("a", 1 / 61 + 1 / 63),
        Ranked("c", 1 / 62),
    )
    assert found["only"] == (Ranked("z", 1 / 61),)


def test_the_cut_keeps_the_tie_rule():
    scores = np.array([1, 2, 1, 1, 0], np.float32)
    found = top(scores, list("abcde"), 2, np.arange(5))
    assert found == (Ranked("b", 2.0), Ranked("d", 1.0))
    assert len(top(scores, list("abcde"), 9, np.arange(5))) == 5
    assert top(scores, list("abcde"), 9, np.array([], np.intp)) == ()


def test_a_run_is_found_in_the_folder_and_only_judged_queries_are_kept(
    collection, folder, tmp_path
):
    write_trec(folder / "run.x.trec", [("q1", "a", 2), ("q4", "b", 1)])
    found = candidates(["run:run.x.trec"], collection, tmp_path)
    assert found.run == {"q1": (Ranked("a", 2.0),)}
    assert found.description == "run.x.trec"
    write_trec(folder / "run.x.trec", [("q4", "b", 1)])
    with pytest.raises(InputError, match="no query that small has judgements of"):
        candidates(["run:run.x.trec"], collection, tmp_path)
    with pytest.raises(InputError, match="there is no run"):
        candidates(["run:none.trec"], collection, tmp_path)


def test_several_are_fused_and_said_so(collection, folder, tmp_path):
    write_trec(folder / "run.x.trec", [("q1", "e", 2)])
    found = candidates(["bm25", "run:run.x.trec"], collection, tmp_path)
    assert found.run["q1"][:2] == (Ranked("e", 1 / 61), Ranked("d", 1 / 61))
    assert "fused by reciprocal rank (k = 60, Cormack et al. 2009)" in found.description
    assert candidates(["bm25", "bm25"], collection, tmp_path).description.startswith("bm25 (")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["dense"], DenseFacts(TableEmbedder.info, 5, 2)),
        (["bm25", "dense"], DenseFacts(TableEmbedder.info, 5, 2)),
        (["dense", "bm25"], DenseFacts(TableEmbedder.info, 5, 2)),
        (["bm25"], None),
    ],
)
def test_a_dense_stage_says_what_embedded(collection, tmp_path, names, expected):
    assert candidates(names, collection, tmp_path).dense == expected


def test_an_unknown_first_stage(collection, tmp_path):
    with pytest.raises(
        InputError, match="'splade' is not known: give dense, bm25, hybrid or run:FILE"
    ):
        candidates(["splade"], collection, tmp_path)


def test_only_a_query_that_is_the_document_loses_it(tmp_path):
    folder = write_collection(
        tmp_path / "small",
        documents={"1": "Cats  are\nkind", "2": "dogs"},
        queries={"1": "Cats are kind", "2": "cats"},
        qrels={"1": {"2": 1}, "2": {"1": 1}},
    )
    run = {"1": (Ranked("1", 2.0), Ranked("2", 1.0)), "2": (Ranked("2", 1.0),)}
    kept, dropped = without_self_matches(run, open_collection(str(folder)))
    assert kept == {"1": (Ranked("2", 1.0),), "2": (Ranked("2", 1.0),)}
    assert dropped == 1


@pytest.mark.parametrize(
    ("own", "judged", "expected", "count"),
    [
        ("How do I reset my password?", {"1": 1}, ["1", "2"], 0),
        ("How do I reset my password?", {"1": 0, "2": 1}, ["1", "2"], 0),
        ("How do I reset my password?", {"2": 1}, ["2"], 1),
        ("Something else.", {"2": 1}, ["1", "2"], 0),
    ],
)
def test_what_is_judged_is_an_answer(tmp_path, own, judged, expected, count):
    folder = write_collection(
        tmp_path / "faq",
        documents={"1": f"{own} Open settings.", "2": "Under billing."},
        queries={"1": "How do I reset my password?"},
        qrels={"1": judged},
    )
    run = {"1": (Ranked("1", 2.0), Ranked("2", 1.0))}
    kept, dropped = without_self_matches(run, open_collection(str(folder)))
    assert (ids(kept, "1"), dropped) == (expected, count)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("如何重置密码", "zh"),
        ("茶", "tea"),
        ("パスワードを忘れた", "ja"),
        ("รหัสผ่าน", "th"),
        ("비밀번호", "ko"),
        ("पासवर्ड", "hi"),
        ("cafe\u0301", "nfc"),
        ("ລະຫັດຜ່ານ", "lo"),
    ],
)
def test_bm25_finds_words_in_any_script(tmp_path, query, found):
    documents = {
        "zh": "忘记了怎么办:您可以在设置里重置密码。",
        "tea": "我每天喝绿茶两杯",
        "ja": "パスワードを忘れた場合は設定を開いてください。",
        "th": "เปลี่ยนรหัสผ่านได้ที่การตั้งค่า",
        "ko": "비밀번호를 바꾸려면 설정을 여세요",
        "hi": "पासवर्ड बदलने के लिए सेटिंग खोलें",
        "nfc": "a caf\u00e9 in town",
        "lo": "ປ່ຽນລະຫັດຜ່ານໃນການຕັ້ງຄ່າ",
        "en": "open the settings to change a password",
    }
    folder = write_collection(
        tmp_path / "scripts", documents=documents, queries={"q": query}, qrels={"q": {found: 1}}
    )
    assert ids(bm25_run(open_collection(str(folder)), limit=1), "q") == [found]


def test_words_of_ascii_are_those_of_bm25s():
    import bm25s

    from secondpass.evaluation.first_stages.bm25 import tokens

    texts = ["The csv module: reads comma-separated FILES, row_by_row; x 1 22 it's.", "", "über Öl"]
    expected = bm25s.tokenize(texts, stopwords="english", return_ids=False, show_progress=False)
    assert [tokens(text) for text in texts] == expected
