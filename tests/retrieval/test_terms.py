"""Terms: the same words in a query and a text, in every script; and BM25 of them."""

from __future__ import annotations

import numpy as np
import pytest

from secondpass.retrieval.stores.bm25 import Postings, TermScan, best
from secondpass.retrieval.terms import STOP_WORDS, document_terms, marked_words, query_terms


def shared(query, text):
    return set(query_terms(query).tolist()) & set(document_terms(text).tolist())


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("CSV", "reads a csv file"),
        ("read_csv", "pandas: read csv"),
        ("vitamin C", "C is a vitamin"),
        ("如何重置密码", "您可以在设置里重置密码。"),
        ("茶", "我每天喝绿茶两杯"),
        ("パスワードを忘れた", "パスワードを忘れた場合"),
        ("ﾊﾟｽﾜｰﾄﾞ", "パスワードを忘れた場合"),
        ("ＡＢＣ", "the abc of it"),
        ("รหัสผ่าน", "เปลี่ยนรหัสผ่านได้"),
        ("비밀번호", "비밀번호를 바꾸려면"),
        ("पासवर्ड", "पासवर्ड बदलने के लिए"),
        ("ລະຫັດຜ່ານ", "ປ່ຽນລະຫັດຜ່ານ"),
        ("លេខសម្ងាត់", "ប្ដូរលេខសម្ងាត់"),
        ("cafe\u0301", "a caf\u00e9 in town"),
        ("STRASSE", "die Straße"),
        ("ΣΊΣΥΦΟΣ", "ο Σίσυφος"),
        ("Пароль", "сменить пароль"),
        ("كلمة", "غيّر كلمة المرور"),
        ("the who", "The Who: a band"),
        ("GPT4 模型", "用gpt4模型"),
    ],
)
def test_a_query_and_a_text_share_their_words(query, text):
    assert shared(query, text)


def test_a_query_drops_stop_words_unless_it_has_no_others():
    assert not shared("the csv", "the json")
    assert len(query_terms("to be or not to be")) == 6
    assert len(query_terms("")) == len(query_terms("?! — …")) == 0


def test_ascii_has_the_terms_that_it_has_beside_other_text():
    text = "How to read_csv: A1, it's 2 FILES! " * 3
    beside = document_terms(f"{text} \u00e9")
    assert document_terms(text).tolist() == beside.tolist()[:-1]
    assert set(query_terms("files a1 csv").tolist()) <= set(document_terms(text).tolist())


def test_a_document_has_each_term_as_often_as_it_comes():
    terms = document_terms("one two one")
    assert terms.dtype == np.uint32
    assert terms[0] == terms[2] != terms[1]
    # Of a run without blanks: its pairs, and its characters.
    assert len(document_terms("密码好")) == 2 + 3
    assert len(query_terms("密码好")) == 2


@pytest.mark.parametrize(
    ("query", "text", "words"),
    [
        ("read the csv", "Read: a CSV file, the csv.", ["Read", "CSV", "csv"]),
        ("重置密码", "您可以在设置里重置密码。", ["重置密码"]),
        ("パスワード", "新しいパスワードを設定", ["パスワード"]),
        ("cafe\u0301", "a caf\u00e9 in town", ["caf\u00e9"]),
        ("nothing", "of it", []),
    ],
)
def test_the_words_of_a_query_are_marked_where_they_are(query, text, words):
    assert [text[start:end] for start, end in marked_words(query, text)] == words


def drawn(seed, texts=60, words=30):
    """Return texts of drawn terms, some of them empty."""
    random = np.random.default_rng(seed)
    return [
        random.zipf(1.5, random.integers(0, 20)).clip(max=words).astype(np.uint32)
        for _ in range(texts)
    ]


def by_the_book(query, texts, k1=1.5, b=0.75):
    mean = sum(map(len, texts)) / len(texts)
    scores = []
    for text in texts:
        score = 0.0
        for term in query.tolist():
            having = sum(term in one for one in texts)
            count = int((text == term).sum())
            idf = np.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
            score += idf * count / (count + k1 * (1 - b + b * len(text) / mean)) if count else 0.0
        scores.append(score)
    return scores


@pytest.mark.parametrize("seed", range(5))
def test_both_ways_of_counting_give_bm25_to_the_last_bit(seed):
    texts = drawn(seed)
    query = np.array([1, 2, 2, 7, 29, 4_000_000_000], np.uint32)
    lengths = np.array(list(map(len, texts)))
    held = Postings(np.concatenate(texts), lengths).scores(query)
    scan = TermScan(query)
    for start in range(0, len(texts), 7):
        part = texts[start : start + 7]
        scan.add(np.concatenate(part), lengths[start : start + 7])
    assert scan.scores().tolist() == held.tolist()
    assert held.tolist() == pytest.approx(by_the_book(query, texts), rel=1e-12)


@pytest.mark.parametrize("texts", [[], [[]], [[], []]])
def test_texts_without_a_term_score_nothing(texts):
    lengths = np.array(list(map(len, texts)), np.int64)
    query = np.array([1], np.uint32)
    nothing = np.empty(0, np.uint32)
    assert Postings(nothing, lengths).scores(query).tolist() == [0.0] * len(texts)
    scan = TermScan(query)
    scan.add(nothing, lengths)
    assert scan.scores().tolist() == [0.0] * len(texts)
    assert best(np.zeros(len(texts)), 3).tolist() == []


def test_stop_words_are_those_of_bm25s():
    from bm25s.stopwords import STOPWORDS_EN

    assert frozenset(STOPWORDS_EN) == STOP_WORDS


def test_a_term_is_not_taken_for_one_with_the_same_low_bits():
    query = np.array([5], np.uint32)
    near = np.array([5 + (1 << 16), 5, 5 + (7 << 16)], np.uint32)
    scan = TermScan(query)
    scan.add(near, np.array([1, 1, 1]))
    assert (scan.scores() > 0).tolist() == [False, True, False]
