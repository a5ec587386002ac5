import numpy as np

from secondpass.scoring.encode import TextEncoder
from secondpass.scoring.tokenized import TokenizedText, vocabulary_end


class CountingTokenizer:
    """Some versions copy the whole vocabulary for each of these questions."""

    def __init__(self, vocabulary):
        self.vocabulary, self.asked = vocabulary, 0

    def get_vocab(self):
        self.asked += 1
        return self.vocabulary

    def get_vocab_size(self):
        self.asked += 1
        return len(self.vocabulary)


def test_the_end_is_behind_the_largest_id_where_ids_have_gaps():
    assert vocabulary_end(CountingTokenizer({"a": 0, "b": 7})) == 8
    assert vocabulary_end(CountingTokenizer({})) == 0


def test_the_vocabulary_is_asked_once_for_all_texts():
    tokenizer = CountingTokenizer({"a": 0, "b": 1})
    encoder = TextEncoder(tokenizer, threads=1)
    encoder.__dict__["digest"] = "its own"
    texts = [TokenizedText("a b", np.array([0, 1]), "its own") for _ in range(5)]
    assert [ids.tolist() for ids in encoder.encode(texts)] == [[0, 1]] * 5
    assert tokenizer.asked == 1
